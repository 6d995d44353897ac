"""异地: records of other regions by region and term, bills, money moved between regions, who they are and what is agreed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.errors import NotFound
from ledger.core.money import yuan_grouped
from ledger.core.words import said, words_of
from ledger.fund.outregion.bills import RegionBill, read_bills
from ledger.fund.outregion.care import totals
from ledger.fund.outregion.link import LinkDifference, differences
from ledger.fund.outregion.parties import Counterparty, read_counterparties
from ledger.fund.outregion.quota import Usage, usage
from ledger.fund.outregion.requests import RegionMovement, read_moves
from ledger.web.pages.declarations import term_of
from ledger.web.pages.funds.cash import AMOUNT, FUND, fund_of
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import Filter, Linked, address
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line


def listing(desk: Desk, _request: Request) -> Response:
    """A fund's dealings with other regions."""
    fund, term = term_of(desk)
    with desk.tx() as tx:
        sums, bills, moves = totals(tx, fund), read_bills(tx, fund), read_moves(tx, fund=fund)
        parties, used, open_ = (
            read_counterparties(tx),
            usage(tx, fund, desk.today),
            differences(tx, desk.today),
        )
    grids = [
        _totals(sums), _bills(bills), _moves(desk, moves), _parties(parties), _usage(used), _differences(open_),
    ]  # fmt: skip
    filters = (
        Filter("fund", "险种", [(str(code), name) for code, name in FUND_NAMES.items()], value=str(fund)),
    )
    here = address("outregion", region=desk.region, fund=fund)
    return record_page(
        desk, "异地", (), grids, _asking(desk, fund, term, parties), filters=filters, here=here
    )


def one(desk: Desk, request: Request) -> Response:
    """One move: the decision, the bank's receipt of what came in, giving it up."""
    key = request.path_params["move"]
    with desk.tx() as tx:
        found = read_moves(tx, key=key)
    if not found:
        raise NotFound("request.unknown", f"没有异地收付{key[:60]}", key=key[:60])
    [move] = found
    facts = (
        ("险种", fund_of(move.fund)), ("种类", said("region_movement.kind", move.kind)), ("对方统筹区", move.counterparty),
        ("金额", yuan_grouped(move.amount_fen)), ("文号", move.document), ("状态", said("region_movement.state", move.state)),
        ("提出", move.prepared_by), ("复核", move.approved_by), ("账户", move.account), ("回单号", move.receipt_no),
        ("银行记账日", move.booked_on or ""), ("拨付单", f"{move.order_no} {said('order.state', move.order_state)}".strip()),
    )  # fmt: skip
    held = {"region": desk.region, "date": desk.today, "move_id": key}
    offers = []
    if move.state == "requested":
        offers = [
            Offer(("checker",), "outregion approve", "复核同意", held),
            Offer(("checker",), "outregion approve", "退回", {**held, "refuse": True}),
        ]
    elif move.state == "approved":
        asks = (Ask("number", "银行回单号"), Ask("booked", "银行记账日", "date", value=str(desk.today)))
        offers = [
            Offer(("accountant",), "outregion receipt", "登记收到并记账", held, asks),
            Offer(("accountant",), "outregion receipt", "没有办理，撤销", {**held, "cancel": True}),
        ]
    here = address(f"outregion/{key}", region=desk.region)
    return record_page(desk, f"异地收付 {key}", facts, (), offers, here=here)


def _asking(desk: Desk, fund: int, term: int, parties: Sequence[Counterparty]) -> Iterator[Offer]:
    held, maker = {"region": desk.region, "date": desk.today}, ("maker",)
    day = str(desk.today)
    for one in parties:
        if not one.confirmed_by:
            yield Offer(("checker",), "outregion counterparty", f"复核对方{one.counterparty}",
                        {"region": desk.region, "party": one.counterparty, "confirming": True})  # fmt: skip
    yield Offer(maker, "outregion counterparty", "登记对方统筹区", {"region": desk.region}, (
        Ask("party", "统筹区（6位）"), Ask("name", "名称"),
        *(Ask("payee", label, mark="b") for label in ("收款户名", "账号", "开户行", "联行号"))))  # fmt: skip
    yield Offer(
        maker, "outregion recognise", "确认至今日的异地结算", {**held, "fund": fund}, note=FUND_NAMES[fund]
    )
    picked = (Ask("setl_id", "结算ID（逗号分隔，至多100个）", many=True),)
    yield Offer(
        maker,
        "outregion confirm",
        "确认清分（3261）",
        {**held, "fund": fund},
        picked,
        note="全部成或全部不成。",
    )
    yield Offer(maker, "outregion confirm", "回退清分（3262）", {**held, "fund": fund, "back": True}, picked)
    known = [(str(one.counterparty), f"{one.counterparty} {one.name}") for one in parties if one.confirmed_by]
    if not known:
        return
    party = Ask("party", "对方统筹区", choices=known)
    yield Offer(
        maker,
        "outregion bill",
        "列账单",
        {**held, "fund": fund},
        (party, Ask("term", "期号", value=str(term))),
    )
    yield Offer(
        ("system", "accountant"),
        "outregion deliver",
        "送达发往对方的消息",
        held,
        (party,),
        note="对方不通的留待再送。",
    )
    yield Offer(maker, "outregion request", "提出收付", {**held, "fund": fund}, (
        party, Ask("kind", "种类", choices=list(words_of("region_movement.kind").items())), AMOUNT,
        Ask("document", "文号（收清算款时为账单编号）")))  # fmt: skip
    yield Offer(("accountant",), "outregion quota", "登记预付金额度", {"region": desk.region, "fund": fund}, (
        party, Ask("direction", "方向", choices=list(words_of("region.direction").items())), Ask("since", "起始日", "date", value=day), AMOUNT,
        Ask("document", "文号")))  # fmt: skip
    yield Offer(maker, "outregion order", "制拨付单", held, (
        FUND, Ask("what", "付什么", choices=(("bills", "清算账单"), ("hospitals", "本地医院"), ("transfers", "预付金上解与退还"))),
        Ask("term", "期号（医院付到此期，空为本月）", needed=False)))  # fmt: skip


def _totals(found: Sequence[tuple[str, int, int, int, int]]) -> Grid:
    columns = (
        Column("side", "一方"), Column("party", "对方统筹区"), Column("term", "期号"), Column("records", "笔数", "count"),
        Column("amount", "金额", "money"),
    )  # fmt: skip
    lines = [
        Line((said("region.side", side), str(party), str(term), count, fen))
        for side, party, term, count, fen in found
    ]
    return Grid("异地结算", "异地结算，按对方统筹区、期号", columns, lines, notes=("单位：元",))


def _bills(found: Sequence[RegionBill]) -> Grid:
    columns = (
        Column("bill", "账单"), Column("side", "一方"), Column("party", "对方统筹区"), Column("term", "期号"), Column("records", "笔数", "count"),
        Column("amount", "金额", "money"), Column("on", "日期", "day"), Column("order_no", "拨付单"),
    )  # fmt: skip
    lines = [
        Line((one.bill_id, said("region.side", one.side), str(one.counterparty), str(one.term), one.records, one.amount_fen,
              one.made_on, one.order_no))
        for one in found
    ]  # fmt: skip
    return Grid("账单", "账单", columns, lines)


def _moves(desk: Desk, found: Sequence[RegionMovement]) -> Grid:
    columns = (
        Column("key", "收付"), Column("kind", "种类"), Column("party", "对方统筹区"), Column("amount", "金额", "money"), Column("document", "文号"),
        Column("state", "状态"), Column("by", "提出"), Column("checked", "复核"), Column("order_no", "拨付单"),
    )  # fmt: skip
    lines = [
        Line((Linked(one.move_id, address(f"outregion/{one.move_id}", region=desk.region)), said("region_movement.kind", one.kind),
              str(one.counterparty), one.amount_fen, one.document, said("region_movement.state", one.state), one.prepared_by,
              one.approved_by, one.order_no))
        for one in found
    ]  # fmt: skip
    return Grid("收付", "收付", columns, lines, notes=("点编号复核，或登记回单。",))


def _parties(found: Sequence[Counterparty]) -> Grid:
    columns = (
        Column("party", "统筹区"), Column("name", "名称"), Column("payee", "收款户名"), Column("number", "账号"), Column("bank", "开户行"),
        Column("cnaps", "联行号"), Column("by", "登记"), Column("checked", "复核"),
    )  # fmt: skip
    lines = [
        Line((str(one.counterparty), one.name, one.payee_name, one.payee_number, one.payee_bank, one.payee_cnaps, one.proposed_by,
              one.confirmed_by or "待复核"))
        for one in found
    ]  # fmt: skip
    return Grid("对方统筹区", "对方统筹区", columns, lines)


def _usage(found: Sequence[Usage]) -> Grid:
    columns = (
        Column("direction", "方向"), Column("party", "对方统筹区"), Column("quota", "额度", "money"), Column("prepaid", "已预付", "money"),
        Column("used", "已用", "money"), Column("percent", "已用%", "count"), Column("level", "预警"),
    )  # fmt: skip
    lines = [
        Line((said("region.direction", one.direction), str(one.counterparty), one.quota_fen, one.prepaid_fen, one.used_fen,
              one.percent, said("usage.level", one.level)))
        for one in found
    ]  # fmt: skip
    return Grid("预付金额度", "预付金额度", columns, lines)


def _differences(found: Sequence[LinkDifference]) -> Grid:
    columns = (
        Column("link", "往来"), Column("party", "对方统筹区"), Column("amount", "应", "money"), Column("settled", "已清", "money"),
        Column("told", "对方所报", "money"), Column("difference", "相差", "money"), Column("age", "账龄（天）", "count"),
    )  # fmt: skip
    lines = [
        Line((one.link_id, str(one.counterparty), one.amount_fen, one.settled_fen, one.told_fen, one.difference_fen, one.age))
        for one in found
    ]  # fmt: skip
    return Grid("两地不符", "两地不符的往来", columns, lines)
