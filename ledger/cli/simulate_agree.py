"""Whether three sides agree at the end: our books, the bank's own books, and a recomputation that knows neither.

The recomputation starts from the records as the platform made them and the movements of the bank's own books. Of our
database it takes only which paper closed a record and what findings and deductions were taken; every amount, ratio and
rounding is worked out anew, in SQLite.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ledger.cli.simulate_town import Town
from ledger.fund.cash_orders import PERSON
from ledger.fund.generate_bill import Bill

_SCHEMA: Final = """
CREATE TABLE record (setl_id TEXT, fund INTEGER, institution TEXT, subfund TEXT, year INTEGER, term INTEGER, clr_type TEXT,
    fen INTEGER, daily INTEGER, PRIMARY KEY (setl_id, subfund)) STRICT;
CREATE TABLE settled (setl_id TEXT, fund INTEGER, subfund TEXT, paper TEXT, PRIMARY KEY (setl_id, fund, subfund)) STRICT;
CREATE TABLE taken (fund INTEGER, institution TEXT, what TEXT, fen INTEGER) STRICT;
CREATE TABLE movement (fund INTEGER, institution TEXT, what TEXT, fen INTEGER) STRICT;
CREATE TABLE booked (fund INTEGER, institution TEXT, subfund TEXT, year INTEGER, term INTEGER, account INTEGER, fen INTEGER) STRICT;
CREATE TABLE cleared (fund INTEGER, institution TEXT) STRICT;
"""
# What there should be per book and institution, and what is booked: the money that came in, what waits for its month,
# what a letter left to the institution, what was paid, and by difference what is still owed in all other ways.
_COMPARE: Final = """
WITH side AS (
    SELECT fund, institution, 'recognised' AS what, fen, 0 AS booked FROM record
    UNION ALL
    SELECT r.fund, r.institution, 'waiting', r.fen - r.daily, 0 FROM record r LEFT JOIN settled s USING (setl_id, fund, subfund)
     WHERE s.paper IS NULL
    UNION ALL
    SELECT r.fund, r.institution, 'borne', r.fen, 0 FROM record r JOIN settled s USING (setl_id, fund, subfund) WHERE s.paper LIKE 'CL%'
    UNION ALL
    SELECT fund, institution, what, fen, 0 FROM movement
    UNION ALL
    SELECT fund, institution, what, fen, 0 FROM taken WHERE what <> 'advance_back'
    UNION ALL
    SELECT fund, institution, 'advanced', -fen, 0 FROM taken WHERE what = 'advance_back'
    UNION ALL
    SELECT g.fund, g.institution, 'retained', g.fen - sign(g.fen) * ((abs(g.fen) * g.ratio + 5000) / 10000), 0
      FROM (SELECT r.fund, r.institution, s.paper, r.clr_type, sum(r.fen) AS fen, 9500 AS ratio
              FROM record r JOIN settled s USING (setl_id, fund, subfund)
             WHERE r.subfund = 'pool' AND s.paper NOT LIKE 'CL%' GROUP BY 1, 2, 3, 4) g
      LEFT JOIN cleared c ON (c.fund, c.institution) = (g.fund, g.institution) WHERE c.fund IS NULL
    UNION ALL
    SELECT r.fund, r.institution, 'owed', r.fen, 0 FROM record r
    UNION ALL
    SELECT r.fund, r.institution, 'owed', -(r.fen - r.daily), 0 FROM record r LEFT JOIN settled s USING (setl_id, fund, subfund)
     WHERE s.paper IS NULL
    UNION ALL
    SELECT r.fund, r.institution, 'owed', -r.fen, 0 FROM record r JOIN settled s USING (setl_id, fund, subfund) WHERE s.paper LIKE 'CL%'
    UNION ALL
    SELECT fund, institution, 'owed', -fen, 0 FROM movement WHERE what = 'paid'
    UNION ALL
    SELECT fund, institution, 'owed', -fen, 0 FROM taken WHERE what <> 'advance_back'
    UNION ALL
    SELECT b.fund, b.institution, CASE WHEN account = 9001 THEN 'recognised' WHEN account = 9102 THEN 'waiting'
            WHEN account = 9304 THEN 'borne' WHEN account IN (9201, 9202, 9203) THEN 'paid' WHEN account = 9301 THEN 'audit'
            WHEN account = 9303 THEN 'other' WHEN account = 9002 THEN 'surplus' WHEN account = 9209 THEN 'refunded'
            WHEN account = 9302 THEN 'forfeited' WHEN account = 200104 OR account BETWEEN 500000 AND 599999 THEN 'person'
            WHEN account BETWEEN 920401 AND 920403 THEN 'offset' ELSE 'unexpected' END, 0, CASE WHEN account = 9001 OR account = 200104 OR account BETWEEN 500000 AND 599999
            THEN -fen ELSE fen END
      FROM booked b WHERE account NOT IN (9101, 9103, 9104, 9105, 9106, 110102, 110103, 110104)
    UNION ALL
    SELECT fund, institution, 'advanced', 0, CASE WHEN account < 120000 THEN -fen ELSE fen END FROM booked
      WHERE account BETWEEN 110102 AND 110104 OR account BETWEEN 920401 AND 920403
    UNION ALL
    SELECT b.fund, b.institution, 'retained', 0, fen FROM booked b
      LEFT JOIN cleared c ON (c.fund, c.institution) = (b.fund, b.institution) WHERE account = 9105 AND c.fund IS NULL
    UNION ALL
    SELECT fund, institution, 'owed', 0, fen FROM booked WHERE account IN (9101, 9103, 9104, 9105, 9106))
SELECT fund, institution, what, sum(fen), sum(booked) FROM side GROUP BY 1, 2, 3 HAVING sum(fen) <> sum(booked) ORDER BY 1, 2, 3
"""
_KEYS: Final = """
SELECT fund, institution, subfund, year, term, sum(fen), sum(booked) FROM (
    SELECT fund, institution, subfund, year, term, fen, 0 AS booked FROM record
    UNION ALL
    SELECT fund, institution, subfund, year, term, 0, -fen FROM booked WHERE account = 9001)
 GROUP BY 1, 2, 3, 4, 5 HAVING sum(fen) <> sum(booked) ORDER BY 1, 2, 3, 4, 5
"""
_CLR_TYPE: Final = {"21": "21", "52": "21", "11": "11", "14": "11", "41": "41"}
_ADVANCE: Final = re.compile("预付金|预拨|集采")
_FUND_OF: Final = re.compile(r"FL\d{6}-(310|390)-")


def bank_agrees(town: Town) -> bool:
    """The same balance and the same payments, order by order."""
    with town.tx("accountant") as tx:
        paid: dict[str, int] = dict(
            tx.rows(
                "SELECT order_no, amount_fen FROM payments.pay_order WHERE region = %(region)s AND state = 'paid'",
                region=tx.region,
            )
        )
        balance: int = tx.value(
            """SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b
                 JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.account = 1004 AND d.counterparty = %(account)s""",
            region=tx.region,
            account=town.bank.account,
        )
    return town.bank.agrees(balance, paid)


def export(town: Town, path: Path) -> None:
    """Write the inputs of the recomputation into a new SQLite file, and what our books say beside them."""
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as out:
        out.executescript(_SCHEMA)
        out.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _records(town))
        out.executemany("INSERT INTO movement VALUES (?, ?, ?, ?)", _movements(town))
        with town.tx("accountant") as tx:
            region = {"region": tx.region}
            out.executemany(
                "INSERT INTO settled VALUES (?, ?, ?, ?)",
                tx.rows(
                    "SELECT setl_id, fund, subfund, settled_by FROM fund.payable WHERE region = %(region)s AND settled_by <> ''",
                    **region,
                ),
            )
            out.executemany(
                "INSERT INTO taken VALUES (?, ?, ?, ?)",
                tx.rows(
                    """SELECT f.fund, f.institution, 'audit', t.amount_fen FROM fund.finding_taken t
                         JOIN fund.finding f ON f.region = t.region AND f.finding_id = t.finding_id WHERE t.region = %(region)s
                       UNION ALL
                       SELECT fund, institution, 'other', amount_fen FROM fund.other_deduction
                        WHERE region = %(region)s AND taken_by <> ''
                       UNION ALL
                       SELECT a.fund, a.institution, 'offset', t.amount_fen FROM fund.advance_offset t
                         JOIN fund.advance a ON a.region = t.region AND a.advance_id = t.advance_id WHERE t.region = %(region)s
                       UNION ALL
                       SELECT l.fund, l.institution, p.what, p.fen FROM fund.letter l
                         JOIN fund.letter_line n ON n.region = l.region AND n.letter_id = l.letter_id
                        CROSS JOIN LATERAL (VALUES ('forfeited', n.forfeited_fen), ('borne', n.borne_fen),
                              ('surplus', -n.surplus_fen)) p (what, fen)
                        WHERE l.region = %(region)s AND l.state = 'confirmed'""",
                    **region,
                ),
            )
            out.executemany("INSERT INTO taken VALUES (?, ?, ?, ?)", _refunds(town))
            out.executemany(
                "INSERT INTO cleared VALUES (?, ?)",
                tx.rows(
                    "SELECT DISTINCT fund, institution FROM fund.letter WHERE region = %(region)s AND state = 'confirmed'",
                    **region,
                ),
            )
            out.executemany(
                "INSERT INTO booked VALUES (?, ?, ?, ?, ?, ?, ?)",
                tx.rows(
                    """SELECT b.fund, d.counterparty, d.subfund, d.service_year, d.term, b.account,
                              sum(b.credit - b.debit)::bigint FROM books.balance b
                         JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                        WHERE b.region = %(region)s AND (b.account BETWEEN 9001 AND 9399 OR b.account BETWEEN 900100 AND 939999
                               OR b.account BETWEEN 110102 AND 110104
                               OR d.counterparty = %(person)s AND (b.account = 200104 OR b.account::text LIKE '5001%%'))
                        GROUP BY 1, 2, 3, 4, 5, 6""",
                    **region,
                    person=PERSON,
                ),
            )
    out.close()


def disagreements(path: Path) -> list[str]:
    """What the recomputation finds different, one line each; [] if both agree to the fen."""
    with sqlite3.connect(path) as both:
        found = [
            f"{fund} {institution} {what}：应为{fen}分，账上{booked}分"
            for fund, institution, what, fen, booked in both.execute(_COMPARE)
        ]
        found += [
            f"{fund} {institution} {subfund} {year} {term} 待遇确认：应为{fen}分，账上{booked}分"
            for fund, institution, subfund, year, term, fen, booked in both.execute(_KEYS)
        ]
    both.close()
    return found


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


def _daily(bill: Bill) -> int:
    """Half up per record, as 附件2 asks; written here once more."""
    if not bill.institution.daily or bill.med_type not in {"21", "52"}:
        return 0
    rounded = (abs(bill.pooled) * bill.institution.ratio_units * 2 + 10_000) // 20_000
    return rounded if bill.pooled > 0 else -rounded


def _movements(town: Town) -> Iterable[tuple[int, str, str, int]]:
    """What the bank itself paid out and took back, per book (from the order number) and payee account."""
    for line in town.bank.bank.books.statement(town.bank.account):
        movement = line.movement
        fund = _FUND_OF.match(movement.order_no)
        if fund is not None:
            fen = movement.amount_fen if movement.direction == "debit" else -movement.amount_fen
            payee = town.payees[movement.other_account]
            what = "advanced" if _ADVANCE.search(movement.purpose) else "paid"
            yield int(fund[1]), payee, "person" if payee == PERSON else what, fen
