"""Payouts and the files exchanged with the banks: lists from the server 200 a page, by keys; one order from draft to receipt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ledger.access.listing import names_of
from ledger.core.accounts import coded
from ledger.core.dates import SHANGHAI, parse_day
from ledger.core.entries import FUND_NAMES
from ledger.core.persons import PERSON, PERSON_WORD
from ledger.core.words import said, words_of
from ledger.db.safekeeping.fields import shown_rows
from ledger.payments.incoming.proven import BankRefusal, read_refusals
from ledger.payments.orders.listing import OrderView, order_view
from ledger.payments.orders.stale import REASONS, stale_orders
from ledger.web.pages.watch.flow import GROUPS
from ledger.web.record import Ask, Offer, offered, whole_payee
from ledger.web.show import ROWS, Filter, address, grid_page, page
from ledger.web.sitting import Desk
from reports.remittance import remittance_grid
from reports.render.grid import Column, Grid, Line

_REASON = Ask("reason", "原因")


def orders(desk: Desk, _request: Request) -> Response:
    """Orders by number."""
    q = desk.query
    states = [*words_of("order.state").items(), *GROUPS.items()]

    def read(limit: int | None, after: str) -> list[tuple[Any, ...]]:
        with desk.tx() as tx:
            rows = tx.rows(
                """SELECT o.order_no, b.pay_date, o.fund, o.institution, o.payee_name, o.payee_bank, o.amount_fen, o.state, o.batch_id
                     FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                    WHERE o.region = %(region)s AND o.order_no > %(after)s
                      AND (%(state)s = '' OR o.state = ANY(string_to_array(%(state)s, ','))) AND (%(batch)s = '' OR o.batch_id = %(batch)s)
                      AND (%(day)s::date IS NULL OR b.pay_date = %(day)s)
                      AND (%(institution)s = '' OR o.institution = %(institution)s)
                    ORDER BY o.order_no LIMIT %(limit)s""",
                region=desk.region,
                after=after,
                state=q.get("state", ""),
                batch=q.get("batch", ""),
                day=parse_day(q["date"]) if q.get("date") else None,
                institution=q.get("institution", ""),
                limit=limit,
            )
            return shown_rows(tx, rows)

    def table(rows: list[tuple[Any, ...]]) -> Grid:
        columns = (
            Column("order_no", "拨付单号"), Column("day", "拨付日", "day"), Column("fund", "险种"), Column("institution", "机构"),
            Column("payee", "收款户名"), Column("bank", "开户行"), Column("amount", "金额", "money"), Column("state", "状态"),
            Column("batch", "批次"),
        )  # fmt: skip
        lines = [
            Line(
                (
                    no,
                    day,
                    FUND_NAMES.get(fund, str(fund)),
                    PERSON_WORD if code == PERSON else code,
                    name,
                    bank,
                    fen,
                    said("order.state", str(state)),
                    batch,
                )
            )
            for no, day, fund, code, name, bank, fen, state, batch in rows
        ]
        return Grid("拨付单", "拨付单", columns, lines, notes=("单位：元",))

    found = read(ROWS + 1, q.get("after", ""))
    following = str(found[ROWS - 1][0]) if len(found) > ROWS else None
    filters = (
        Filter("date", "拨付日", (), "date"), Filter("state", "状态", states), Filter("institution", "机构"),
        Filter("batch", "批次"),
    )  # fmt: skip
    return grid_page(
        desk, table(found[:ROWS]), filters=filters, following=following, whole=lambda: table(read(None, ""))
    )


def order(desk: Desk, request: Request) -> Response:
    """One order: to whom, what happened, on which papers, in which vouchers."""
    view = order_view(desk.reading, desk.user, desk.region, request.path_params["order"])
    with desk.tx() as tx:
        refusals = read_refusals(tx, view.order.order_no)
        stale = stale_orders(tx, [view.order.order_no], desk.today).get(view.order.order_no, "")
        names = names_of(tx, [view.order.approved_by, *(one.user for one in view.events)])
    return page(
        desk, "order.html", title=f"拨付单 {view.order.order_no}", view=view, refusals=refusals, names=names,
        offers=offered(desk, _of_order(desk, view, refusals, stale)),
        here=address(f"orders/{view.order.order_no}", region=desk.region),
    )  # fmt: skip


def _of_order(desk: Desk, view: OrderView, refusals: Sequence[BankRefusal], stale: str) -> Iterator[Offer]:
    """What may be asked for at an order by where it is; what is allowed payments.transition says."""
    one, held = view.order, {"region": desk.region}
    if one.institution == PERSON:
        yield whole_payee(desk, one.order_no)
    if one.state == "draft":
        yield Offer(("maker",), "payments discard", "作废此批次", {**held, "batch": one.batch_id}, (_REASON,),
                    note=f"批次{one.batch_id}的全部拨付单一并作废。")  # fmt: skip
    if one.state in ("approved", "filed"):
        yield Offer(("maker", "checker"), "payments cancel", "取消此单", {**held, "order": one.order_no}, (_REASON,),
                    note="已制盘的，其文件作废，其余的单待重新制盘。")  # fmt: skip
    if one.state == "approved":
        yield Offer(("maker",), "payments file", "批次制盘", {**held, "batch": one.batch_id})
    if one.state == "filed" and stale:
        yield Offer(("maker",), "payments file", "批次重新制盘", {**held, "batch": one.batch_id},
                    note=f"此单不得再拨付（{REASONS[stale]}）：停付的单取消，其文件作废，其余的单重新制盘。")  # fmt: skip
    if one.state in ("sent", "accepted", "unknown"):
        yield Offer(("accountant",), "payments ask", "查询超期未回单的", held, note="只查询，不重发。")
    if any(not refusal.missing and refusal.state != "rejected" for refusal in refusals):
        yield Offer(("accountant",), "payments release", "退回，可重付", {**held, "order": one.order_no})


def advice(desk: Desk, request: Request) -> Response:
    """What an order's money is made of, as a page or a file for the institution."""
    with desk.tx() as tx:
        grid = remittance_grid(tx, request.path_params["order"])
    return grid_page(desk, grid)


def sent_files(desk: Desk, _request: Request) -> Response:
    """Payment files and where they are."""
    states = list(words_of("file.state").items())

    def read(limit: int | None, after: str) -> list[tuple[Any, ...]]:
        with desk.tx() as tx:
            found: list[tuple[Any, ...]] = tx.rows(
                """SELECT f.file_id, f.name, f.account, f.batch_id, b.pay_date, f.orders, f.total_fen, f.state,
                          encode(f.sha256, 'hex') FROM payments.bank_file f
                     JOIN payments.batch b ON b.region = f.region AND b.batch_id = f.batch_id
                    WHERE f.region = %(region)s AND (%(state)s = '' OR f.state = %(state)s) AND f.file_id > %(after)s
                    ORDER BY f.file_id LIMIT %(limit)s""",
                region=desk.region,
                state=desk.query.get("state", ""),
                after=after,
                limit=limit,
            )
            return found

    def table(rows: list[tuple[Any, ...]]) -> Grid:
        columns = (
            Column("file", "文件"), Column("name", "文件名"), Column("account", "账户"), Column("batch", "批次"),
            Column("day", "拨付日", "day"), Column("orders", "单数", "count"), Column("total", "金额", "money"),
            Column("state", "状态"), Column("sha256", "SHA-256"),
        )  # fmt: skip
        lines = [Line((*row[:7], said("file.state", row[7]), row[8])) for row in rows]
        return Grid("付款文件", "付款文件", columns, lines, notes=("单位：元",))

    rows = read(ROWS + 1, desk.query.get("after", ""))
    following = str(rows[ROWS - 1][0]) if len(rows) > ROWS else None
    return grid_page(
        desk, table(rows[:ROWS]), filters=(Filter("state", "状态", states),), following=following,
        whole=lambda: table(read(None, "")), extra={"send": desk.can("cashier")},
    )  # fmt: skip


def received_files(desk: Desk, _request: Request) -> Response:
    """The banks' papers, the newest first: what each says and what became of it."""
    outcomes = list(words_of("paper.outcome").items())

    def read(limit: int | None, before: str) -> list[tuple[Any, ...]]:
        day, _, mark = before.partition("~")
        account, _, number = mark.partition("~")
        with desk.tx() as tx:
            rows = tx.rows(
                """SELECT e.booking_date, e.account, e.kind, e.receipt_no, e.direction, e.amount_fen, e.other_name, e.matched_order,
                          e.outcome, e.outcome_code FROM payments.evidence e
                    WHERE e.region = %(region)s AND (%(outcome)s = '' OR e.outcome = %(outcome)s)
                      AND (%(day)s::date IS NULL OR (e.booking_date, e.account, e.receipt_no || e.kind || e.direction) < (%(day)s::date, %(account)s, %(number)s))
                    ORDER BY e.booking_date DESC, e.account DESC, e.receipt_no || e.kind || e.direction DESC LIMIT %(limit)s""",
                region=desk.region,
                outcome=desk.query.get("outcome", ""),
                day=parse_day(day) if day else None,
                account=account,
                number=number,
                limit=limit,
            )
            return shown_rows(tx, rows)

    def table(rows: list[tuple[Any, ...]]) -> Grid:
        columns = (
            Column("day", "银行日期", "day"), Column("account", "账户"), Column("kind", "凭据"), Column("receipt", "编号"),
            Column("direction", "借贷"), Column("amount", "金额", "money"), Column("other", "对方户名"), Column("order_no", "拨付单"),
            Column("outcome", "结果"), Column("reason", "原因"),
        )  # fmt: skip
        lines = [
            Line((on, account, said("paper.kind", kind), no, said("direction", side), fen, name, matched,
                  said("paper.outcome", outcome), said("paper.reason", why)))
            for on, account, kind, no, side, fen, name, matched, outcome, why in rows
        ]  # fmt: skip
        return Grid("银行单据", "银行单据", columns, lines, notes=("单位：元",))

    rows = read(ROWS + 1, desk.query.get("after", ""))
    last = rows[ROWS - 1] if len(rows) > ROWS else None
    following = None if last is None else f"{last[0]}~{last[1]}~{last[3]}{last[2]}{last[4]}"
    return grid_page(
        desk, table(rows[:ROWS]), filters=(Filter("outcome", "结果", outcomes),), following=following,
        whole=lambda: table(read(None, "")), extra={"offers": offered(desk, _fetched(desk)), "here": address("received", region=desk.region)},
    )  # fmt: skip


def _fetched(desk: Desk) -> Iterator[Offer]:
    """Asking the banks for what they have put out: of every paying account or one; what was received is the answer."""
    with desk.tx() as tx:
        own = [number for (number,) in tx.rows(
            coded("SELECT account FROM payments.bank_account WHERE region = %(region)s AND kind = '{SPENDING_DEPOSIT}' ORDER BY 1"),
            region=desk.region,
        )]  # fmt: skip
    account = Ask("account", "账户", choices=[("", "全部支出户"), *((one, one) for one in own)], needed=False)
    held, post = {"region": desk.region}, ("accountant",)
    yield Offer(
        post,
        "payments receive",
        "收银行文件",
        held,
        (account,),
        note="状态回执改变单的状态，回单过账；可重复办理。",
    )
    yield Offer(
        post,
        "payments receive",
        "重新取来比对",
        {**held, "again": True},
        (account,),
        note="已收过的文件也重新取来，与所存的比对。",
    )


def local(moment: datetime) -> str:
    """A moment as people read it."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def day_of(text: str) -> date | None:
    """A day from an address, None without one."""
    return parse_day(text) if text else None
