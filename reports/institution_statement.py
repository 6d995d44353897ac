"""机构年度对账单: one institution's service year on one page, as an equation that is checked (procedure.md 7E, INV-08).

Every figure names its memorandum accounts and opens to the entries that make it up; entries open to records, orders and
receipts through `explain`. The equation holds for each sub-fund by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.core.accounts import (
    AUDIT_DEDUCTED,
    BORNE,
    CLEARING_OWED,
    CLEARING_PAID,
    DAILY_OWED,
    DAILY_PAID,
    IN_FLIGHT,
    MONTH_OWED,
    MONTH_PAID,
    MONTH_WAITING,
    OTHER_DEDUCTED,
    PREALLOCATION_OFFSET,
    PREPAYMENT_OFFSET,
    RECOGNISED,
    REFUNDED,
    RETAINED,
    RETAINED_FORFEITED,
    SUPPLIER_OFFSET,
    SURPLUS_KEPT,
)
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from reports.statement_advances import AdvancesOut, advances_out

if TYPE_CHECKING:
    from moneyed import Money

SUBFUND_NAMES: Final = words_of("subfund")
SUBFUNDS: Final = tuple(SUBFUND_NAMES)
PARTS: Final = ("received", "paid", "refunded", "taken", "owed")


class FigureKind(NamedTuple):
    """A line of the statement: its column in fund.conservation, its accounts, and where it stands in the equation."""

    name: str
    title: str
    accounts: tuple[int, ...]
    part: str
    """received, paid, refunded, taken or owed."""


KINDS: Final = (
    FigureKind("recognised", "待遇确认（结算记录的基金金额）", (RECOGNISED,), "received"),
    FigureKind("surplus", "支付方式结余留用", (SURPLUS_KEPT,), "received"),
    FigureKind("paid_daily", "已付：日拨付", (DAILY_PAID,), "paid"),
    FigureKind("paid_month", "已付：月结", (MONTH_PAID,), "paid"),
    FigureKind("paid_clearing", "已付：年度清算", (CLEARING_PAID,), "paid"),
    FigureKind("offset_prepaid", "抵扣：预付金", (PREPAYMENT_OFFSET,), "paid"),
    FigureKind("offset_allocated", "抵扣：按月预拨", (PREALLOCATION_OFFSET,), "paid"),
    FigureKind("offset_supplier", "抵扣：集采直接结算", (SUPPLIER_OFFSET,), "paid"),
    FigureKind("refunded", "机构已退回", (REFUNDED,), "refunded"),
    FigureKind("audit", "审核扣款", (AUDIT_DEDUCTED,), "taken"),
    FigureKind("forfeited", "保证金扣减", (RETAINED_FORFEITED,), "taken"),
    FigureKind("other", "其他扣款", (OTHER_DEDUCTED,), "taken"),
    FigureKind("borne", "机构自担", (BORNE,), "taken"),
    FigureKind("open_daily", "应付：日拨付未下单", (DAILY_OWED,), "owed"),
    FigureKind("waiting", "应付：待月结", (MONTH_WAITING,), "owed"),
    FigureKind("month_owed", "应付：月结未下单", (MONTH_OWED,), "owed"),
    FigureKind("in_flight", "应付：在途", (IN_FLIGHT,), "owed"),
    FigureKind("retained", "应付：预留质量保证金", (RETAINED,), "owed"),
    FigureKind("clearing_owed", "应付：清算未下单", (CLEARING_OWED,), "owed"),
)
_DEBITS: Final = frozenset({RECOGNISED, SURPLUS_KEPT, REFUNDED})


def _money(fen: int) -> Money:
    from ledger.core.cny import to_money

    return to_money(fen)


@dataclass(frozen=True, slots=True)
class FigureEntry:
    """One entry's part in a figure, in fen; `open_with` is what `explain` takes."""

    subfund: str
    term: int
    seq: int
    voucher: str
    voucher_date: date
    event: str
    source_key: str
    evidence: str
    amount_fen: int
    open_with: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A line: the balance per sub-fund, and the entries it is made of."""

    kind: FigureKind
    by_subfund: Mapping[str, int]
    entries: Sequence[FigureEntry]

    @property
    def total_fen(self) -> int:
        """Over the sub-funds."""
        return sum(self.by_subfund.values())

    @property
    def columns(self) -> tuple[Money, ...]:
        """The line's money as it is handed over to be shown: each sub-fund, then their sum."""
        return tuple(map(_money, (*self.by_subfund.values(), self.total_fen)))


class TermRecords(NamedTuple):
    """What the record tables say of one 期号: the other side of the first figure."""

    subfund: str
    term: int
    records: int
    fund_fen: int
    daily_fen: int
    settled: int
    """Records a month or a letter closed."""

    @property
    def fund(self) -> Money:
        """The fund's money of the records, to be shown."""
        return _money(self.fund_fen)

    @property
    def daily(self) -> Money:
        """Their daily payables, to be shown."""
        return _money(self.daily_fen)


class StatementOrder(NamedTuple):
    """An order's part of the year and its proof."""

    order_no: str
    kind: str
    state: str
    amount_fen: int
    receipts: str
    """`bker:R1@2026-10-13`, a return with `-` before it; several with `，`."""

    @property
    def amount(self) -> Money:
        """The order's part, to be shown."""
        return _money(self.amount_fen)


class StatementPaper(NamedTuple):
    """A settlement sheet or clearing letter of the year."""

    paper: str
    what: str
    term: int
    result_fen: int
    entry: str

    @property
    def result(self) -> Money:
        """The paper's result, to be shown."""
        return _money(self.result_fen)


@dataclass(frozen=True, slots=True)
class InstitutionStatement:
    """The page."""

    region: int
    fund: int
    institution: str
    name: str
    year: int
    figures: Sequence[Figure]
    records: Sequence[TermRecords]
    orders: Sequence[StatementOrder]
    papers: Sequence[StatementPaper]
    advances: AdvancesOut

    def sum_of(self, part: str, subfund: str = "") -> int:
        """One part of the equation, of one sub-fund or both."""
        return sum(
            fen
            for figure in self.figures
            if figure.kind.part == part
            for name, fen in figure.by_subfund.items()
            if subfund in ("", name)
        )

    def money_of(self, part: str) -> Money:
        """The same to be shown."""
        return _money(self.sum_of(part))

    def difference_fen(self, subfund: str = "") -> int:
        """received − (paid − refunded + taken + owed): 0, or the year is not conserved."""
        received, paid, refunded, taken, owed = (self.sum_of(part, subfund) for part in PARTS)
        return received - paid + refunded - taken - owed

    @property
    def conserved(self) -> bool:
        """Whether the equation holds for every sub-fund."""
        return all(not self.difference_fen(subfund) for subfund in SUBFUNDS)

    @property
    def records_agree(self) -> bool:
        """T1 on this page: the first figure is what the record tables say."""
        said: dict[str, int] = defaultdict(int)
        for row in self.records:
            said[row.subfund] += row.fund_fen
        booked = next(figure.by_subfund for figure in self.figures if figure.kind.name == "recognised")
        return all(said[subfund] == booked[subfund] for subfund in SUBFUNDS)


def institution_statement(tx: Transaction, fund: int, institution: str, year: int) -> InstitutionStatement:
    """The statement of an institution's service year in one book, as the user may see it.

    Raises InvalidInput `statement.fund`, `statement.year`; NotFound `institution.unknown`; Conflict
    `statement.entries` where a figure's entries do not add up to it: the books are damaged, `verify` says where.
    """
    if fund not in FUND_NAMES:
        raise InvalidInput("statement.fund", f"没有账套{fund}", fund=fund)
    if not 2000 <= year <= 2999:
        raise InvalidInput("statement.year", f"服务年度{year}不合规", year=year)
    name: str | None = tx.value(
        "SELECT name FROM fund.institution WHERE region = %(region)s AND institution = %(institution)s",
        region=tx.region,
        institution=institution,
    )
    if name is None:
        raise NotFound("institution.unknown", f"没有定点医药机构{institution}", institution=institution)
    scope: dict[str, object] = {"region": tx.region, "fund": fund, "institution": institution, "year": year}
    return InstitutionStatement(
        tx.region,
        fund,
        institution,
        name,
        year,
        _figures(tx, scope),
        [TermRecords(*row) for row in tx.rows(_RECORDS, **scope)],
        [StatementOrder(*row) for row in tx.rows(_ORDERS, **scope)],
        [StatementPaper(*row) for row in tx.rows(_PAPERS, **scope)],
        advances_out(tx, fund, institution, year),
    )


_BALANCES: Final = """
    SELECT subfund, recognised_fen, surplus_fen, paid_daily_fen, paid_month_fen, paid_clearing_fen, offset_prepaid_fen,
           offset_allocated_fen, offset_supplier_fen, refunded_fen, audit_fen, forfeited_fen, other_fen, borne_fen,
           open_daily_fen, waiting_fen, month_owed_fen, in_flight_fen, retained_fen, clearing_owed_fen
      FROM fund.conservation
     WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s AND service_year = %(year)s"""
_ENTRIES: Final = """
    SELECT p.account, d.subfund, d.term, e.seq, e.series || '-' || e.period || '-' || e.vno, e.voucher_date, e.event, e.source_key,
           e.evidence, (-sum(l.side * l.amount_fen))::bigint
      FROM books.dim d
      JOIN books.posting p ON p.region = d.region AND p.fund = %(fund)s AND p.dim = d.dim
      JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
      CROSS JOIN LATERAL (SELECT DISTINCT b.first_seq + o.off AS seq FROM unnest(p.offs) AS o (off)) s
      JOIN books.leg l ON l.region = p.region AND l.fund = p.fund AND l.period = p.period AND l.seq = s.seq
                      AND l.account = p.account AND l.dim = p.dim
      JOIN books.entry e ON e.region = l.region AND e.fund = l.fund AND e.period = l.period AND e.seq = l.seq
     WHERE d.region = %(region)s AND d.counterparty = %(institution)s AND d.service_year = %(year)s
       AND p.account = ANY(%(accounts)s)
     GROUP BY p.account, d.subfund, d.term, e.seq, e.series, e.period, e.vno, e.voucher_date, e.event, e.source_key, e.evidence
     ORDER BY p.account, e.seq, d.subfund, d.term"""
_RECORDS: Final = """
    SELECT subfund, term, count(*), sum(fund_fen)::bigint, sum(daily_fen)::bigint, count(*) FILTER (WHERE settled_by <> '')
      FROM fund.payable
     WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s AND service_year = %(year)s
       AND recognised_by <> '' AND day >= make_date(%(year)s, 1, 1)
     GROUP BY 1, 2 ORDER BY 1 DESC, 2"""
_ORDERS: Final = """
    SELECT o.order_no, b.kind, o.state, sum(i.amount_fen)::bigint,
           coalesce((SELECT string_agg(CASE v.direction WHEN 'credit' THEN '-' ELSE '' END || v.kind || ':' || v.receipt_no
                                       || '@' || v.booking_date, '，' ORDER BY v.booking_date, v.kind, v.receipt_no)
                       FROM payments.evidence v WHERE v.region = o.region AND v.matched_order = o.order_no
                        AND v.outcome = 'posted'), '')
      FROM payments.pay_order o
      JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
      JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no AND i.service_year = %(year)s
     WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.institution = %(institution)s
       AND b.kind <> 'outregion'   -- other regions' money, no benefit of this fund
     GROUP BY o.region, o.order_no, b.kind, o.state ORDER BY o.order_no"""
_PAPERS: Final = """
    SELECT s.sheet_id, '月结单', s.term, s.result_fen, s.entry FROM fund.sheet s
     WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.institution = %(institution)s AND s.state = 'approved'
       AND EXISTS (SELECT 1 FROM fund.sheet_line l WHERE l.region = s.region AND l.sheet_id = s.sheet_id
                      AND l.service_year = %(year)s)
    UNION ALL
    SELECT letter_id, '清算确认书', 0, row9_fen, source_key FROM fund.letter
     WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s AND year = %(year)s AND state = 'confirmed'
     ORDER BY 3, 1"""


def _figures(tx: Transaction, scope: Mapping[str, object]) -> list[Figure]:
    balances = {row[0]: row[1:] for row in tx.rows(_BALANCES, **scope)}
    entries: dict[int, list[FigureEntry]] = defaultdict(list)
    accounts = [account for kind in KINDS for account in kind.accounts]
    for account, subfund, term, seq, voucher, day, event, key, evidence, credit_fen in tx.rows(
        _ENTRIES, **scope, accounts=accounts
    ):
        fen = -credit_fen if account in _DEBITS else credit_fen
        opened = f"{scope['fund']}:{seq}"
        entries[account].append(
            FigureEntry(subfund, term, seq, voucher, day, event, key, evidence, fen, opened)
        )
    figures = []
    for n, kind in enumerate(KINDS):
        by_subfund = {name: balances[name][n] if name in balances else 0 for name in SUBFUNDS}
        made_of = [entry for account in kind.accounts for entry in entries[account]]
        for subfund, fen in by_subfund.items():
            summed = sum(entry.amount_fen for entry in made_of if entry.subfund == subfund)
            if summed != fen:
                raise Conflict(
                    "statement.entries",
                    f"{kind.title}（{SUBFUND_NAMES[subfund]}）余额{yuan_grouped(fen)}元，凭证合计{yuan_grouped(summed)}元，账已损坏，请执行verify",
                    figure=kind.name,
                )
        figures.append(Figure(kind, by_subfund, made_of))
    return figures
