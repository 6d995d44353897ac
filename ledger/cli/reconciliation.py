"""`fundledger reconciliation`: statement lines and journal matched, and 余额调节表 made and reviewed."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books.reading import parse_period
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, laid_out, show
from ledger.core.digests import parse_digest
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.words import evidence_named, said
from ledger.payments.statements.by_hand import LegKey, LineKey, match_by_hand, undo
from ledger.payments.statements.listing import MatchRow, OpenRow, matches, open_rows
from ledger.payments.statements.matching import match
from ledger.payments.statements.proposing import MatchProposal, confirm, propose
from ledger.payments.statements.sheet import BankSheet, make, review, sheets

app = typer.Typer(help="银行对账：勾对、余额调节表", no_args_is_help=True)

Account = Annotated[str, typer.Option(help="自有账户")]
Period = Annotated[str, typer.Option(help="会计期间YYYYMM")]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD；缺省为业务日期")]


@app.command("match")
def match_command(
    region: RegionOption, account: Account, date: DateOption = "", *, as_json: JsonFlag = False
) -> None:
    """自动勾对：回单号、银行流水号、拨付单号相同且金额相等的；一对多、多对一亦可。只是金额相同的不勾，见propose。"""
    running, day = app_for("accountant"), day_or_today(date)
    with act(running, region, "reconciliation.match", account) as tx:
        done = match(tx, account, day)
    words = "、".join(f"{said('match.why', why)}{n}组" for why, n in done.groups.items() if n) or "没有新的"
    document = {
        "account": account, "groups": done.groups, "open_statement_lines": done.open_lines, "open_journal_lines": done.open_legs,
    }  # fmt: skip
    show(
        document,
        [f"{account} 勾对：{words}；尚未勾对：对账单{done.open_lines}行，账上{done.open_legs}行"],
        as_json=as_json,
    )


@app.command("propose")
def propose_command(region: RegionOption, account: Account, *, as_json: JsonFlag = False) -> None:
    """勾对建议：金额、账户相同而日期相近的；确认由人作出（confirm）。"""
    running = app_for("accountant")
    with laid_out(running, region, "reconciliation.match") as tx:
        found = propose(tx, account)
    show(
        {"proposals": [_plain_proposal(one) for one in found]},
        [
            f"{one.key} {one.day} {yuan_grouped(one.effect_fen)}元 {said('match.proposal', one.why)}："
            f"对账单{'、'.join(map(str, one.lines))}，账上{'、'.join(map(str, one.legs))}"
            for one in found
        ]
        or ["没有建议"],
        as_json=as_json,
    )


@app.command("confirm")
def confirm_command(
    region: RegionOption,
    account: Account,
    reason: Annotated[str, typer.Option(help="理由：怎么知道它们是同一笔")],
    proposal: Annotated[str, typer.Option(help="建议编号，见propose")] = "",
    lines: Annotated[list[str] | None, typer.Option("--line", help="对账单行，份:行，如3:7；可多次")] = None,
    entries: Annotated[
        list[str] | None, typer.Option("--entry", help="账上分录，基金:链上序号:行，如310:45:2；可多次")
    ] = None,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """人工勾对：确认一条建议，或写明哪些行；两边合计须相等。"""
    running, day = app_for("accountant"), day_or_today(date)
    if bool(proposal) == bool(lines or entries):
        raise InvalidInput(
            "reconciliation.which",
            "写明一条建议（--proposal），或写明对账单行与分录（--line、--entry），不能兼有",
        )
    banks = [LineKey(*_numbers(text, 2)) for text in lines or ()]
    ours = [LegKey(*_numbers(text, 3)) for text in entries or ()]
    with act(running, region, "reconciliation.confirm", f"{account} {proposal}") as tx:
        if proposal:
            number = confirm(tx, account, proposal, reason, day)
        else:
            number = match_by_hand(tx, account, banks, ours, reason, day)
    show({"account": account, "match": number}, [f"{account} 勾对第{number}号：{reason}"], as_json=as_json)


@app.command("undo")
def undo_command(
    number: Annotated[int, typer.Argument(help="勾对编号，见list")],
    region: RegionOption,
    account: Account,
    reason: Annotated[str, typer.Option(help="理由")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """撤销一次勾对：人工勾对由其本人撤销；原勾对保留，写明何人何日何故撤销。"""
    running, day = app_for("accountant"), day_or_today(date)
    with act(running, region, "reconciliation.undo", f"{account} {number}") as tx:
        undo(tx, account, number, reason, day)
    show(
        {"account": account, "match": number, "undone": True},
        [f"{account} 勾对第{number}号已撤销：{reason}"],
        as_json=as_json,
    )


@app.command("list")
def list_command(
    region: RegionOption,
    account: Account,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="各列多少")] = 200,
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出尚未勾对的、勾对及其理由、余额调节表。"""
    running = app_for("reviewer")
    with laid_out(running, region, "reconciliation.match") as tx:
        rows, made, papers = (
            open_rows(tx, account, limit=limit),
            matches(tx, account, limit=limit),
            sheets(tx, account),
        )
    document = {
        "open": [_plain_open(one) for one in rows],
        "matches": [_plain_match(one) for one in made],
        "sheets": [plain(one) for one in papers],
    }
    lines = [
        f"未勾对 {said('open.side', one.side)} {one.reference} {one.day} {yuan_grouped(one.effect_fen)}元 {evidence_named(one.paper)} {one.summary}"
        for one in rows
    ]
    lines += [_match_words(one) for one in made] + [_words(one) for one in papers]
    show(document, lines or ["没有对账单，也没有分录"], as_json=as_json)


@app.command("make")
def make_command(
    region: RegionOption,
    account: Account,
    period: Period,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """会计编制一个账户一个月的余额调节表：两边调节后相等才成，待另一人复核。"""
    running, day = app_for("accountant"), day_or_today(date)
    with act(running, region, "reconciliation.make", f"{account} {period}") as tx:
        made = make(tx, account, parse_period(period), day)
    show(plain(made), [_words(made)], as_json=as_json)


@app.command("review")
def review_command(
    region: RegionOption,
    account: Account,
    period: Period,
    digest: Annotated[str, typer.Option(help="所核对的余额调节表的摘要，64位十六进制")],
    date: DateOption = "",
    refusal: Annotated[str, typer.Option("--refuse", help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核余额调节表：由编制人以外、出纳以外的人，按摘要；给出理由则退回重编。"""
    running, day = app_for("checker"), day_or_today(date)
    wanted = parse_digest(digest, "reconciliation.digest_format")
    with act(
        running,
        region,
        "reconciliation.refuse" if refusal else "reconciliation.review",
        f"{account} {period}",
    ) as tx:
        done = review(tx, account, parse_period(period), wanted, day, refusal)
    show(plain(done), [_words(done)], as_json=as_json)


def _numbers(text: str, wanted: int) -> list[int]:
    parts = text.split(":")
    if len(parts) != wanted or not all(
        part.isascii() and part.isdigit() and len(part) <= 15 for part in parts
    ):
        raise InvalidInput(
            "reconciliation.reference", f"“{text[:40]}”应为{wanted}个以冒号分开的数", value=text[:40]
        )
    return [int(part) for part in parts]


def plain(one: BankSheet) -> dict[str, object]:
    """A sheet for machines; money in fen as text."""
    return {
        "account": one.account,
        "period": str(one.period),
        "version": one.version,
        "bank_fen": str(one.bank_fen),
        "book_fen": str(one.book_fen),
        "adjusted_fen": str(one.adjusted_fen),
        "digest": one.digest.hex(),
        "state": one.state,
        "made_by": one.made_by,
        "reviewed_by": one.reviewed_by,
        "reason": one.reason,
    }


def _plain_proposal(one: MatchProposal) -> dict[str, object]:
    return {
        "proposal": one.key,
        "why": one.why,
        "day": one.day.isoformat(),
        "amount_fen": str(one.effect_fen),
        "statement_lines": [str(part) for part in one.lines],
        "journal_lines": [str(part) for part in one.legs],
    }


def _plain_open(one: OpenRow) -> dict[str, object]:
    return {
        "side": one.side,
        "reference": one.reference,
        "day": one.day.isoformat(),
        "amount_fen": str(one.effect_fen),
        "paper": one.paper,
        "summary": one.summary,
    }


def _plain_match(one: MatchRow) -> dict[str, object]:
    return {
        "match": one.n,
        "why": one.why,
        "reason": one.reason,
        "made_by": one.made_by,
        "made_on": one.made_on.isoformat(),
        "undone_by": one.undone_by,
        "undone_on": one.undone_on.isoformat() if one.undone_on else "",
        "undone_why": one.undone_why,
        "statement_lines": list(one.lines),
        "journal_lines": list(one.legs),
        "amount_fen": str(one.amount_fen),
    }


def _match_words(one: MatchRow) -> str:
    undone = f"；{one.undone_by}于{one.undone_on}撤销：{one.undone_why}" if one.undone_by else ""
    return (
        f"勾对{one.n} {said('match.why', one.why)} {one.reason} {yuan_grouped(one.amount_fen)}元 对账单{'、'.join(one.lines) or '无'} "
        f"账上{'、'.join(one.legs) or '无'} {one.made_by}{undone}"
    )


def _words(one: BankSheet) -> str:
    by = f"，{one.reviewed_by}复核" if one.reviewed_by else ""
    why = f"：{one.reason}" if one.reason else ""
    return (
        f"余额调节表 {one.account} {one.period}第{one.version}版 银行{yuan_grouped(one.bank_fen)}元 账面{yuan_grouped(one.book_fen)}元 "
        f"调节后{yuan_grouped(one.adjusted_fen)}元 {one.made_by}编制{by}，{said('sheet_bank.state', one.state)}{why}，摘要{one.digest.hex()}"
    )
