"""What a simulation leaves behind for recomputing it: one SQLite file, `simulate/export.sqlite` in its home.

Three kinds of tables. What the world knows: `bill` (records as the platform made them), `payee`, `decided` (what persons
decided that money follows from), `movement` and `record` (worked out from them here, for the comparison without DuckDB).
What only our papers say: `link` (which order and paper a record went into), `taken_by`, `sheet`, `letter`. What our
books say: `booked` (without closing entries, on which no money moves). The bank's own books are its own file, `demo/bank/books.sqlite`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final, LiteralString

from ledger.core.accounts import coded
from ledger.core.persons import PERSON
from ledger.db.unit_of_work import Transaction
from ledger.simulation.platform.bill import PlatformBill
from ledger.simulation.town import Town

_SCHEMA: Final = """
CREATE TABLE bill (setl_id TEXT PRIMARY KEY, init_setl_id TEXT, day TEXT, fund INTEGER, institution TEXT, daily INTEGER,
    ratio TEXT, med_type TEXT, pooled INTEGER, account INTEGER, guest INTEGER) STRICT;
CREATE TABLE payee (account TEXT PRIMARY KEY, counterparty TEXT) STRICT;
CREATE TABLE decided (what TEXT, reference TEXT, fund INTEGER, institution TEXT, subfund TEXT, year INTEGER, term INTEGER,
    fen INTEGER, words TEXT) STRICT;
CREATE TABLE record (setl_id TEXT, fund INTEGER, institution TEXT, subfund TEXT, year INTEGER, term INTEGER, clr_type TEXT,
    fen INTEGER, daily INTEGER, PRIMARY KEY (setl_id, subfund)) STRICT;
CREATE TABLE movement (fund INTEGER, institution TEXT, what TEXT, fen INTEGER) STRICT;
CREATE TABLE taken (fund INTEGER, institution TEXT, what TEXT, fen INTEGER) STRICT;
CREATE TABLE settled (setl_id TEXT, fund INTEGER, subfund TEXT, paper TEXT, PRIMARY KEY (setl_id, fund, subfund)) STRICT;
CREATE TABLE link (setl_id TEXT, fund INTEGER, subfund TEXT, order_no TEXT, paper TEXT,
    PRIMARY KEY (setl_id, fund, subfund)) STRICT;
CREATE TABLE taken_by (what TEXT, reference TEXT, fund INTEGER, institution TEXT, subfund TEXT, year INTEGER, term INTEGER,
    category TEXT, paper TEXT, fen INTEGER) STRICT;
CREATE TABLE sheet (paper TEXT PRIMARY KEY, fund INTEGER, institution TEXT, term INTEGER, approved_on TEXT) STRICT;
CREATE TABLE letter (paper TEXT PRIMARY KEY, fund INTEGER, institution TEXT, year INTEGER, confirmed_on TEXT, row9 INTEGER) STRICT;
CREATE TABLE booked (fund INTEGER, institution TEXT, subfund TEXT, year INTEGER, term INTEGER, account INTEGER, fen INTEGER) STRICT;
CREATE TABLE cleared (fund INTEGER, institution TEXT) STRICT;
"""
_PAPERS: Final[dict[str, LiteralString]] = {
    "settled": """SELECT setl_id, fund, subfund, settled_by FROM fund.payable
        WHERE region = %(region)s AND settled_by <> ''""",
    "link": """SELECT setl_id, fund, subfund, order_no, settled_by FROM fund.payable WHERE region = %(region)s""",
    "taken_by": """
        SELECT 'audit', f.finding_id, f.fund, f.institution, f.subfund, f.service_year, f.term, f.category, t.sheet_id,
               t.amount_fen FROM fund.finding_taken t
          JOIN fund.finding f ON f.region = t.region AND f.finding_id = t.finding_id WHERE t.region = %(region)s
        UNION ALL
        SELECT 'other', o.deduction_id, o.fund, o.institution, 'pool', 0, o.term, '', t.paper, t.amount_fen
          FROM fund.deduction_taken t
          JOIN fund.other_deduction o ON o.region = t.region AND o.deduction_id = t.deduction_id WHERE t.region = %(region)s
        UNION ALL
        SELECT 'offset', a.advance_id, a.fund, a.institution, 'pool', a.year, a.term, a.kind, t.sheet_id, t.amount_fen
          FROM fund.advance_offset t
          JOIN fund.advance a ON a.region = t.region AND a.advance_id = t.advance_id WHERE t.region = %(region)s""",
    "taken": """
        SELECT f.fund, f.institution, 'audit', t.amount_fen FROM fund.finding_taken t
          JOIN fund.finding f ON f.region = t.region AND f.finding_id = t.finding_id WHERE t.region = %(region)s
        UNION ALL
        SELECT o.fund, o.institution, 'other', t.amount_fen FROM fund.deduction_taken t
          JOIN fund.other_deduction o ON o.region = t.region AND o.deduction_id = t.deduction_id WHERE t.region = %(region)s
        UNION ALL
        SELECT a.fund, a.institution, 'offset', t.amount_fen FROM fund.advance_offset t
          JOIN fund.advance a ON a.region = t.region AND a.advance_id = t.advance_id WHERE t.region = %(region)s
        UNION ALL
        SELECT l.fund, l.institution, p.what, p.fen FROM fund.letter l
          JOIN fund.letter_line n ON n.region = l.region AND n.letter_id = l.letter_id
         CROSS JOIN LATERAL (VALUES ('forfeited', n.forfeited_fen), ('borne', n.borne_fen), ('surplus', -n.surplus_fen))
               p (what, fen)
         WHERE l.region = %(region)s AND l.state = 'confirmed' AND p.fen <> 0""",
    "sheet": """SELECT sheet_id, fund, institution, term, approved_on::text FROM fund.sheet
        WHERE region = %(region)s AND state = 'approved'""",
    "letter": """SELECT letter_id, fund, institution, year, confirmed_on::text, row9_fen FROM fund.letter
        WHERE region = %(region)s AND state = 'confirmed'""",
    "cleared": """SELECT DISTINCT fund, institution FROM fund.letter WHERE region = %(region)s AND state = 'confirmed'""",
    "booked": coded("""
        SELECT b.fund, d.counterparty, d.subfund, d.service_year, d.term, b.account, sum(b.credit - b.debit)::bigint
          FROM (SELECT region, fund, account, dim, debit, credit FROM books.balance
                UNION ALL  -- without what closed the months: it moved no money
                SELECT l.region, l.fund, l.account, l.dim, CASE l.side WHEN -1 THEN l.amount_fen ELSE 0 END,
                       CASE l.side WHEN 1 THEN l.amount_fen ELSE 0 END
                  FROM books.entry e
                  JOIN books.leg l ON l.region = e.region AND l.fund = e.fund AND l.period = e.period AND l.seq = e.seq
                 WHERE books.entry_kind(e.event) = 'closing') b
          JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.region = %(region)s AND (b.account IN ({CONSERVED})
               OR b.account IN ({ADVANCES}) OR b.account IN ({CARE_RECOGNISED}, {CARE_PAID})
               OR d.counterparty = %(person)s AND (b.account = {RETURNED_MONEY} OR b.account::text LIKE '{BENEFITS}%%'))
         GROUP BY 1, 2, 3, 4, 5, 6"""),
}
_CLR_TYPE: Final = {"21": "21", "52": "21", "11": "11", "14": "11", "41": "41"}
_ADVANCE: Final = re.compile("预付金|预拨|集采")
_FUND_OF: Final = re.compile(r"FL\d{6}-(310|390)-")


def export(town: Town, path: Path) -> None:
    """Write the file anew."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as out:
        out.executescript(_SCHEMA)
        _fill(out, "bill", _bills(town))
        _fill(out, "payee", town.payees.items())
        _fill(out, "decided", town.decided)
        _fill(out, "record", _records(town))
        _fill(out, "movement", _movements(town))
        _fill(out, "movement", _others(town))
        with town.tx("accountant") as tx:
            for table, query in _PAPERS.items():
                _fill(out, table, _rows(tx, query))
        _fill(out, "taken", _refunds(town))
    out.close()


def _fill(out: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    given = list(rows)
    if given:
        out.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(given[0]))})", given)  # noqa: S608 our own tables


def _rows(tx: Transaction, query: LiteralString) -> Iterable[tuple[object, ...]]:
    return (
        tx.rows(query, region=tx.region, person=PERSON)
        if "person" in query
        else tx.rows(query, region=tx.region)
    )


def _bills(town: Town) -> Iterable[tuple[object, ...]]:
    """As the platform made them: nothing is worked out here."""
    for day, bill in town.bills.values():
        made = bill.institution
        yield (
            bill.setl_id, bill.init_setl_id, day.isoformat(), bill.fund, made.code, int(made.daily), made.ratio,
            bill.med_type, bill.pooled, bill.account, _guest(bill),
        )  # fmt: skip


def _guest(bill: PlatformBill) -> int:
    """What another region owes for its patient: the bill less cash and the hospital's own share; 0 for our own people."""
    amounts = bill.amounts
    return amounts.medfee_sumamt - amounts.psn_cash_pay - amounts.hosp_part_amt if bill.out_of_region else 0


def _records(town: Town) -> Iterable[tuple[object, ...]]:
    for day, bill in town.bills.values():
        year = (town.bills[bill.init_setl_id][0] if bill.init_setl_id else day).year
        head = (bill.setl_id, bill.fund, bill.institution.code)
        tail = (year, day.year * 100 + day.month, _CLR_TYPE[bill.med_type])
        if bill.pooled:
            yield (*head, "pool", *tail, bill.pooled, _daily(bill))
        if bill.account:
            yield (*head, "acct", *tail, bill.account, 0)


def _refunds(town: Town) -> Iterable[tuple[int, str, str, int]]:
    """What came back: more is owed by so much, or less is advanced."""
    for one in town.decided:
        if one.what == "refund_prepaid":
            yield one.fund, one.institution, "advance_back", one.fen
        elif one.what.startswith("refund_") and one.subfund:
            yield one.fund, one.institution, "refunded", -one.fen


def _daily(bill: PlatformBill) -> int:
    """Half up per record, as 附件2 asks; written here once more."""
    if not bill.institution.daily or bill.med_type not in {"21", "52"}:
        return 0
    rounded = (abs(bill.pooled) * bill.institution.ratio_units * 2 + 10_000) // 20_000
    return rounded if bill.pooled > 0 else -rounded


def _others(town: Town) -> Iterable[tuple[int, str, str, int]]:
    """Guests owed to hospitals, and bills owed to other regions: in the same shape as what the bank moved."""
    for _, bill in town.bills.values():
        if bill.out_of_region:
            yield bill.fund, bill.institution.code, "guests", _guest(bill)
    for one in town.decided:
        if one.what == "bill_in":
            yield one.fund, one.institution, "billed", one.fen


def _movements(town: Town) -> Iterable[tuple[int, str, str, int]]:
    """What the bank itself paid out and took back, per book (from the order number) and payee account."""
    for line in town.bank.bank.books.statement(town.bank.account):
        movement = line.movement
        fund = _FUND_OF.match(movement.order_no)
        if fund is not None:
            fen = movement.amount_fen if movement.direction == "debit" else -movement.amount_fen
            payee = town.payees[movement.other_account]
            what = "advanced" if _ADVANCE.search(movement.purpose) else "paid"
            if payee == PERSON:
                what = "person"
            elif "异地就医" in movement.purpose:
                what = "guests_paid"
            yield int(fund[1]), payee, what, fen
