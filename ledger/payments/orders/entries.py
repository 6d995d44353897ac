"""The entries of an order's life: approval, cancellation, rejection, receipt, return (memorandum.md 2).

One entry an event and order. An order may need two rules in one entry: when part of what comes back belongs to a
month settled meanwhile, or part of what is paid again lies in 2001-退汇待付; and for another region's patients, whose
hospital stands in 95xx while the money is that region's (2001-异地就医资金).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.core.accounts import (
    BENEFITS,
    CARE_OWED,
    CLEARING_OWED,
    DAILY_OWED,
    MONTH_OWED,
    OTHERS_MONEY,
    OWED,
    PREALLOCATION,
    PREPAYMENT,
    REGION_PREPAYMENT,
    SUPPLIER_ADVANCE,
)
from ledger.core.entries import Dimensions, EntryDraft, Leg
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.lines import OrderContent, read_lines, split_netted, split_returned
from ledger.payments.orders.order import Order
from ledger.rules import Item, apply
from ledger.rules.policy import policy_on

_OWED: Final = frozenset({*OWED, CARE_OWED})
"""Sources that stand in the memorandum: the others, advances and persons, are booked by their receipt alone."""

_CARE_RULES: Final[Mapping[str, tuple[str, ...]]] = {
    "ORD": ("OUT.order",),
    "CAN": ("OUT.cancel",),
    "REJ": ("OUT.cancel",),
    "RCV": ("OUT.paid", "PAY-OUT"),
    "RTN": ("OUT.returned", "PAY-OUT.returned"),
}
"""Per event the memorandum's rule, by hospital, and the money's, by region. A return needs no 2001-退汇待付: nothing was
expensed, and what was used up of the region's money is the region's again."""

_FISCAL_RULES: Final = frozenset({"PAY-PRE", "PAY-PRE.returned", "PAY-OUT.back", "PAY-OUT.back_returned"})
"""Paid out of the 财政专户 (1003), and returned to it."""

_RECEIPT_RULE: Final = {
    DAILY_OWED: "RCV.daily",
    MONTH_OWED: "RCV.month",
    CLEARING_OWED: "RCV.clearing",
    PREPAYMENT: "PAY-ADV",
    PREALLOCATION: "PAY-ADV",
    SUPPLIER_ADVANCE: "PAY-ADV",
    BENEFITS: "RCV.person",
    REGION_PREPAYMENT: "PAY-PRE",
    OTHERS_MONEY: "PAY-OUT.back",
}
_RETURN_RULE: Final = {
    PREPAYMENT: "RTN.advance",
    PREALLOCATION: "RTN.advance",
    SUPPLIER_ADVANCE: "RTN.advance",
    BENEFITS: "RTN.person",
    REGION_PREPAYMENT: "PAY-PRE.returned",
    OTHERS_MONEY: "PAY-OUT.back_returned",
}
_PLAIN: Final = frozenset({BENEFITS, REGION_PREPAYMENT, OTHERS_MONEY})
"""Sources whose rules name their accounts themselves."""
_TITLES: Final = {"ORD": "审批 ", "CAN": "撤销 ", "REJ": "银行拒付 ", "RCV": "", "RTN": "退汇 "}
_ADVANCE: Final = "P1"
_CLEARING_RULE: Final = "RCV.clearing"


class Receipt(NamedTuple):
    """The evidence a posting names (INV-13)."""

    kind: str
    receipt_no: str
    booking_date: date
    digest: bytes
    """payments.evidence.digest."""

    @property
    def key(self) -> str:
        """`bker:R2026…`."""
        return f"{self.kind}:{self.receipt_no}"


class _Part(NamedTuple):
    """Items of one order that follow one rule."""

    rule_event: str
    policy: str
    items: list[Item]


def entries_of(
    tx: Transaction, posts: str, orders: Sequence[Order], receipts: Mapping[str, Receipt], day: date
) -> list[EntryDraft]:
    """One draft per order for the rule event `posts` (ORD, CAN, REJ, RCV, RTN).

    ORD, CAN and REJ rest on payments.order_digest() and happen on `day`; RCV and RTN rest on their receipt and
    happen on the bank's booking date. Raises what `ledger.rules.apply` raises.
    """
    order_nos = [order.order_no for order in orders]
    lines = read_lines(tx, posts, order_nos)
    reissued = _reissued(tx, order_nos) if posts == "RCV" else frozenset()
    if posts == "RCV":
        split_returned(tx, orders, lines)
    elif posts == "RTN":
        split_netted(tx, orders, lines)
    letter_years = _letter_years(tx, order_nos) if posts == "RCV" else {}
    digests = {} if posts in ("RCV", "RTN") else _order_digests(tx, order_nos)
    policies: dict[date, str] = {}

    def policy(on: date) -> str:
        if on not in policies:
            policies[on] = policy_on(tx, tx.region, on)
        return policies[on]

    drafts = []
    for order in orders:
        if posts not in ("RCV", "RTN") and not any(line.source in _OWED for line in lines[order.order_no]):
            continue
        receipt = receipts.get(order.order_no)
        happened = day if receipt is None else receipt.booking_date
        parts = _parts(posts, order, lines[order.order_no], policy, reissue=order.order_no in reissued)
        _require_whole(order, lines[order.order_no])
        rules, legs = _book(
            order, parts, happened.year, _letter_year(letter_years, order, lines[order.order_no])
        )
        drafts.append(
            EntryDraft(
                event=posts,
                source_key=f"{posts}:{order.order_no}" + ("" if receipt is None else f":{receipt.key}"),
                business_date=happened,
                summary=_TITLES[posts] + order.purpose,
                legs=legs,
                rule=rules,
                prepared_by=f"rule:{rules}",
                reviewed_by=order.approved_by,
                evidence_digest=digests[order.order_no] if receipt is None else receipt.digest,
                evidence=order.order_no if receipt is None else receipt.key,
                attachments=0 if receipt is None else 1,
            )
        )
    return drafts


def _parts(
    posts: str, order: Order, lines: Sequence[OrderContent], policy: Callable[[date], str], *, reissue: bool
) -> list[_Part]:
    """Group an order's lines by the rule they follow. The order's payout day decides the policy, so that a return
    undoes what its receipt did even if the region changed its policy in between.
    """
    own = policy(order.pay_date)
    parts: dict[tuple[str, str], _Part] = {}
    for line in lines:
        source, key = line.source, (posts, own)
        if source == CARE_OWED:
            for rule in _CARE_RULES[posts]:
                dims = Dimensions(line.dims.category) if rule.startswith("PAY-") else line.dims
                part = parts.setdefault((rule, own), _Part(rule, own, []))
                part.items.append(Item(dims, line.amount_fen))
            continue
        if posts == "RCV":
            key = (_RECEIPT_RULE[line.source], own)
            if line.source == DAILY_OWED and line.returned_on is not None:
                # Under P1 a return went back into the advance: paying again is like the first time.
                was = policy(line.returned_on)
                key = key if was == _ADVANCE else ("RCV.reissue", was)
            elif line.again:
                key = ("RCV.reissue", own)
            elif reissue and line.source == BENEFITS:
                key = ("RCV.person_again", own)
        elif posts == "RTN":
            owed = "RTN.open" if line.source == DAILY_OWED and not line.settled else "RTN.settled"
            rule = f"RTN.{line.makes_up}" if line.makes_up else _RETURN_RULE.get(line.source, owed)
            key = (rule, own)
        elif line.source == DAILY_OWED and line.settled:
            source = MONTH_OWED
        part = parts.setdefault(key, _Part(*key, []))
        part.items.append(Item(line.dims, line.amount_fen, source=0 if source in _PLAIN else source))
    return list(parts.values())


def _require_whole(order: Order, lines: Sequence[OrderContent]) -> None:
    """The lines of an order are its amount."""
    total = sum(line.amount_fen for line in lines)
    if total != order.amount_fen:
        raise InvalidInput(
            "order.sum",
            f"拨付单{order.order_no}金额{yuan_grouped(order.amount_fen)}元，构成合计{yuan_grouped(total)}元",
            order_no=order.order_no,
        )


def _book(order: Order, parts: Sequence[_Part], year: int, letter_year: int) -> tuple[str, list[Leg]]:
    """Rule names joined by `+`, and the lines of all parts. A letter is one number for its whole year: what it nets is
    recovered only where an earlier letter left it owed (docs/adr/0013).
    """
    names: list[str] = []
    legs: list[Leg] = []
    for part in parts:
        name, own = _apply_part(part, order, letter_year if part.rule_event == _CLEARING_RULE else year)
        names.append(name)
        legs += own
    return "+".join(names), legs


def _apply_part(part: _Part, order: Order, year: int) -> tuple[str, list[Leg]]:
    """A rule wants a positive total, which holds for an order but not for every part of one: netted negatives may
    outweigh. Such a part is applied together with a ballast item whose own lines are taken out again.
    """
    total = sum(item.amount_fen for item in part.items)
    fiscal = order.account if part.rule_event in _FISCAL_RULES else ""

    def run(items: Sequence[Item]) -> tuple[str, list[Leg]]:
        ruled = apply(
            part.rule_event,
            part.policy,
            order.fund,
            items,
            bank_account="" if fiscal else order.account,
            fiscal_account=fiscal,
            year=year,
        )
        return ruled.rule, list(ruled.legs)

    if total > 0:
        return run(part.items)
    ballast = part.items[0]._replace(amount_fen=1 - total)
    name, legs = run([*part.items, ballast])
    for extra in run([ballast])[1]:
        if extra.dims == Dimensions(counterparty=order.account):
            place = next(n for n, leg in enumerate(legs) if leg[:2] == extra[:2] and leg.dims == extra.dims)
            legs[place] = legs[place]._replace(amount_fen=legs[place].amount_fen - extra.amount_fen)
        else:
            legs.remove(extra)
    return name, [leg for leg in legs if leg.amount_fen]


def _reissued(tx: Transaction, order_nos: Sequence[str]) -> frozenset[str]:
    """Orders that pay again what came back from an earlier one: the chain of `replaces`, over failed attempts."""
    rows = tx.rows(
        "WITH RECURSIVE chain (start, before) AS ("
        " SELECT order_no, replaces FROM payments.pay_order"
        "  WHERE region = %(region)s AND order_no = ANY(%(orders)s) AND replaces <> ''"
        " UNION SELECT c.start, o.replaces FROM chain c"
        "  JOIN payments.pay_order o ON o.region = %(region)s AND o.order_no = c.before"
        "  WHERE o.state IN ('rejected', 'cancelled') AND o.replaces <> '')"
        " SELECT DISTINCT c.start FROM chain c"
        " JOIN payments.pay_order o ON o.region = %(region)s AND o.order_no = c.before WHERE o.state = 'returned'",
        region=tx.region,
        orders=list(order_nos),
    )
    return frozenset(order_no for (order_no,) in rows)


def _letter_year(known: Mapping[str, int], order: Order, lines: Sequence[OrderContent]) -> int:
    """An order taken over has its letter in the old system: a letter is of one service year, its latest."""
    return known.get(order.order_no) or max(line.dims.service_year for line in lines)


def _letter_years(tx: Transaction, order_nos: Sequence[str]) -> dict[str, int]:
    """The year of the letter that each clearing order pays."""
    return dict(
        tx.rows(
            "SELECT x.order_no, l.year FROM fund.letter_order x"
            " JOIN fund.letter l ON l.region = x.region AND l.letter_id = x.letter_id"
            " WHERE x.region = %(region)s AND x.order_no = ANY(%(orders)s)",
            region=tx.region,
            orders=list(order_nos),
        )
    )


def _order_digests(tx: Transaction, order_nos: Sequence[str]) -> dict[str, bytes]:
    return dict(
        tx.rows(
            "SELECT o, payments.order_digest(%(region)s, o) FROM unnest(%(orders)s::text[]) AS o",
            region=tx.region,
            orders=list(order_nos),
        )
    )
