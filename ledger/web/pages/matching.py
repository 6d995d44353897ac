"""银行对账: the bank's lines and ours not matched yet, side by side; what may belong together; what was matched and why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.errors import NotFound
from ledger.core.words import evidence_named, said
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.listing import MatchRow, OpenRow, match_parts, matches, open_rows
from ledger.payments.statements.proposing import MatchProposal, propose
from ledger.payments.statements.take import KeptStatement, TakenStatement, files, taken
from ledger.payments.statements.withdraw import Withdrawal, withdrawals
from ledger.web.record import Ask, Offer, decide, offered, record_page
from ledger.web.show import ROWS, Filter, Linked, address, page, rows_of
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_REASON = Ask("reason", "理由")


def accounts_of(tx: Transaction) -> list[tuple[str, str]]:
    """Our own accounts with their names."""
    return [
        (account, name)
        for account, name in tx.rows(
            "SELECT account, name FROM payments.bank_account WHERE region = %(region)s ORDER BY account",
            region=tx.region,
        )
    ]


def matching(desk: Desk, _request: Request) -> Response:
    """An account's two sides; 200 rows of each a page, by `bank` and `book` further on."""
    skip = {side: _skip(desk, side) for side in ("bank", "book")}
    with desk.laid_out("reconciliation.propose") as tx:
        accounts = accounts_of(tx)
        account = desk.query.get("account") or (accounts[0][0] if accounts else "")
        open_ = {
            side: open_rows(tx, account, limit=ROWS + 1, side=side, skip=start)
            for side, start in skip.items()
        }
        proposals = propose(tx, account)
        made = matches(tx, account, limit=ROWS)
        rows = _rows_named(tx, account, proposals)
    here = address("matching", region=desk.region, account=account)
    asked = {"region": desk.region, "account": account}
    sides = [
        (
            said("open.side", side),
            "lines" if side == "bank" else "entries",
            open_[side][:ROWS],
            address("matching", **asked | {k: v for k, v in skip.items() if v} | {side: skip[side] + ROWS})
            if len(open_[side]) > ROWS
            else "",
        )
        for side in ("bank", "book")
    ]  # fmt: skip
    held = {**asked, "date": desk.today}
    grid = _made(desk, account, made)
    return page(
        desk, "matching.html", title="银行对账", accounts=accounts, account=account, sides=sides, proposals=proposals[:ROWS],
        more=max(len(proposals) - ROWS, 0), rows=rows, here=here, held=held, grid=grid, made=rows_of(desk, grid), named=evidence_named,
        offers=offered(desk, [Offer(("accountant",), "reconciliation match", "自动勾对全部", held, note="回单号、流水号、拨付单号相同且金额相等的。")]),
        told_line=told_line, told_leg=told_leg,
    )  # fmt: skip


def one(desk: Desk, request: Request) -> Response:
    """One match: its two sides, why and by whom, and undoing it with a reason."""
    account, number = request.path_params["account"], request.path_params["match"]
    with desk.tx() as tx:
        found = [one for one in matches(tx, account, limit=100_000) if str(one.n) == number]
        parts = match_parts(tx, found[0]) if found else []
    if not found:
        raise NotFound("reconciliation.no_match", f"没有勾对第{number[:20]}号", number=number[:20])
    [made] = found
    person = desk.persons()
    facts = (
        ("账户", account), ("依据", said("match.why", made.why)), ("理由", made.reason), ("办理", f"{person(made.made_by)} {made.made_on}"),
        ("撤销", f"{person(made.undone_by)} {made.undone_on}：{made.undone_why}" if made.undone_by else ""),
    )  # fmt: skip
    columns = (
        Column("side", "一方"), Column("reference", "行"), Column("day", "日期", "day"), Column("amount", "金额", "money"),
        Column("paper", "凭据"), Column("summary", "摘要"),
    )  # fmt: skip
    lines = [
        Line((
            said("open.side", row.side), _opened(desk, account, row), row.day, row.effect_fen,
            evidence_named(row.paper), row.summary,
        ))
        for row in parts
    ]  # fmt: skip
    held = {"region": desk.region, "account": account, "number": made.n, "date": desk.today}
    offers = (
        []
        if made.undone_by
        else [Offer(("accountant",), "reconciliation undo", "撤销勾对", held, (_REASON,))]
    )
    return record_page(
        desk, f"勾对第{made.n}号", facts, (Grid("勾对", "两方", columns, lines),), offers,
        here=address(f"matching/{account}/{made.n}", region=desk.region),
    )  # fmt: skip


def statements(desk: Desk, _request: Request) -> Response:
    """The statements taken of an account, those that wait, and taking one back by two persons."""
    with desk.tx() as tx:
        accounts = accounts_of(tx)
        account = desk.query.get("account") or (accounts[0][0] if accounts else "")
        made, kept, back = taken(tx, account), files(tx, account), withdrawals(tx, account)
    held = {"region": desk.region, "account": account, "date": desk.today}
    waiting, person = [one for one in kept if one.state in ("proposed", "waiting")], desk.persons()
    offers = []
    if made:
        offers.append(
            Offer(("accountant",), "bank-statement withdraw", "申请收回最后一份", {**held, "statement": made[-1].n}, (_REASON,),
                  note=f"第{made[-1].n}份：没有勾对、没有列入余额调节表、月份未结账的才能收回。")
        )  # fmt: skip
    for file in waiting:
        if file.state == "proposed":
            offers += decide(
                ("checker",), "bank-statement confirm", {**held, "digest": file.digest.hex()}, "refusal"
            )
        else:
            offers.append(
                Offer(("accountant",), "bank-statement withdraw", f"收回待齐的一页 {file.name}", {**held, "page": file.digest.hex()}, (_REASON,))
            )  # fmt: skip
    for one in back:
        if one.state == "requested":
            offers += decide(
                ("checker",), "bank-statement confirm-withdrawal", {**held, "n": one.n}, "refusal"
            )
    filters = (Filter("account", "账户", [(a, f"{a} {name}") for a, name in accounts], value=account),)
    return record_page(
        desk, "对账单", (), (_taken(desk, account, made), _kept(waiting, person), _back(back, person)), offers, filters=filters,
        here=address("statements", region=desk.region, account=account),
    )  # fmt: skip


def _skip(desk: Desk, side: str) -> int:
    asked = desk.query.get(side, "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else 0


def told_line(reference: str) -> str:
    """`3:7` in words."""
    statement, _, line = reference.partition(":")
    return f"第{statement}份第{line}行"


def told_leg(reference: str) -> str:
    """`310:45:2` in words."""
    fund, seq, leg = reference.split(":")
    return f"{FUND_NAMES.get(int(fund), fund)}链上{seq}第{leg}行"


def _opened(desk: Desk, account: str, row: OpenRow) -> str:
    """A part of a match, leading to its statement or its voucher; what a cut-over brought stands in no statement."""
    first, second = row.reference.split(":")[:2]
    if row.side == "book":
        return Linked(told_leg(row.reference), address(f"vouchers/{second}", book=f"{desk.region}-{first}"))
    told = told_line(row.reference)
    return (
        Linked(told, address(f"statements/{account}/{first}", region=desk.region)) if first != "0" else told
    )


def _rows_named(tx: Transaction, account: str, proposals: Sequence[MatchProposal]) -> dict[str, OpenRow]:
    """What the parts of proposals say of themselves, by their references."""
    wanted = {str(part) for one in proposals for part in (*one.lines, *one.legs)}
    if not wanted:
        return {}
    return {row.reference: row for row in open_rows(tx, account, limit=100_000) if row.reference in wanted}


def _made(desk: Desk, account: str, made: Sequence[MatchRow]) -> Grid:
    columns = (
        Column("n", "编号"), Column("why", "依据"), Column("reason", "理由"), Column("amount", "金额", "money"),
        Column("lines", "对账单"), Column("legs", "账上"), Column("by", "办理"), Column("undone", "撤销"),
    )  # fmt: skip
    person = desk.persons()
    lines = [
        Line((
            Linked(f"第{one.n}号", address(f"matching/{account}/{one.n}", region=desk.region)), said("match.why", one.why), one.reason,
            one.amount_fen, _few([told_line(part) for part in one.lines]), _few([told_leg(part) for part in one.legs]),
            f"{person(one.made_by)} {one.made_on}", f"{person(one.undone_by)} {one.undone_on}：{one.undone_why}" if one.undone_by else "",
        ))
        for one in made
    ]  # fmt: skip
    return Grid("勾对", "已勾对（最近200组）", columns, lines)


def _few(parts: Sequence[str]) -> str:
    return "、".join(parts[:5]) + (f"等{len(parts)}行" if len(parts) > 5 else "") or "无"


def _taken(desk: Desk, account: str, made: Sequence[TakenStatement]) -> Grid:
    columns = (
        Column("n", "份"), Column("form", "形式"), Column("number", "编号"), Column("first", "自", "day"), Column("last", "至", "day"),
        Column("opening", "期初余额", "money"), Column("closing", "期末余额", "money"), Column("lines", "行数", "count"),
        Column("gap", "缺口"),
    )  # fmt: skip
    lines = [
        Line((Linked(f"第{one.n}份", address(f"statements/{account}/{one.n}", region=desk.region)),
              said("statement.form", one.form), one.number, one.first_day, one.last_day, one.opening_fen, one.closing_fen,
              one.lines, f"与前一份相隔{one.gap_days}天" if one.gap_days else ""))
        for one in made
    ]  # fmt: skip
    return Grid("对账单", "收到的对账单", columns, lines, notes=("单位：元",))


def _kept(found: Sequence[KeptStatement], person: Callable[[str], str]) -> Grid:
    columns = (
        Column("name", "文件名"), Column("form", "形式"), Column("state", "状态"), Column("by", "录入"), Column("stated", "所写"),
        Column("digest", "摘要"),
    )  # fmt: skip
    lines = [
        Line((one.name, said("statement.form", one.form), said("statement_file.state", one.state), person(one.prepared_by),
              " ".join(one.stated.values()), one.digest.hex()))
        for one in found
    ]  # fmt: skip
    return Grid("待复核", "录入待复核的、待齐其余各页的", columns, lines)


def _back(found: Sequence[Withdrawal], person: Callable[[str], str]) -> Grid:
    columns = (
        Column("n", "编号", "count"), Column("what", "收回"), Column("reason", "理由"), Column("state", "状态"), Column("by", "申请"),
        Column("checked", "复核"), Column("refusal", "退回"),
    )  # fmt: skip
    lines = [
        Line((one.n, "待齐的一页" if one.page else f"第{one.first_statement}至{one.last_statement}份", one.reason,
              said("statement_withdrawal.state", one.state), person(one.prepared_by), person(one.approved_by), one.refusal))
        for one in found
    ]  # fmt: skip
    return Grid("收回", "收回的申请", columns, lines)
