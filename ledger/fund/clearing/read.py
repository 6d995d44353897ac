"""The two sides a letter is computed from: the memorandum balances of the books, and the tables that are not the books.

Tables: recognised payables, approved month sheets, taken findings, orders the bank has paid, approved refunds,
confirmed letters. Both sides are read per key and must say the same (clearing_figures).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, LiteralString, NamedTuple

from ledger.core.accounts import (
    AUDIT_DEDUCTED,
    BORNE,
    CLEARING_OWED,
    DAILY_ADVANCE,
    DAILY_OWED,
    IN_FLIGHT,
    MONTH_OWED,
    MONTH_WAITING,
    OFFSETS,
    OTHER_DEDUCTED,
    PAID,
    RECOGNISED,
    REFUNDED,
    RETAINED,
    RETAINED_FORFEITED,
    RETURNED_MONEY,
    SURPLUS_KEPT,
    coded,
)
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.scope import LetterScope
from ledger.fund.month.sheet import Key

Amounts = dict[Key, int]

PAID_ACCOUNTS: Final = (*PAID, *OFFSETS)
_ACCOUNTS: Final = (
    RECOGNISED, SURPLUS_KEPT, DAILY_OWED, MONTH_WAITING, MONTH_OWED, IN_FLIGHT, RETAINED, CLEARING_OWED, *PAID_ACCOUNTS,
    REFUNDED, AUDIT_DEDUCTED, RETAINED_FORFEITED, OTHER_DEDUCTED, BORNE,
    DAILY_ADVANCE, RETURNED_MONEY,
)  # fmt: skip
_OPENED_TAKEN: Final = {RETAINED_FORFEITED: "forfeited", BORNE: "borne", SURPLUS_KEPT: "surplus"}
_DEBIT_SIDE: Final = frozenset({RECOGNISED, SURPLUS_KEPT, REFUNDED, DAILY_ADVANCE})


@dataclass(frozen=True, slots=True)
class KeyBalances:
    """Balances per account and key on the account's normal side, in fen; zero ones are left out."""

    balances: Mapping[int, Amounts]

    def of(self, key: Key, *accounts: int) -> int:
        """The sum over accounts."""
        return sum(self.balances.get(code, {}).get(key, 0) for code in accounts)

    @property
    def keys(self) -> set[Key]:
        """Every key with a balance."""
        return {key for amounts in self.balances.values() for key in amounts}


class Prior(NamedTuple):
    """What confirmed letters counted or took of a key, in fen."""

    claimed: int = 0
    surplus: int = 0
    audit: int = 0
    forfeited: int = 0
    other: int = 0
    borne: int = 0
    """Overspend shares and late costs."""
    paid: int = 0
    refunded: int = 0
    retained: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Tables:
    """The independent side, per key, in fen."""

    claimed: Amounts
    audit: Amounts
    other: Amounts
    retained: Amounts
    offset: Amounts
    paid: Amounts
    refunded: Amounts
    taken: Mapping[Key, Prior]
    """By all confirmed letters: what they took."""


class Unsettled(NamedTuple):
    """A payable no month has settled."""

    setl_id: str
    key: Key
    fund_fen: int
    open_daily_fen: int
    paid_daily_fen: int
    recognised: bool
    in_time: bool
    """Declared until the cut-off, and not withdrawn or rejected."""
    carried: bool
    """Documented and left to the next year's clearing."""


def read_books(tx: Transaction, scope: LetterScope) -> KeyBalances:
    """All balances of the institution up to the letter's year."""
    found: dict[int, Amounts] = defaultdict(dict)
    for code, *key, fen in tx.rows(
        "SELECT b.account, d.subfund, d.service_year, d.term, d.category, sum(b.debit - b.credit)::bigint"
        " FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
        " WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = ANY(%(accounts)s)"
        " AND d.counterparty = %(institution)s AND d.service_year BETWEEN 1 AND %(year)s"
        " GROUP BY 1, 2, 3, 4, 5 HAVING sum(b.debit - b.credit) <> 0",
        region=tx.region, fund=scope.fund, accounts=list(_ACCOUNTS), institution=scope.institution, year=scope.year,
    ):  # fmt: skip
        found[code][Key(*key)] = fen if code in _DEBIT_SIDE else -fen
    return KeyBalances(found)


_CLAIMED: Final[LiteralString] = (
    "SELECT subfund, service_year, term, category, sum(fund_fen)::bigint FROM fund.payable"
    " WHERE region = %(region)s AND fund = %(fund)s AND institution = %(institution)s AND service_year <= %(year)s"
    " AND recognised_by <> '' AND recognised_by NOT LIKE 'OPEN:%%' GROUP BY 1, 2, 3, 4"
)
_SHEETS: Final[LiteralString] = (
    "SELECT l.subfund, l.service_year, l.term, l.category, sum(l.audit_fen)::bigint, sum(l.other_fen)::bigint,"
    " sum(l.retained_fen)::bigint, sum(l.offset_fen)::bigint"
    " FROM fund.sheet s JOIN fund.sheet_line l ON l.region = s.region AND l.sheet_id = s.sheet_id"
    " WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.institution = %(institution)s AND s.state = 'approved'"
    " AND l.service_year <= %(year)s GROUP BY 1, 2, 3, 4"
)
# The same row of the same order is what its receipt posted; a returned order is paid no longer.
_PAID: Final[LiteralString] = coded(
    "SELECT i.subfund, i.service_year, i.term, i.category, sum(i.amount_fen)::bigint"
    " FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no"
    " WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.institution = %(institution)s AND o.state = 'paid'"
    " AND i.source IN ({OWED}) AND i.service_year <= %(year)s GROUP BY 1, 2, 3, 4"
)
_REFUNDED: Final[LiteralString] = (
    "SELECT l.subfund, l.service_year, l.term, l.category, sum(l.amount_fen)::bigint"
    " FROM fund.refund f JOIN fund.refund_line l ON l.region = f.region AND l.refund_id = f.refund_id"
    " WHERE f.region = %(region)s AND f.fund = %(fund)s AND f.institution = %(institution)s AND f.state = 'approved'"
    " AND l.service_year <= %(year)s GROUP BY 1, 2, 3, 4"
)
_TAKEN: Final[LiteralString] = (
    "SELECT n.subfund, n.service_year, n.term, n.category, 0::bigint, sum(n.surplus_fen)::bigint, sum(n.audit_fen)::bigint,"
    " sum(n.forfeited_fen)::bigint, sum(n.other_fen)::bigint, sum(n.borne_fen + n.late_fen)::bigint, 0::bigint, 0::bigint,"
    " sum(n.retained_fen)::bigint, sum(n.offset_fen)::bigint"
    " FROM fund.letter l JOIN fund.letter_line n ON n.region = l.region AND n.letter_id = l.letter_id"
    " WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.institution = %(institution)s AND l.state = 'confirmed'"
    " GROUP BY 1, 2, 3, 4"
)
# What the book was taken over with, by account.
_OPENED: Final[LiteralString] = (
    "SELECT l.subfund, l.service_year, l.term, l.category, l.account::bigint, sum(l.balance_fen)::bigint"
    " FROM fund.cutover c JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version"
    " WHERE c.region = %(region)s AND c.fund = %(fund)s AND c.state = 'confirmed' AND l.posted"
    " AND l.counterparty = %(institution)s AND l.service_year <= %(year)s GROUP BY 1, 2, 3, 4, 5"
)
# A letter's row 9 counts as paid for whoever comes after: paid it was, or it is still owed by the institution.
_COUNTED: Final[LiteralString] = (
    "SELECT n.subfund, n.service_year, n.term, n.category, sum(n.claimed_fen)::bigint,"
    " sum(n.surplus_before + n.surplus_fen)::bigint, sum(n.audit_before + n.audit_fen)::bigint,"
    " sum(n.forfeited_before + n.forfeited_fen)::bigint, sum(n.other_before + n.other_fen)::bigint,"
    " sum(n.borne_before + n.borne_fen + n.late_fen)::bigint, sum(n.paid_fen + n.offset_fen + n.result_fen"
    " + n.owed_before)::bigint,"
    " sum(n.refunded_fen)::bigint, 0::bigint"
    " FROM fund.letter l JOIN fund.letter_line n ON n.region = l.region AND n.letter_id = l.letter_id"
    " WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.institution = %(institution)s AND l.state = 'confirmed'"
    " AND l.period = 'year' AND l.year < %(year)s GROUP BY 1, 2, 3, 4"
)


def read_tables(tx: Transaction, scope: LetterScope) -> Tables:
    """The independent side of the institution up to the letter's year."""
    sheets = _rows(tx, _SHEETS, scope)
    opened = [(key, row[0], row[1]) for key, row in _rows(tx, _OPENED, scope)]

    def with_opened(amounts: Amounts, *accounts: int) -> Amounts:
        total = defaultdict(int, amounts)
        for key, account, fen in opened:
            if account in accounts:
                total[key] += fen
        return {key: fen for key, fen in total.items() if fen}

    taken = {key: Prior(*amounts) for key, amounts in _rows(tx, _TAKEN, scope)}
    for key, account, fen in opened:
        field = _OPENED_TAKEN.get(account)
        if field is not None:
            before = taken.get(key, Prior())
            taken[key] = before._replace(**{field: getattr(before, field) + fen})
    return Tables(
        claimed=with_opened(_amounts(_rows(tx, _CLAIMED, scope)), RECOGNISED),
        audit=with_opened(_amounts(sheets, 0), AUDIT_DEDUCTED),
        other=with_opened(_amounts(sheets, 1), OTHER_DEDUCTED),
        retained=with_opened(_amounts(sheets, 2), RETAINED),
        offset=with_opened(_amounts(sheets, 3), *OFFSETS),
        paid=with_opened(_amounts(_rows(tx, _PAID, scope)), *PAID),
        refunded=with_opened(_amounts(_rows(tx, _REFUNDED, scope)), REFUNDED),
        taken=taken,
    )


def read_counted(tx: Transaction, scope: LetterScope) -> dict[Key, Prior]:
    """What the letters of earlier years have counted, per key."""
    return {key: Prior(*amounts) for key, amounts in _rows(tx, _COUNTED, scope)}


def _rows(tx: Transaction, query: LiteralString, scope: LetterScope) -> list[tuple[Key, tuple[int, ...]]]:
    found = tx.rows(query, region=tx.region, fund=scope.fund, institution=scope.institution, year=scope.year)
    return [(Key(*row[:4]), tuple(row[4:])) for row in found]


def _amounts(rows: Iterable[tuple[Key, tuple[int, ...]]], n: int = 0) -> Amounts:
    return {key: amounts[n] for key, amounts in rows if amounts[n]}


def read_unsettled(tx: Transaction, scope: LetterScope, cutoff: object) -> list[Unsettled]:
    """The institution's payables up to the year that no month has settled, by record and sub-fund."""
    rows = tx.rows(
        "SELECT p.setl_id, p.subfund, p.service_year, p.term, p.category, p.fund_fen,"
        " CASE WHEN o.state = 'paid' OR p.order_no = 'OPEN' THEN 0 ELSE p.daily_fen END,"
        " CASE WHEN o.state = 'paid' OR p.order_no = 'OPEN' THEN p.daily_fen ELSE 0 END,"
        " p.recognised_by <> '',"
        " EXISTS (SELECT 1 FROM fund.declared c JOIN fund.declaration d ON d.region = c.region AND d.declaration_id = c.declaration_id"
        "   WHERE c.region = p.region AND c.fund = p.fund AND c.setl_id = p.setl_id AND NOT d.withdrawn AND d.state <> '70'"
        "     AND d.declared_on <= %(cutoff)s),"
        " EXISTS (SELECT 1 FROM fund.late_case l WHERE l.region = p.region AND l.fund = p.fund AND l.setl_id = p.setl_id"
        "     AND l.year = %(year)s AND l.approved_by <> '')"
        " FROM fund.payable p LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no"
        " WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.institution = %(institution)s"
        " AND p.service_year <= %(year)s AND p.settled_by = '' ORDER BY p.setl_id, p.subfund",
        region=tx.region, fund=scope.fund, institution=scope.institution, year=scope.year, cutoff=cutoff,
    )  # fmt: skip
    return [Unsettled(row[0], Key(*row[1:5]), *row[5:]) for row in rows]


def require_nothing_in_flight(tx: Transaction, scope: LetterScope, keys: Iterable[Key]) -> None:
    """Raises Conflict `clearing.in_flight`, `clearing.sheet_draft`, `clearing.refund_open`, `clearing.unpaid_letter`
    or `clearing.findings_differ`.
    """
    wanted = sorted(set(keys))
    where = {
        "region": tx.region,
        "fund": scope.fund,
        "institution": scope.institution,
        "subfunds": [key.subfund for key in wanted],
        "years": [key.service_year for key in wanted],
        "terms": [key.term for key in wanted],
        "categories": [key.category for key in wanted],
    }
    for code, message, query in _IN_FLIGHT:
        found = tx.value(query, **where)
        if found is not None:
            raise Conflict(
                code, f"机构{scope.institution}{scope.title}不能清算：{message}{found}", found=found
            )


_IN_FLIGHT: Final[tuple[tuple[str, str, LiteralString], ...]] = (
    (
        "clearing.in_flight",
        "拨付单尚未了结：",
        "SELECT o.order_no FROM payments.pay_order o JOIN payments.state s ON s.state = o.state"
        " JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no"
        " WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.institution = %(institution)s"
        " AND (s.in_flight OR o.state = 'draft') AND (i.subfund, i.service_year, i.term, i.category) IN"
        " (SELECT * FROM unnest(%(subfunds)s::text[], %(years)s::smallint[], %(terms)s::int[], %(categories)s::text[])) ORDER BY 1 LIMIT 1",
    ),
    (
        "clearing.sheet_draft",
        "月结算单尚未审批：",
        "SELECT s.sheet_id FROM fund.sheet s JOIN fund.sheet_line l ON l.region = s.region AND l.sheet_id = s.sheet_id"
        " WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.institution = %(institution)s AND s.state = 'draft'"
        " AND (l.subfund, l.service_year, l.term, l.category) IN"
        " (SELECT * FROM unnest(%(subfunds)s::text[], %(years)s::smallint[], %(terms)s::int[], %(categories)s::text[])) ORDER BY 1 LIMIT 1",
    ),
    (
        "clearing.refund_open",
        "退款尚未复核：",
        "SELECT f.refund_id FROM fund.refund f JOIN fund.refund_line l ON l.region = f.region AND l.refund_id = f.refund_id"
        " WHERE f.region = %(region)s AND f.fund = %(fund)s AND f.institution = %(institution)s AND f.state = 'requested'"
        " AND (l.subfund, l.service_year, l.term, l.category) IN"
        " (SELECT * FROM unnest(%(subfunds)s::text[], %(years)s::smallint[], %(terms)s::int[], %(categories)s::text[])) ORDER BY 1 LIMIT 1",
    ),
    (
        "clearing.unpaid_letter",
        "已确认的清算款尚未付妥：",
        "SELECT letter_id FROM fund.letter_status WHERE region = %(region)s AND fund = %(fund)s"
        " AND institution = %(institution)s AND state = 'confirmed' AND row9_fen > 0 ORDER BY 1 LIMIT 1",
    ),
    # Row 2 a third time: what sheets and letters deducted is what was taken of findings, sheet by sheet.
    (
        "clearing.findings_differ",
        "审核扣款与已扣的终审结果不符：",
        "SELECT d.id FROM (SELECT s.sheet_id AS id, sum(l.audit_fen) AS fen FROM fund.sheet s"
        "   JOIN fund.sheet_line l ON l.region = s.region AND l.sheet_id = s.sheet_id"
        "   WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.institution = %(institution)s AND s.state = 'approved' GROUP BY 1"
        "   UNION ALL SELECT l.letter_id, sum(n.audit_fen) FROM fund.letter l"
        "   JOIN fund.letter_line n ON n.region = l.region AND n.letter_id = l.letter_id"
        "   WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.institution = %(institution)s AND l.state = 'confirmed' GROUP BY 1) d"
        " WHERE d.fen <> (SELECT coalesce(sum(t.amount_fen), 0) FROM fund.finding_taken t"
        "   WHERE t.region = %(region)s AND t.sheet_id = d.id) ORDER BY 1 LIMIT 1",
    ),
)
