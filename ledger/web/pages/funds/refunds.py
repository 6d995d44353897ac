"""退款与追回, 预付: money that institutions give back, and money they are given before it is earned; each by two persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.accounts import CLEARING_OWED, FISCAL_KIND, MONTH_OWED
from ledger.core.errors import NotFound
from ledger.core.money import yuan_grouped
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.advance import Advance, read_advances
from ledger.fund.refunds.refund import read_refunds
from ledger.web.pages.funds.cash import AMOUNT, FUND, fund_of
from ledger.web.record import Ask, Offer, account_asks, decide, record_page
from ledger.web.show import Filter, Linked, address
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

LINES: Final = 3
"""Lines of a refund that the form has room for."""
_SOURCES: Final = (
    (str(MONTH_OWED), f"{MONTH_OWED}月结应付"),
    (str(CLEARING_OWED), f"{CLEARING_OWED}清算应付"),
)
"""What a part of a refund is owed against afterwards (ledger.fund.refunds.left)."""


def refunds(desk: Desk, _request: Request) -> Response:
    """Refunds with the form that enters one."""
    with desk.tx() as tx:
        found = read_refunds(tx, institution=desk.query.get("institution", ""))
        fiscal = _fiscal(tx)
    columns = (
        Column("key", "退款"), Column("institution", "机构"), Column("fund", "基金"), Column("kind", "种类"), Column("by", "来由"),
        Column("received", "到账日", "day"), Column("amount", "金额", "money"), Column("document", "文号"), Column("state", "状态"),
        Column("prepared", "提出"), Column("checked", "复核"),
    )  # fmt: skip
    lines = [
        Line((
            Linked(one.refund_id, address(f"refunds/{one.refund_id}", region=desk.region)), one.institution, fund_of(one.fund),
            said("refund.kind", one.kind), said("refund.ordered_by", one.ordered_by), one.received_on, one.amount_fen, one.document,
            said("refund.state", one.state), one.prepared_by, one.approved_by,
        ))
        for one in reversed(found)
    ]  # fmt: skip
    grid = Grid("退款", "退款与追回", columns, lines, notes=("单位：元；点编号复核。",))
    return record_page(
        desk, "退款与追回", (), (grid,), _ask_refund(desk, fiscal), filters=(Filter("institution", "机构"),),
        here=address("refunds", region=desk.region),
    )  # fmt: skip


def _ask_refund(desk: Desk, fiscal: Sequence[tuple[str, str]]) -> Iterator[Offer]:
    day = str(desk.today)
    for title, kinds, lined in (
        ("登记退回的待遇", ("same_year", "earlier_year", "daily_advance"), True),
        ("登记违约金、滞纳金", ("penalty",), False),
    ):
        asks = [
            FUND, Ask("institution", "机构编码"), Ask("kind", "种类", choices=[(kind, words_of("refund.kind")[kind]) for kind in kinds]),
            Ask("by", "来由", choices=list(words_of("refund.ordered_by").items())), Ask("account", "到账账户", choices=fiscal),
            Ask("received", "到账日", "date", value=day), AMOUNT, Ask("document", "决定书、协议条款、函件文号"), Ask("receipt", "缴款凭证号"),
        ]  # fmt: skip
        for n in range(1, LINES + 1) if lined else ():
            name = f"line.{n}"
            asks += [
                Ask(name, f"第{n}项：来源", choices=_SOURCES, mark="j"),
                Ask(name, "账目", choices=list(words_of("subfund").items()), mark="j"),
                Ask(name, "服务年度", mark="j", needed=n == 1),
                Ask(name, "期号", mark="j", needed=n == 1),
                Ask(name, "待遇类别", choices=list(words_of("category").items()), mark="j"),
                Ask(name, "金额（元）", mark="j", needed=n == 1),
            ]  # fmt: skip
        note = "各项合计等于金额；没有金额的项不计。" if lined else ""
        held = {"region": desk.region, "date": desk.today}
        yield Offer(("maker",), "refund request", title, held, asks, note=note)


def refund(desk: Desk, request: Request) -> Response:
    """One refund with its lines, and the second person's decision."""
    key = request.path_params["refund"]
    with desk.tx() as tx:
        found = read_refunds(tx, key=key)
    if not found:
        raise NotFound("request.unknown", f"没有退款{key[:60]}", key=key[:60])
    [one] = found
    facts = (
        ("机构", one.institution), ("基金", fund_of(one.fund)), ("种类", said("refund.kind", one.kind)),
        ("来由", said("refund.ordered_by", one.ordered_by)), ("到账账户", one.account), ("到账日", one.received_on),
        ("金额", yuan_grouped(one.amount_fen)), ("文号", one.document), ("缴款凭证号", one.receipt_no), ("预付", one.advance_id),
        ("状态", said("refund.state", one.state)), ("提出", one.prepared_by), ("复核", one.approved_by),
    )  # fmt: skip
    columns = (
        Column("code", "来源"), Column("subfund", "账目"), Column("year", "服务年度"), Column("term", "期号"), Column("category", "待遇类别"),
        Column("amount", "金额", "money"),
    )  # fmt: skip
    lines = [
        Line((str(li[0]), said("subfund", str(li[1])), str(li[2]), str(li[3]), said("category", str(li[4])), li.amount_fen))
        for li in one.lines
    ]  # fmt: skip
    held = {"region": desk.region, "date": desk.today, "refund": key}
    offers = decide(("checker",), "refund approve", held) if one.state == "requested" else []
    grids = (Grid("各项", "退回的各项", columns, lines, notes=("单位：元",)),) if lines else ()
    here = address(f"refunds/{key}", region=desk.region)
    return record_page(desk, f"退款 {key}", facts, grids, offers, here=here)


def advances(desk: Desk, _request: Request) -> Response:
    """Advances with what is left of each, and the forms that ask for one and order those agreed."""
    with desk.tx() as tx:
        found = read_advances(tx, institution=desk.query.get("institution", ""))
    columns = (
        Column("key", "预付"), Column("institution", "机构"), Column("fund", "基金"), Column("kind", "种类"), Column("year", "年度"),
        Column("term", "期号"), Column("amount", "金额", "money"), Column("offset", "已抵扣", "money"), Column("returned", "已退回", "money"),
        Column("left", "未收回", "money"), Column("state", "状态"), Column("order_no", "拨付单"), Column("order_state", "单的状态"),
    )  # fmt: skip
    lines = [
        Line((
            Linked(one.advance_id, address(f"advances/{one.advance_id}", region=desk.region)), one.institution, fund_of(one.fund),
            said("advance.kind", one.kind), str(one.year or ""), str(one.term or ""), one.amount_fen, one.offset_fen or None,
            one.returned_fen or None, one.left_fen, said("advance.state", one.state), one.order_no, said("order.state", one.order_state),
        ))
        for one in found
    ]  # fmt: skip
    grid = Grid(
        "预付",
        "预付金、按月预拨、集采直接结算",
        columns,
        lines,
        notes=("单位：元；点编号复核，或登记缴回。",),
    )
    return record_page(
        desk, "预付", (), (grid,), _ask_advance(desk, found), filters=(Filter("institution", "机构"),),
        here=address("advances", region=desk.region),
    )  # fmt: skip


def _ask_advance(desk: Desk, found: Sequence[Advance]) -> Iterator[Offer]:
    held = {"region": desk.region, "date": desk.today}
    first = (FUND, Ask("institution", "机构编码"))
    last = (
        AMOUNT,
        Ask("document", "申请书、预拨表或发票文号"),
        Ask("due", "最迟付款日", "date", value=str(desk.today)),
    )
    year = Ask("year", "年度", value=f"{desk.today:%Y}")
    term = Ask("term", "期号（年年年年月月）", value=f"{desk.today:%Y%m}")
    for kind, title, asks in (
        ("prepayment", "申请预付金", (*first, year, *last)),
        ("preallocation", "申请按月预拨", (*first, term, *last)),
        ("supplier", "申请集采直接结算", (*first, term, *last, *account_asks())),
    ):
        yield Offer(("maker",), "advance request", title, {**held, "kind": kind}, asks)
    for fund in sorted({one.fund for one in found if one.state == "approved" and not one.order_no}):
        yield Offer(("maker",), "advance order", f"{fund_of(fund)}已同意的预付制单", {**held, "fund": fund})


def advance(desk: Desk, request: Request) -> Response:
    """One advance: conditions and quota as they were checked, the decision, money given back."""
    key = request.path_params["advance"]
    with desk.tx() as tx:
        found = read_advances(tx, key=key)
        fiscal = _fiscal(tx)
    if not found:
        raise NotFound("request.unknown", f"没有预付{key[:60]}", key=key[:60])
    [one] = found
    facts = (
        ("机构", one.institution), ("基金", fund_of(one.fund)), ("种类", said("advance.kind", one.kind)), ("年度", one.year or ""),
        ("期号", one.term or ""), ("收回方式", said("advance.recovery", one.recovery)), ("金额", yuan_grouped(one.amount_fen)),
        ("额度", yuan_grouped(one.quota_fen) if one.quota_fen else ""), ("条件", one.conditions), ("文号", one.document),
        ("供应商", f"{one.supplier.name} {one.supplier.number} {one.supplier.bank_name}".strip()), ("最迟付款日", one.due_on),
        ("状态", said("advance.state", one.state)), ("提出", one.prepared_by), ("复核", one.approved_by),
        ("拨付单", f"{one.order_no} {said('order.state', one.order_state)}".strip()), ("已抵扣", yuan_grouped(one.offset_fen)),
        ("已退回", yuan_grouped(one.returned_fen)), ("未收回", yuan_grouped(one.left_fen)),
    )  # fmt: skip
    held = {"region": desk.region, "date": desk.today, "advance": key}
    offers: list[Offer] = []
    if one.state == "requested":
        offers = decide(("checker",), "advance approve", held)
    elif one.left_fen > 0:
        asks = (
            Ask("account", "到账账户", choices=fiscal), Ask("received", "到账日", "date", value=str(desk.today)), AMOUNT,
            Ask("document", "退款函文号"), Ask("receipt", "缴款凭证号"),
        )  # fmt: skip
        offers = [
            Offer(("maker",), "advance return", "登记缴回", held, asks, note="另一人在退款与追回中复核记账。")
        ]
    return record_page(
        desk, f"预付 {key}", facts, (), offers, here=address(f"advances/{key}", region=desk.region)
    )


def _fiscal(tx: Transaction) -> list[tuple[str, str]]:
    """The fiscal special accounts money is given back to."""
    return [
        (account, f"{account} {name}")
        for account, name in tx.rows(
            "SELECT account, name FROM payments.bank_account WHERE region = %(region)s AND kind = %(kind)s ORDER BY account",
            region=tx.region,
            kind=FISCAL_KIND,
        )
    ]
