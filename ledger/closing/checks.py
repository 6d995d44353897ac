"""The check list of a month, line by line: what the books, the banks and the business say of it on a day (会计基础工作规范第六十三条).

Each line is a query of its own and names what fails it. What `verify` proves is asked of `verify`, once for three lines.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, LiteralString

from ledger.closing.lines import CODES, VERIFIED, CheckLine, named
from ledger.control.breach import Breach
from ledger.core.accounts import DAILY_PAID, UNSPLIT_CONTRIBUTIONS, UNSPLIT_INTEREST, coded
from ledger.core.entries import Book
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction


def last_day(period: int) -> date:
    """The last day of a period: 202602 to 2026-02-28."""
    year, month = divmod(period, 100)
    return date(year, month, calendar.monthrange(year, month)[1])


@dataclass(frozen=True, slots=True)
class MonthAsked:
    """The month a list is of, asked on a business date."""

    tx: Transaction
    book: Book
    period: int
    on: date

    def rows(self, query: LiteralString, **more: object) -> list[tuple[Any, ...]]:
        """The rows of a query that may name the book, the period, its first and last day and the day asked."""
        last = last_day(self.period)
        self._joins("off")
        found = self.tx.rows(
            query,
            region=self.book.region,
            fund=self.book.fund,
            period=self.period,
            first=last.replace(day=1),
            last=last,
            on=self.on,
            **more,
        )
        self._joins("on")
        return found

    def _joins(self, switch: str) -> None:
        """A check reads whole tables, and those filled since their last statistics look empty to the planner: joined by loops or
        merged by region and fund alone, a month of 250,000 vouchers took minutes. By hash it is a second.
        """
        self.tx.run(
            "SELECT set_config('enable_nestloop', %(switch)s, true), set_config('enable_mergejoin', %(switch)s, true)",
            switch=switch,
        )


def lines(asked: MonthAsked) -> Iterator[CheckLine]:
    """Every line but those of `verify`."""
    for code in CODES:
        if code not in VERIFIED:
            yield _CHECKS[code](asked)


def line(asked: MonthAsked, code: str) -> CheckLine:
    """One line that is not of `verify`."""
    return _CHECKS[code](asked)


def verified(book: Book, breaches: list[Breach]) -> Iterator[CheckLine]:
    """The three lines of one verification: ledgers against sub-ledgers, business against finance, and all the rest."""
    ours = [b for b in breaches if b.book in (str(book), str(book.region), "")]
    for code in VERIFIED:
        found = [b for b in ours if _line_of(b) == code]
        note = "；".join(b.message for b in found[:3])
        yield CheckLine(code, not found, named([f"{b.promise} {b.entry}".strip() for b in found]), note)


def _line_of(breach: Breach) -> str:
    if breach.promise in ("INV-06", "INV-08"):
        return "subledgers"
    return "business_finance" if breach.promise.startswith("T") else "verify"


def _drafts(asked: MonthAsked) -> CheckLine:
    found = asked.rows(
        """SELECT e.voucher_id FROM books.voucher e WHERE e.region = %(region)s AND e.fund = %(fund)s
              AND e.business_date <= %(last)s AND NOT EXISTS (
                  SELECT 1 FROM books.voucher_decision d
                   WHERE d.region = e.region AND d.fund = e.fund AND d.voucher_id = e.voucher_id)"""
    )
    return _of("drafts", found, "待复核的手工凭证")


def _numbers(asked: MonthAsked) -> CheckLine:
    counts = asked.rows(
        """SELECT e.series, count(*), max(e.vno), min(e.vno), c.last FROM books.entry e
             LEFT JOIN books.counter c ON c.region = e.region AND c.fund = e.fund AND c.period = e.period AND c.series = e.series
            WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = %(period)s GROUP BY e.series, c.last"""
    )
    wrong = [
        (f"{series}-{asked.period}",)
        for series, n, high, low, last in counts
        if (n, 1, n) != (high, low, last)
    ]
    if not wrong:
        return CheckLine("numbers", ok=True)
    found = asked.rows(
        """SELECT g.series || '-' || %(period)s || '-' || g.vno
             FROM (SELECT e.series, e.vno, lag(e.vno, 1, 0) OVER (PARTITION BY e.series ORDER BY e.vno) AS before
                     FROM books.entry e WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = %(period)s) g
            WHERE g.vno <> g.before + 1"""
    )
    return _of("numbers", found or wrong, "凭证号不连续或与计数器不符")


def _trial_balance(asked: MonthAsked) -> CheckLine:
    found = asked.rows(
        """SELECT CASE WHEN left(e.account::text, 1) = '9' THEN '备查账' ELSE '会计账' END, sum(e.debit - e.credit)::bigint
             FROM books.balance e WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = %(period)s
            GROUP BY 1 HAVING sum(e.debit - e.credit) <> 0"""
    )
    items = [(f"{section} 借贷差{yuan(fen)}元",) for section, fen in found]
    return _of("trial_balance", items, "试算不平衡")


def _unsplit(asked: MonthAsked) -> CheckLine:
    """4601 and 4602: a balance is allowed in months and is nought at the year's end (4601二（三）, 4602二（三））."""
    found = asked.rows(
        "SELECT e.account, sum(e.credit - e.debit)::bigint FROM books.balance e WHERE e.region = %(region)s AND e.fund = %(fund)s"
        " AND e.period <= %(period)s AND left(e.account::text, 4) = ANY(%(unsplit)s)"
        " GROUP BY e.account HAVING sum(e.credit - e.debit) <> 0",
        unsplit=[str(UNSPLIT_CONTRIBUTIONS), str(UNSPLIT_INTEREST)],
    )
    december = asked.period % 100 == 12
    note = ("年末须分清" if december else "月末可有余额，年末须分清") if found else ""
    items = named([f"{account} {yuan(fen)}元" for account, fen in found])
    return CheckLine("unsplit", not (found and december), items, note)


def _suspense(asked: MonthAsked) -> CheckLine:
    found = asked.rows(
        """SELECT e.kind || ':' || e.receipt_no || ':' || e.direction FROM payments.evidence e
            WHERE e.region = %(region)s AND e.outcome IN ('waiting', 'suspense') AND e.booking_date <= %(last)s
              AND EXISTS (SELECT 1 FROM payments.book_account a WHERE a.region = e.region AND a.account = e.account AND a.fund = %(fund)s)"""
    )
    return _of("suspense", found, "回单尚未查明")


def _in_flight(asked: MonthAsked) -> CheckLine:
    """Orders in flight hinder nothing: they are named with their ages in days."""
    found = asked.rows(
        """SELECT e.order_no, (%(on)s::date - b.pay_date) FROM payments.pay_order e
             JOIN payments.state s ON s.state = e.state AND s.in_flight
             JOIN payments.batch b ON b.region = e.region AND b.batch_id = e.batch_id
            WHERE e.region = %(region)s AND e.fund = %(fund)s AND b.pay_date <= %(last)s ORDER BY b.pay_date, 1"""
    )
    ages = "、".join(f"{order}已{days}天" for order, days in found[:20])
    return CheckLine("in_flight", ok=True, items=named([order for order, _ in found]), note=ages)


def _handback(asked: MonthAsked) -> CheckLine:
    found = asked.rows(
        coded("""SELECT %(period)s::text WHERE EXISTS (SELECT 1 FROM books.balance e
                  WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = %(period)s AND e.account = {DAILY_PAID})
              AND NOT EXISTS (SELECT 1 FROM fund.handback h
                  WHERE h.region = %(region)s AND h.fund = %(fund)s AND h.month = %(period)s)""")
    )
    return _of("handback", found, f"本月有日拨付（{DAILY_PAID}）而没有回传")


def _quarantine(asked: MonthAsked) -> CheckLine:
    """Lines and bank files set aside; a line that names no region (region 0) may be anybody's. One that came again and was
    taken, or that two persons let pass in an earlier month, is told no more.
    """
    found = asked.rows(
        """SELECT 'load ' || e.load_id || ' line ' || e.line FROM fund.quarantine e
            WHERE e.region IN (0, %(region)s)
              AND NOT (e.setl_id <> '' AND EXISTS (
                      SELECT 1 FROM fund.record r WHERE r.region = %(region)s AND r.setl_id = e.setl_id))
              AND NOT EXISTS (
                      SELECT 1 FROM books.closing_waiver w
                       WHERE w.region = %(region)s AND w.fund = %(fund)s AND w.period < %(period)s AND w.code = 'quarantine'
                         AND w.granted_by <> '' AND w.items ? ('load ' || e.load_id || ' line ' || e.line))
           UNION ALL
           SELECT 'file ' || f.name FROM payments.inbound_file f
            WHERE f.region = %(region)s AND f.outcome = 'quarantined' AND f.received_on <= %(last)s
              AND NOT EXISTS (SELECT 1 FROM payments.read_again a WHERE a.region = f.region AND a.account = f.account
                                 AND a.sha256 = f.sha256 AND a.outcome = 'read')"""
    )
    return _of("quarantine", found, "被隔离的记录或银行文件尚未处理")


def _findings(asked: MonthAsked) -> CheckLine:
    found = asked.rows(
        """SELECT e.finding_id FROM fund.finding e WHERE e.region = %(region)s AND e.fund = %(fund)s
              AND e.found_on <= %(last)s AND e.state NOT IN ('final', 'cancelled')"""
    )
    return _of("findings", found, "审核发现尚未定案")


def _bank(asked: MonthAsked) -> CheckLine:
    """余额调节表 of each bank account of the book, reviewed and unchanged since (payments.unreconciled). Where the region takes in
    no statements yet, that is said and hinders nothing.
    """
    [(kept,)] = asked.rows(
        "SELECT EXISTS (SELECT 1 FROM payments.bank_statement WHERE region = %(region)s AND n > 0)"
    )
    if not kept:
        return CheckLine("bank", ok=True, note="尚无银行对账单")
    [(words,)] = asked.rows("SELECT payments.unreconciled(%(region)s, %(fund)s::smallint, %(period)s)")
    found = [(word,) for word in str(words).split("、") if word]
    return _of("bank", found, "没有经复核的银行存款余额调节表")


def _clearing(asked: MonthAsked) -> CheckLine:
    """At the year's end: every letter of the year, and every one confirmed in it, stands in the books with its row 9, to the
    fen; those of the year that are not confirmed yet are named.
    """
    if asked.period % 100 != 12:
        return CheckLine("clearing", ok=True, note="年末核对")
    found = asked.rows(
        coded("""SELECT l.letter_id, l.state = 'confirmed', l.row9_fen,
                  coalesce((SELECT sum(CASE WHEN g.side = -1 THEN g.amount_fen ELSE -g.amount_fen END) FROM books.source k
                     JOIN books.leg g ON g.region = k.region AND g.fund = k.fund AND g.period = k.period AND g.seq = k.seq
                    WHERE k.region = l.region AND k.fund = l.fund AND k.source_key = l.source_key AND g.account = {CLEARING_OWED}), 0)
             FROM fund.letter l WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.state <> 'void'
              AND (l.state = 'confirmed' AND %(period)s / 100 IN (extract(year FROM l.confirmed_on), l.year)
                   OR l.state <> 'confirmed' AND l.year <= %(period)s / 100)""")
    )
    wrong = [letter for letter, done, row9, booked in found if done and row9 != booked]
    waiting = [letter for letter, done, *_ in found if not done]
    if wrong:
        return CheckLine("clearing", ok=False, items=named(wrong), note="确认书第9行与其记账凭证不符")
    note = f"尚未确认的清算确认书{len(waiting)}份" if waiting else ""
    return CheckLine("clearing", ok=True, items=named(waiting), note=note)


def _of(code: str, found: list[tuple[Any, ...]], note: str) -> CheckLine:
    return CheckLine(code, not found, named([str(row[0]) for row in found]), note if found else "")


_CHECKS: Final[dict[str, Callable[[MonthAsked], CheckLine]]] = {
    "drafts": _drafts,
    "numbers": _numbers,
    "trial_balance": _trial_balance,
    "unsplit": _unsplit,
    "suspense": _suspense,
    "in_flight": _in_flight,
    "handback": _handback,
    "quarantine": _quarantine,
    "findings": _findings,
    "bank": _bank,
    "clearing": _clearing,
}
