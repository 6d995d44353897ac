"""资金: fund requests and their grants, interest and fees of our own accounts, payments to persons; each asked for and decided by two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.errors import NotFound
from ledger.core.money import yuan_grouped
from ledger.core.words import said, words_of
from ledger.fund.cash.fund_request import FundRequest, read_requests
from ledger.fund.cash.movements import AccountMove, read_moves
from ledger.fund.cash.person_accounts import WAITING, PersonAccount, read_person_accounts
from ledger.fund.cash.persons import PersonPayment, read_persons
from ledger.fund.ordering.forecast import KIND_NAMES, KINDS
from ledger.web.record import Ask, Offer, account_asks, decide, record_page, whole_payee
from ledger.web.show import Linked, address
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

FUND: Final = Ask("fund", "基金", choices=[(str(code), name) for code, name in FUND_NAMES.items()])
AMOUNT: Final = Ask("amount", "金额（元）")
_MOVES: Final = ("interest", "interest_split", "interest_out", "fee", "fee_back")
"""Moves that are entered by hand; the rest come of them (ledger.fund.cash.movements)."""


def fund_of(code: int) -> str:
    """A fund's name."""
    return FUND_NAMES.get(code, str(code))


def listing(desk: Desk, _request: Request) -> Response:
    """All three, the newest first, with the forms that ask for another."""
    with desk.tx() as tx:
        requests, moves, persons = read_requests(tx), read_moves(tx), read_persons(tx)
    here = address("cash", region=desk.region)
    grids = [_requests(desk, requests), _moves(desk, moves), _persons(desk, persons)]
    return record_page(desk, "资金", (), grids, _asking(desk, persons), here=here)


def _asking(desk: Desk, persons: Sequence[PersonPayment]) -> Iterator[Offer]:
    held = {"region": desk.region, "date": desk.today}
    day, maker = str(desk.today), ("maker",)
    yield Offer(maker, "cash request", "请款", held, (
        FUND, Ask("upto", "用款截止日", "date", value=day), AMOUNT._replace(label="金额（元，空为所需）", needed=False)),
        note="按到期应付减可用。")  # fmt: skip
    yield Offer(maker, "cash request-float", "请拨周转金", held, (FUND, AMOUNT))
    yield Offer(maker, "cash request-plan", "按月用款计划请款", held, (
        FUND, Ask("month", "月份（年年年年月月）", value=f"{desk.today:%Y%m}"),
        *(Ask(f"planned={kind}", f"计划：{KIND_NAMES[kind]}（元）", mark="p", needed=False) for kind in KINDS),
        AMOUNT._replace(label="金额（元，空为计划减可用）", needed=False)),
        note="统筹区须选此方式。")  # fmt: skip
    yield Offer(maker, "cash move", "登记利息、手续费", held, (
        FUND, Ask("kind", "种类", choices=[(code, words_of("movement.kind")[code]) for code in _MOVES]), AMOUNT,
        Ask("booked", "银行记账日", "date", value=day), Ask("receipt", "银行回单号"),
        Ask("subfund", "账目（利息）", choices=[("", "未分清"), *words_of("subfund").items()], needed=False)))  # fmt: skip
    yield Offer(maker, "cash person", "申请付款给个人", held, (
        FUND, Ask("kind", "种类", choices=list(words_of("person_payment.kind").items())), Ask("psn", "人员编号"), *account_asks(), AMOUNT,
        Ask("document", "核定单文号"), Ask("year", "服务年度", value=f"{desk.today:%Y}"),
        Ask("term", "期号（年年年年月月）", value=f"{desk.today:%Y%m}"), Ask("category", "待遇类别", choices=list(words_of("category").items())),
        Ask("subfund", "账目", choices=list(words_of("subfund").items()))))  # fmt: skip
    for fund in sorted({one.fund for one in persons if one.state == "approved" and not one.order_no}):
        yield Offer(
            maker, "cash order-persons", f"{fund_of(fund)}已同意的个人付款制单", {**held, "fund": fund}
        )


def one(desk: Desk, request: Request) -> Response:
    """One request, move or payment: what it says, and the second person's decision, or the money that came."""
    key = request.path_params["item"]
    here = address(f"cash/{key}", region=desk.region)
    held = {"region": desk.region, "date": desk.today, "key": key}
    with desk.tx() as tx:
        requests, moves, persons = (
            read_requests(tx, key=key),
            read_moves(tx, key=key),
            read_persons(tx, key=key),
        )
        accounts = read_person_accounts(tx, payment=key) if persons else []
    if requests:
        return _request_page(desk, requests[0], held, here)
    if moves:
        return _move_page(desk, moves[0], held, here)
    if persons:
        return _person_page(desk, persons[0], accounts, held, here)
    raise NotFound("request.unknown", f"没有请款、收付或个人付款{key[:60]}", key=key[:60])


def _request_page(desk: Desk, found: FundRequest, held: dict[str, object], here: str) -> Response:
    facts = (
        ("基金", fund_of(found.fund)), ("方式", said("fund_request.basis", found.basis)), ("月份", found.month or ""), ("用款截止日", found.upto),
        ("所需", yuan_grouped(found.forecast_fen)), ("可用", yuan_grouped(found.available_fen)), ("请款", yuan_grouped(found.amount_fen)),
        ("状态", said("fund_request.state", found.state)), ("财政专户", found.fiscal_account), ("支出户", found.account),
        ("提出", f"{found.prepared_by} {found.prepared_on}"), ("复核", found.approved_by),
        ("到账", f"{yuan_grouped(found.granted_fen)}元 {found.granted_on} 凭证{found.receipt_no}" if found.granted_on else ""),
    )  # fmt: skip
    columns = (Column("due", "到期日", "day"), Column("kind", "款项"), Column("amount", "金额", "money"))
    lines = [Line((due.due_on, KIND_NAMES.get(due.kind, due.kind), due.amount_fen)) for due in found.lines]
    offers: list[Offer] = []
    if found.state == "requested":
        offers = decide(("checker",), "cash approve", held)
    elif found.state == "approved":
        asks = (
            AMOUNT._replace(value=f"{found.amount_fen // 100}.{found.amount_fen % 100:02d}"), Ask("receipt", "财政专户缴拨凭证号"),
            Ask("received", "到账日", "date", value=str(desk.today)),
        )  # fmt: skip
        offers = [Offer(("accountant",), "cash grant", "登记到账并记账", held, asks)]
    return record_page(
        desk, f"请款 {found.request_id}", facts, (Grid("到期应付", "到期应付", columns, lines, notes=("单位：元",)),), offers, here=here
    )  # fmt: skip


def _move_page(desk: Desk, found: AccountMove, held: dict[str, object], here: str) -> Response:
    facts = (
        ("基金", fund_of(found.fund)), ("种类", said("movement.kind", found.kind)), ("金额", yuan_grouped(found.amount_fen)),
        ("账目", said("subfund", found.subfund)), ("支出户", found.account), ("财政专户", found.fiscal_account), ("银行记账日", found.booked_on),
        ("银行回单号", found.receipt_no), ("状态", said("movement.state", found.state)), ("提出", found.prepared_by), ("复核", found.approved_by),
    )  # fmt: skip
    offers = decide(("checker",), "cash approve-move", held) if found.state == "requested" else []
    return record_page(desk, f"利息、手续费 {found.move_id}", facts, (), offers, here=here)


def _person_page(
    desk: Desk, found: PersonPayment, accounts: Sequence[PersonAccount], held: dict[str, object], here: str
) -> Response:
    psn_no, name, number = found.masked
    facts = (
        ("基金", fund_of(found.fund)), ("种类", said("person_payment.kind", found.kind)), ("人员编号", psn_no), ("收款户名", name), ("账号", number),
        ("开户行", found.payee.bank_name), ("金额", yuan_grouped(found.amount_fen)), ("账目", said("subfund", found.subfund)),
        ("服务年度", found.service_year), ("期号", found.term), ("待遇类别", said("category", found.category)), ("核定单文号", found.document),
        ("最迟付款日", found.due_on), ("状态", said("person_payment.state", found.state)), ("提出", found.prepared_by), ("复核", found.approved_by),
        ("拨付单", f"{found.order_no} {said('order.state', found.order_state)}".strip()),
    )  # fmt: skip
    offers = [whole_payee(desk, found.payment_id)]
    if found.state == "requested":
        offers += decide(("checker",), "cash approve-person", held)
    latest = accounts[0] if accounts else None
    if latest is not None and latest.state in WAITING:
        offers.append(
            Offer(("maker",), "cash person-account", "更正收款账户（或核实原账户）", held, (*account_asks(), Ask("document", "依据（本人申请、银行查复）")),
                  note=f"{latest.failed_on}经银行退回：{latest.why}。另一人复核后方再制单。")
        )  # fmt: skip
    elif latest is not None and latest.state == "requested":
        key = {**held, "key": latest.account_id}
        offers += [
            *decide(("checker",), "cash approve-person-account", key),
            whole_payee(desk, latest.account_id),
        ]
    grids = (_accounts(accounts),) if accounts else ()
    return record_page(desk, f"个人付款 {found.payment_id}", facts, grids, offers, here=here)


def _accounts(found: Sequence[PersonAccount]) -> Grid:
    columns = (
        Column("order_no", "退回的拨付单"), Column("failed", "退回日", "day"), Column("why", "原因"), Column("name", "更正户名"),
        Column("number", "更正账号"), Column("bank", "开户行"), Column("document", "依据"), Column("state", "状态"), Column("by", "提出"),
        Column("checked", "复核"), Column("reason", "退回理由"),
    )  # fmt: skip
    lines = [
        Line((one.order_no, one.failed_on, one.why, one.name, one.number, one.bank, one.document,
              said("person_account.state", one.state), one.prepared_by, one.approved_by, one.reason))
        for one in found
    ]  # fmt: skip
    return Grid("收款账户", "经银行退回的收款账户与更正", columns, lines, notes=("个人信息遮盖。",))


def _leads(desk: Desk, key: str) -> Linked:
    return Linked(key, address(f"cash/{key}", region=desk.region))


def _requests(desk: Desk, found: Sequence[FundRequest]) -> Grid:
    columns = (
        Column("key", "请款"), Column("fund", "基金"), Column("basis", "方式"), Column("upto", "用款截止日", "day"), Column("amount", "请款", "money"),
        Column("granted", "到账", "money"), Column("state", "状态"), Column("by", "提出"), Column("checked", "复核"),
    )  # fmt: skip
    lines = [
        Line((_leads(desk, one.request_id), fund_of(one.fund), said("fund_request.basis", one.basis), one.upto, one.amount_fen,
              one.granted_fen or None, said("fund_request.state", one.state), one.prepared_by, one.approved_by))
        for one in reversed(found)
    ]  # fmt: skip
    return Grid("请款", "请款", columns, lines, notes=("单位：元；点编号复核，或登记到账。",))


def _moves(desk: Desk, found: Sequence[AccountMove]) -> Grid:
    columns = (
        Column("key", "编号"), Column("fund", "基金"), Column("kind", "种类"), Column("booked", "银行记账日", "day"), Column("amount", "金额", "money"),
        Column("receipt", "回单号"), Column("state", "状态"), Column("by", "提出"), Column("checked", "复核"),
    )  # fmt: skip
    lines = [
        Line((_leads(desk, one.move_id), fund_of(one.fund), said("movement.kind", one.kind), one.booked_on, one.amount_fen,
              one.receipt_no, said("movement.state", one.state), one.prepared_by, one.approved_by))
        for one in reversed(found)
    ]  # fmt: skip
    return Grid("利息、手续费", "利息、手续费", columns, lines)


def _persons(desk: Desk, found: Sequence[PersonPayment]) -> Grid:
    columns = (
        Column("key", "编号"), Column("fund", "基金"), Column("kind", "种类"), Column("name", "收款人"), Column("number", "账号"),
        Column("amount", "金额", "money"), Column("document", "核定单"), Column("state", "状态"), Column("order_no", "拨付单"),
        Column("order_state", "单的状态"),
    )  # fmt: skip
    lines = []
    for one in reversed(found):
        _, name, number = one.masked
        lines.append(
            Line((_leads(desk, one.payment_id), fund_of(one.fund), said("person_payment.kind", one.kind), name, number, one.amount_fen,
                  one.document, said("person_payment.state", one.state), one.order_no, said("order.state", one.order_state)))
        )  # fmt: skip
    return Grid("个人付款", "个人付款", columns, lines, notes=("个人信息遮盖。",))
