"""The entries of an order's life: approval, cancellation, rejection, receipt, return (memorandum.md 2).

One entry an event and order. An order may need two rules in one entry: when part of what comes back belongs to a
month settled meanwhile, or part of what is paid again lies in 2001-退汇待付.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.core.entries import Dimensions, EntryDraft, Leg
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders import Order
from ledger.payments.returned import read_returned
from ledger.rules import Item, apply
from ledger.rules.policy import policy_on

DAILY: Final = 9101
MONTH: Final = 9103
PERSON: Final = 5001
"""Source of an order to a person: a benefit that is owed in no memorandum account and is expense at the receipt."""

_OWED: Final = frozenset({9101, 9103, 9106})
"""Sources that stand in the memorandum: the others, advances and persons, are booked by their receipt alone."""

_RECEIPT_RULE: Final = {
    9101: "RCV.daily",
    9103: "RCV.month",
    9106: "RCV.clearing",
    110102: "PAY-ADV",
    110103: "PAY-ADV",
    110104: "PAY-ADV",
    PERSON: "RCV.person",
}
_RETURN_RULE: Final = {
    110102: "RTN.advance",
    110103: "RTN.advance",
    110104: "RTN.advance",
    PERSON: "RTN.person",
}
_TITLES: Final = {"ORD": "审批 ", "CAN": "撤销 ", "REJ": "银行拒付 ", "RCV": "", "RTN": "退汇 "}
_ADVANCE: Final = "P1"


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


class _Line(NamedTuple):
    """What an order is made of, per key and per what became of it."""

    source: int
    dims: Dimensions
    amount_fen: int
    settled: bool
    """Its 期号 is settled: the daily money is owed as month money now."""
    returned_on: date | None
    """Payout day of an earlier order for the same records that came back."""
    again: bool = False
    """Month or clearing money that lies in 2001-退汇待付: it was expensed when it was first paid."""


def entries_of(
    tx: Transaction, posts: str, orders: Sequence[Order], receipts: Mapping[str, Receipt], day: date
) -> list[EntryDraft]:
    """One draft per order for the rule event `posts` (ORD, CAN, REJ, RCV, RTN).

    ORD, CAN and REJ rest on payments.order_digest() and happen on `day`; RCV and RTN rest on their receipt and
    happen on the bank's booking date. Raises what `ledger.rules.apply` raises.
    """
    order_nos = [order.order_no for order in orders]
    lines = _lines(tx, posts, order_nos)
    reissued = _reissued(tx, order_nos) if posts == "RCV" else frozenset()
    if posts == "RCV":
        _split_returned(tx, orders, lines)
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
        rules, legs = _book(order, parts, happened.year)
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
    posts: str, order: Order, lines: Sequence[_Line], policy: Callable[[date], str], *, reissue: bool
) -> list[_Part]:
    """Group an order's lines by the rule they follow. The order's payout day decides the policy, so that a return
    undoes what its receipt did even if the region changed its policy in between.
    """
    own = policy(order.pay_date)
    parts: dict[tuple[str, str], _Part] = {}
    for line in lines:
        source, key = line.source, (posts, own)
        if posts == "RCV":
            key = (_RECEIPT_RULE[line.source], own)
            if line.source == DAILY and line.returned_on is not None:
                # Under P1 a return went back into the advance: paying again is like the first time.
                was = policy(line.returned_on)
                key = key if was == _ADVANCE else ("RCV.reissue", was)
            elif line.again:
                key = ("RCV.reissue", own)
            elif reissue and line.source == PERSON:
                key = ("RCV.person_again", own)
        elif posts == "RTN":
            owed = "RTN.open" if line.source == DAILY and not line.settled else "RTN.settled"
            key = (_RETURN_RULE.get(line.source, owed), own)
        elif line.source == DAILY and line.settled:
            source = MONTH
        part = parts.setdefault(key, _Part(*key, []))
        part.items.append(Item(line.dims, line.amount_fen, source=0 if source == PERSON else source))
    return list(parts.values())


def _book(order: Order, parts: Sequence[_Part], year: int) -> tuple[str, list[Leg]]:
    """Rule names joined by `+`, and the lines of all parts; their sum is checked against the order."""
    total = sum(item.amount_fen for part in parts for item in part.items)
    if total != order.amount_fen:
        raise InvalidInput(
            "order.sum",
            f"拨付单{order.order_no}金额{order.amount_fen}分，构成合计{total}分",
            order_no=order.order_no,
        )
    names: list[str] = []
    legs: list[Leg] = []
    for part in parts:
        name, own = _apply_part(part, order, year)
        names.append(name)
        legs += own
    return "+".join(names), legs


def _apply_part(part: _Part, order: Order, year: int) -> tuple[str, list[Leg]]:
    """A rule wants a positive total, which holds for an order but not for every part of one: netted negatives may
    outweigh. Such a part is applied together with a ballast item whose own lines are taken out again.
    """
    total = sum(item.amount_fen for item in part.items)

    def run(items: Sequence[Item]) -> tuple[str, list[Leg]]:
        ruled = apply(part.rule_event, part.policy, order.fund, items, bank_account=order.account, year=year)
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


def _lines(tx: Transaction, posts: str, order_nos: Sequence[str]) -> dict[str, list[_Line]]:
    """Approval books the items as drafted; afterwards daily money is told by its records and what became of them."""
    found: dict[str, list[_Line]] = {order_no: [] for order_no in order_nos}
    rows = tx.rows(
        "SELECT i.order_no, o.institution, i.subfund, i.service_year, i.term, i.category, i.source, i.amount_fen,"
        " false, NULL::date FROM payments.order_item i"
        " JOIN payments.pay_order o ON o.region = i.region AND o.order_no = i.order_no"
        " WHERE i.region = %(region)s AND i.order_no = ANY(%(orders)s) AND (%(whole)s OR i.source <> %(daily)s)"
        " ORDER BY i.order_no, i.n",
        region=tx.region,
        orders=list(order_nos),
        whole=posts == "ORD",
        daily=DAILY,
    )
    if posts != "ORD":
        rows += _record_rows(tx, order_nos, with_returns=posts == "RCV")
    for order_no, institution, subfund, year, term, category, source, fen, settled, returned_on in rows:
        dims = Dimensions(institution, subfund, year, term, category)
        if fen:
            found[order_no].append(_Line(source, dims, fen, settled, returned_on))
    return found


def _split_returned(tx: Transaction, orders: Sequence[Order], lines: dict[str, list[_Line]]) -> None:
    """Month and clearing lines in two: what came back once and lies in 2001, and the rest."""
    later = [o for o in orders if any(line.source in _OWED - {DAILY} for line in lines[o.order_no])]
    if not later:
        return
    returned = read_returned(tx, later)
    for order in later:
        split: list[_Line] = []
        for line in lines[order.order_no]:
            taken = 0
            if line.source in _OWED - {DAILY}:
                taken = returned.take(order.fund, line.dims, line.amount_fen)
            parts = (
                line._replace(amount_fen=taken, again=True),
                line._replace(amount_fen=line.amount_fen - taken),
            )
            split += [part for part in parts if part.amount_fen]
        lines[order.order_no] = split


def _record_rows(
    tx: Transaction, order_nos: Sequence[str], *, with_returns: bool
) -> list[tuple[object, ...]]:
    # Reversals apart from originals: under P2 each has its own line (accounting.md A11).
    return tx.rows(
        "SELECT d.order_no, r.institution, r.subfund, r.service_year, r.term, r.category, %(daily)s::integer,"
        " sum(d.daily_fen)::bigint, r.settled_by <> '' OR t.term IS NOT NULL AS settled, b.returned_on"
        " FROM payments.order_payable d"
        " JOIN fund.payable r ON r.region = d.region AND r.fund = d.fund AND r.setl_id = d.setl_id"
        "  AND r.subfund = d.subfund"
        " LEFT JOIN fund.settled_term t ON t.region = r.region AND t.fund = r.fund"
        "  AND t.institution = r.institution AND t.term = r.term"
        " LEFT JOIN LATERAL (SELECT max(b.pay_date) AS returned_on FROM payments.order_payable e"
        "  JOIN payments.pay_order o ON o.region = e.region AND o.order_no = e.order_no"
        "  JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
        "  WHERE e.region = d.region AND e.setl_id = d.setl_id AND e.subfund = d.subfund"
        "   AND e.order_no <> d.order_no AND o.state = 'returned') b ON %(with_returns)s"
        " WHERE d.region = %(region)s AND d.order_no = ANY(%(orders)s)"
        " GROUP BY 1, 2, 3, 4, 5, 6, settled, b.returned_on, d.daily_fen < 0"
        " ORDER BY 1, 3, 4, 5, 6, settled, b.returned_on, d.daily_fen < 0",
        region=tx.region,
        orders=list(order_nos),
        daily=DAILY,
        with_returns=with_returns,
    )


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


def _order_digests(tx: Transaction, order_nos: Sequence[str]) -> dict[str, bytes]:
    return dict(
        tx.rows(
            "SELECT o, payments.order_digest(%(region)s, o) FROM unnest(%(orders)s::text[]) AS o",
            region=tx.region,
            orders=list(order_nos),
        )
    )
