"""科目与往来单位: sub-accounts of a book and parties of a region, each proposed by one person and confirmed by another."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.sub_accounts import account_changes, book_accounts
from ledger.core.words import said, words_of
from ledger.fund.institutions.parties import read_parties
from ledger.web.record import Ask, Offer, record_page, whole_payee
from ledger.web.show import address
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_REASON = Ask("reason", "理由")


def accounts(desk: Desk, _request: Request) -> Response:
    """The book's accounts below those of the rules, and what waits of them. Raises NotFound `book.unknown`."""
    book = desk.book
    with desk.tx() as tx:
        changes, found = account_changes(tx, book), book_accounts(tx, book)
    added = Grid(
        "明细科目", "增设的明细科目", (Column("code", "科目"), Column("name", "名称"), Column("state", "状态")),
        [Line((str(one.account), one.name, "已停用" if one.closed else "末级" if one.leaf else "有明细")) for one in found if one.added],
    )  # fmt: skip
    columns = (
        Column("account", "科目"), Column("act", "事项"), Column("name", "名称"), Column("state", "状态"), Column("by", "提出"),
        Column("decided", "复核"), Column("reason", "理由"),
    )  # fmt: skip
    history = Grid(
        "变更", "增设与停用", columns,
        [Line((str(one.account), said("account_change.act", one.act), one.name, said("account_change.state", one.state),
               f"{one.proposed_by} {one.proposed_on}", f"{one.decided_by} {one.decided_on or ''}".strip(), one.reason))
         for one in changes],
    )  # fmt: skip
    held = {"book": book}
    offers = []
    for one in changes:
        if one.state == "proposed":
            what = f"{said('account_change.act', one.act)}{one.account} {one.name}"
            of_change = {**held, "account": one.account, "digest": one.digest}
            offers.append(Offer(("checker",), "account confirm", f"同意：{what}", of_change))
            offers.append(Offer(("checker",), "account refuse", f"退回：{what}", of_change, (_REASON,)))
    code = Ask("account", "科目编码（上级科目加两位）")
    offers += [
        Offer(("accountant",), "account add", "提出增设", held, (code, Ask("name", "本级名称")), note="确认后上级科目不再记账。"),
        Offer(("accountant",), "account close", "提出停用", held, (code,), note="须没有余额、本年没有发生额。"),
    ]  # fmt: skip
    return record_page(desk, "明细科目", (), (history, added), offers, here=address("accounts", book=book))


def parties(desk: Desk, _request: Request) -> Response:
    """Who the fund deals with besides institutions, own accounts and regions, which have lists of their own."""
    with desk.tx() as tx:
        found = read_parties(tx)
    columns = (
        Column("party", "编码"), Column("name", "名称"), Column("kind", "种类"), Column("state", "状态"), Column("by", "提出"),
        Column("checked", "确认"),
    )  # fmt: skip
    lines = [
        Line((one.party, one.name, said("party.kind", one.kind), said("party.state", one.state), one.proposed_by, one.confirmed_by))
        for one in found
    ]  # fmt: skip
    held = {"region": desk.region}
    offers = [
        Offer(("checker",), "party confirm", f"确认{one.party} {one.name}", {**held, "party": one.party})
        for one in found
        if one.state == "proposed"
    ]
    offers += [
        whole_payee(desk, one.party) for one in found if one.kind == "person" and one.state == "proposed"
    ]
    asks = (Ask("party", "编码（一经使用不得更改）"), Ask("name", "名称"), Ask("kind", "种类", choices=list(words_of("party.kind").items())))  # fmt: skip
    offers.append(Offer(("maker", "accountant"), "party add", "提出往来单位", held, asks))
    grid = Grid("往来单位", "往来单位", columns, lines)
    return record_page(desk, "往来单位", (), (grid,), offers, here=address("parties", region=desk.region))
