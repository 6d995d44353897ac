"""银行存款余额调节表 of an account and month: made by the accountant, reviewed by another person who is no cashier.

At the month's end a match counts only where all its lines, the bank's and ours, lie up to that day; what lies there and is in no
such match is open. Journal lines from before the first statement that no match names are taken as settled before it: the
first opening balance proves them. The sheet is of a cut (statements, matches, blocks), so that it recomputes for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString

from ledger.access.signing.signing import sign_decision
from ledger.core.dates import last_day_of
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.db.locks import Lock, hold
from ledger.db.safekeeping.fields import read_shown
from ledger.db.unit_of_work import Transaction

STATES: Final = words_of("sheet_bank.state")
_ITEMS: Final[LiteralString] = """
WITH own AS MATERIALIZED (
    SELECT a.account, a.kind::integer AS code, a.kind = '1005' AS whole, payments.account_funds(a.region, a.account) AS funds
      FROM payments.bank_account a WHERE a.region = %(region)s AND a.account = %(account)s),
party AS MATERIALIZED (
    SELECT d.dim FROM books.dim d JOIN own o ON o.whole OR d.counterparty = o.account WHERE d.region = %(region)s),
hit AS MATERIALIZED (
    SELECT DISTINCT p.fund, p.period, b.voucher_date, b.first_seq + f.off AS seq
      FROM own o
      JOIN books.posting p ON p.region = %(region)s AND p.fund = ANY (o.funds) AND p.account = o.code
      JOIN party d ON d.dim = p.dim
      JOIN books.block b ON b.region = %(region)s AND b.fund = p.fund AND b.block = p.block
     CROSS JOIN LATERAL unnest(p.offs) AS f (off)
     WHERE b.voucher_date <= %(day)s),
leg AS MATERIALIZED (
    SELECT h.fund, h.seq, l.leg, sign(l.code)::bigint * l.fen AS effect, h.voucher_date AS day,
           coalesce(n.reference, e.evidence) AS evidence, coalesce(nullif(n.summary, ''), e.summary) AS summary, n.day AS old_day
      FROM hit h
      JOIN books.entry e ON e.region = %(region)s AND e.fund = h.fund AND e.period = h.period AND e.seq = h.seq
     CROSS JOIN own o
     CROSS JOIN LATERAL unnest(e.accounts, e.amounts, e.dims) WITH ORDINALITY AS l (code, fen, dim, leg)
      LEFT JOIN payments.opened_leg n ON n.region = %(region)s AND n.fund = h.fund AND n.seq = h.seq AND n.leg = l.leg
     WHERE abs(l.code) = o.code AND l.dim IN (SELECT dim FROM party)),
line AS MATERIALIZED (
    SELECT l.statement, l.n, l.booked_on, CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END AS effect,
           coalesce(nullif(l.receipt_no, ''), nullif(l.bank_reference, ''), l.order_no) AS paper,
           concat_ws(' ', nullif(l.summary, ''), nullif(l.other_name, '')) AS summary
      FROM payments.statement_line l WHERE l.region = %(region)s AND l.account = %(account)s AND l.statement > 0 AND l.booked_on <= %(day)s),
part AS MATERIALIZED (
    SELECT m.match, l.statement::bigint AS a, l.n::bigint AS b, 0::bigint AS c, l.n IS NOT NULL AS there
      FROM payments.match_line m LEFT JOIN line l ON l.statement = m.statement AND l.n = m.n
     WHERE m.region = %(region)s AND m.account = %(account)s AND m.live
    UNION ALL
    SELECT m.match, g.fund, g.seq, g.leg, g.leg IS NOT NULL
      FROM payments.match_leg m LEFT JOIN leg g ON g.fund = m.fund AND g.seq = m.seq AND g.leg = m.leg
     WHERE m.region = %(region)s AND m.account = %(account)s AND m.live),
whole AS MATERIALIZED (SELECT match FROM part GROUP BY match HAVING bool_and(there)),
first AS (SELECT min(s.first_day) AS day FROM payments.bank_statement s WHERE s.region = %(region)s AND s.account = %(account)s AND s.n > 0)
SELECT CASE WHEN effect > 0 THEN 'book_in' ELSE 'book_out' END AS part, coalesce(old_day, day) AS day, abs(effect) AS fen, fund || ':' || seq || ':' || leg AS reference,
       evidence AS paper, summary
  FROM leg g
 WHERE NOT EXISTS (SELECT 1 FROM part p JOIN whole USING (match) WHERE p.a = g.fund AND p.b = g.seq AND p.c = g.leg)
   AND NOT (g.day < (SELECT day FROM first) AND NOT EXISTS (SELECT 1 FROM part p WHERE p.a = g.fund AND p.b = g.seq AND p.c = g.leg))
UNION ALL
SELECT CASE WHEN effect > 0 THEN 'bank_in' ELSE 'bank_out' END, booked_on, abs(effect), statement || ':' || n, paper, summary
  FROM line l WHERE NOT EXISTS (SELECT 1 FROM part p JOIN whole USING (match) WHERE p.a = l.statement AND p.b = l.n AND p.c = 0)
 ORDER BY part, day, reference
"""


@dataclass(frozen=True, slots=True)
class SheetItem:
    """An open item; `part` is book_in, book_out (ours, not at the bank), bank_in or bank_out (the bank's, not in our books)."""

    part: str
    day: date
    amount_fen: int
    reference: str
    paper: str
    summary: str
    age_days: int


@dataclass(frozen=True, slots=True)
class BankSheet:
    """A stored 余额调节表."""

    account: str
    period: int
    version: int
    bank_fen: int
    book_fen: int
    adjusted_fen: int
    digest: bytes
    state: str
    made_by: str
    made_on: date
    reviewed_by: str
    reviewed_on: date | None
    reason: str
    items: tuple[SheetItem, ...] = ()


def make(tx: Transaction, account: str, period: int, day: date) -> BankSheet:
    """Make the month's sheet as accountant under `day`; the newest is given again if it still says the same, reviewed or waiting:
    a review is not undone by asking once more.

    Raises NotFound `account.unknown`; Conflict `reconciliation.not_over`, `.statement_missing` (statements do not reach the
    month's end), `.opening` (the first statement's opening is not what the books had), `.waiting`; InvalidInput
    `.unbalanced`; Forbidden `access.role_missing`, `.cashier`.
    """
    hold(tx, Lock.STATEMENT, f"{tx.region} {account}")
    end = last_day_of(period)
    if day <= end:
        raise Conflict("reconciliation.not_over", f"会计期间{period}到{end}为止，{day}还不能编制余额调节表")
    cuts = _cuts(tx, account)
    bank, reached = tx.row(
        "SELECT fen, reached FROM payments.bank_balance(%(region)s, %(account)s, %(day)s, %(cut)s)",
        region=tx.region,
        account=account,
        day=end,
        cut=cuts[0],
    ) or (0, False)
    if not reached:
        raise Conflict(
            "reconciliation.statement_missing", f"账户{account}的对账单没有到{end}，不能编制余额调节表"
        )
    book: int = tx.value(
        "SELECT payments.book_balance(%(region)s, %(account)s, %(day)s, NULL)",
        region=tx.region,
        account=account,
        day=end,
    )
    # lines and matches of minutes ago have no statistics: as nested loops the joins take the square of their number
    tx.run("SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off")
    items = [
        SheetItem(part, at, fen, reference, paper, summary, (end - at).days)
        for part, at, fen, reference, paper, summary in tx.rows(
            _ITEMS, region=tx.region, account=account, day=end
        )
    ]
    tx.run("SET LOCAL enable_nestloop = on; SET LOCAL enable_mergejoin = on")
    adjusted = bank + _signed(items, "book")
    if adjusted != book + _signed(items, "bank"):
        raise Conflict(
            "reconciliation.opening",
            f"账户{account}第一份对账单的期初与当时账面相差{yuan_grouped(book + _signed(items, 'bank') - adjusted)}元："
            "先把更早的对账单与账相符，或补记期初",
        )
    if (newest := next(iter(sheets(tx, account, period)), None)) is not None and newest.state != "refused":
        known = sheet(tx, account, period, newest.version)
        if (known.bank_fen, known.book_fen, _lines(known.items)) == (bank, book, _lines(items)):
            return known
        if known.state == "made":
            raise Conflict(
                "reconciliation.waiting",
                f"账户{account}{period}的余额调节表第{known.version}版待复核，复核或退回之后再编",
            )
    return _store(tx, account, period, (bank, book, adjusted), items, cuts, day)


def _lines(items: Iterable[SheetItem]) -> list[tuple[str, date, int, str]]:
    """What items say without their words, which are sealed in the one place and shown masked in the other."""
    return [(one.part, one.day, one.amount_fen, one.reference) for one in items]


def review(
    tx: Transaction, account: str, period: int, digest: bytes, day: date, refusal: str = ""
) -> BankSheet:
    """Review the sheet that waits, as another person and no cashier: agree to exactly what `digest` stands for, or give the
    reason why not. Agreeing again changes nothing.

    Raises NotFound `reconciliation.none`; Conflict `reconciliation.changed`, `request.decided`; InvalidInput
    `reconciliation.reason`; Forbidden `request.same_person`, `reconciliation.cashier`, `access.role_missing`.
    """
    hold(tx, Lock.STATEMENT, f"{tx.region} {account}")
    known = sheet(tx, account, period)
    if known.state == "reviewed" and known.reviewed_by == tx.user and known.digest == digest and not refusal:
        return known
    if known.state != "made":
        raise Conflict("request.decided", f"余额调节表已办理（{STATES[known.state]}），不能再改")
    if len(refusal) > 120:
        raise InvalidInput("reconciliation.reason", "理由应为1到120字", field="reason")
    if known.digest != digest:
        raise Conflict("reconciliation.changed", "余额调节表不是所核对的那一份，请重新核对")
    if not refusal.strip():
        sign_decision(tx, "payments.reconciliation", [account, period, known.version], day)
    tx.run(
        "UPDATE payments.reconciliation SET state = %(state)s, reviewed_by = %(user)s, reviewed_on = %(day)s,"
        " reviewed_digest = %(digest)s, reason = %(reason)s WHERE region = %(region)s AND account = %(account)s"
        " AND period = %(period)s AND version = %(version)s",
        region=tx.region,
        account=account,
        period=period,
        version=known.version,
        state="refused" if refusal.strip() else "reviewed",
        user=tx.user,
        day=day,
        digest=digest,
        reason=refusal.strip(),
    )
    return sheet(tx, account, period)


def sheets(tx: Transaction, account: str = "", period: int = 0) -> list[BankSheet]:
    """Sheets of an account or all, of a month or all, without their items; the newest version first."""
    return [
        BankSheet(own, month, version, bank, book, adjusted, bytes(digest), *rest)
        for own, month, version, bank, book, adjusted, digest, *rest in tx.rows(
            "SELECT account, period, version, bank_fen, book_fen, adjusted_fen, digest, state, made_by, made_on, reviewed_by,"
            " reviewed_on, reason FROM payments.reconciliation WHERE region = %(region)s AND %(account)s IN ('', account)"
            " AND %(period)s IN (0, period) ORDER BY account, period, version DESC",
            region=tx.region,
            account=account,
            period=period,
        )
    ]


def sheet(tx: Transaction, account: str, period: int, version: int = 0) -> BankSheet:
    """A sheet with its items, the newest without `version`; raises NotFound `reconciliation.none`."""
    found = [one for one in sheets(tx, account, period) if version in (0, one.version)]
    if not found:
        raise NotFound("reconciliation.none", f"账户{account[:40]}{period}没有余额调节表")
    items = tuple(
        SheetItem(*row)
        for row in read_shown(
            tx,
            "SELECT part, day, amount_fen, reference, paper, summary, age_days FROM payments.reconciliation_item"
            " WHERE region = %(region)s AND account = %(account)s AND period = %(period)s AND version = %(version)s ORDER BY n",
            region=tx.region,
            account=account,
            period=period,
            version=found[0].version,
        )
    )
    head = found[0]
    return BankSheet(
        head.account, head.period, head.version, head.bank_fen, head.book_fen, head.adjusted_fen, head.digest, head.state,
        head.made_by, head.made_on, head.reviewed_by, head.reviewed_on, head.reason, items,
    )  # fmt: skip


def _signed(items: list[SheetItem], side: str) -> int:
    return sum(
        one.amount_fen if one.part.endswith("_in") else -one.amount_fen
        for one in items
        if one.part.startswith(side)
    )


def _cuts(tx: Transaction, account: str) -> tuple[int, int, str]:
    """Last statement, last match number, last block of every book as JSON."""
    row = tx.row(
        "SELECT (SELECT coalesce(max(s.n), 0) FROM payments.bank_statement s WHERE s.region = a.region AND s.account = a.account AND s.n > 0),"
        "       payments.next_match(a.region, a.account) - 1,"
        "       (SELECT coalesce(jsonb_object_agg(f, coalesce((SELECT max(b.block) FROM books.block b WHERE b.region = %(region)s AND b.fund = f), 0)), '{}')::text"
        "          FROM unnest(payments.account_funds(a.region, a.account)) AS f)"
        "  FROM payments.bank_account a WHERE a.region = %(region)s AND a.account = %(account)s",
        region=tx.region,
        account=account,
    )
    if row is None:
        raise NotFound("account.unknown", f"统筹区{tx.region}没有账户{account[:40]}", account=account[:40])
    return row[0], row[1], row[2]


def _store(
    tx: Transaction,
    account: str,
    period: int,
    figures: tuple[int, int, int],
    items: list[SheetItem],
    cuts: tuple[int, int, str],
    day: date,
) -> BankSheet:
    version = max((one.version for one in sheets(tx, account, period)), default=0) + 1
    tx.run("DROP TABLE IF EXISTS pg_temp.item_in")
    tx.run("CREATE TEMP TABLE item_in (LIKE payments.reconciliation_item) ON COMMIT DROP")
    tx.copy(
        "pg_temp.item_in (region, account, period, version, n, part, day, amount_fen, reference, paper, summary, age_days)",
        (
            (
                tx.region,
                account,
                period,
                version,
                n,
                one.part,
                one.day,
                one.amount_fen,
                one.reference,
                one.paper,
                one.summary,
                one.age_days,
            )
            for n, one in enumerate(items, 1)
        ),
    )
    tx.run(
        "INSERT INTO payments.reconciliation_item (region, account, period, version, n, part, day, amount_fen, reference, paper,"
        " summary, age_days) SELECT region, account, period, version, n, part, day, amount_fen, reference, paper, summary, age_days"
        " FROM pg_temp.item_in"
    )
    tx.run(
        "INSERT INTO payments.reconciliation (region, account, period, version, bank_fen, book_fen, adjusted_fen, items,"
        " statement_cut, match_cut, blocks, digest, state, made_by, made_on) VALUES (%(region)s, %(account)s, %(period)s,"
        " %(version)s, %(bank)s, %(book)s, %(adjusted)s, %(items)s, %(statements)s, %(matches)s, %(blocks)s, sha256(''), 'made',"
        " %(user)s, %(day)s)",
        region=tx.region,
        account=account,
        period=period,
        version=version,
        bank=figures[0],
        book=figures[1],
        adjusted=figures[2],
        items=len(items),
        statements=cuts[0],
        matches=cuts[1],
        blocks=cuts[2],
        user=tx.user,
        day=day,
    )
    return sheet(tx, account, period, version)
