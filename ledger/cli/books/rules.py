"""`fundledger rules`: the accounting rules as an accountant reviews them."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ledger.books.chart import account
from ledger.cli.line.context import JsonFlag, print_json
from ledger.core.entries import EMPLOYEE_FUND, Section, Side
from ledger.core.errors import NotFound
from ledger.rules.book import Rule, RuleLine
from ledger.rules.load import rulebook
from ledger.rules.vocabulary import CONDITIONS, FORM_TITLES, PLACE_TITLES
from reports.render.terminal import show as show_table
from reports.render.worked_year import worked_year_object, worked_year_tables
from reports.worked_year import worked_year_of

app = typer.Typer(help="记账规则：每个业务事件在各会计政策下的分录", no_args_is_help=True)

WIDTH_WITHOUT_TERMINAL = 160
"""Columns for a pipe or a file: wide enough that an account's name stays on its line."""


class Policy(StrEnum):
    """日拨付会计政策."""

    P1 = "P1"
    P2 = "P2"


@app.callback()
def _group() -> None:
    """记账规则."""


@app.command()
def show(
    event: Annotated[str, typer.Option(help="只看一个事件，如 RCV.daily；缺省为全部")] = "",
    policy: Annotated[Policy | None, typer.Option(help="P1日拨付列暂付款，P2直接列支出；缺省为两者")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出记账规则：科目、方向、金额、条件、依据。"""
    rules = _chosen(event, policy)
    if as_json:
        print_json({"rules": [_plain(rule) for rule in rules]})
        return
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_WITHOUT_TERMINAL)
    for rule in rules:
        console.print(_table(rule))


@app.command("worked-year")
def worked_year(
    policy: Annotated[Policy, typer.Option(help="P1日拨付列暂付款，P2直接列支出")] = Policy.P1,
    *,
    as_json: JsonFlag = False,
) -> None:
    """年度范例：一家机构从结算记录到清算的全部事件、分录和T形账。"""
    year = worked_year_of(policy.value)
    if as_json:
        print_json(worked_year_object(year))
        return
    for table in worked_year_tables(year):
        show_table(table, sys.stdout)


def _chosen(event: str, policy: Policy | None) -> list[Rule]:
    """Rules in the order of the file; a rule both policies share comes once."""
    found: dict[str, Rule] = {}
    for (name, wanted), versions in rulebook().rules.items():
        if event in ("", name) and (policy is None or policy.value == wanted):
            for rule in versions:
                found.setdefault(rule.name, rule)
    if not found:
        raise NotFound("rule.unknown", f"没有事件{event}的记账规则", event=event)
    return list(found.values())


def _table(rule: Rule) -> Table:
    table = Table(
        title=f"{rule.name}  {rule.event.title}  （{rule.valid_from}起）", title_justify="left", expand=True
    )
    for heading, ratio in (
        ("部分", 3),
        ("向", 1),
        ("科目", 10),
        ("金额", 6),
        ("条件", 6),
        ("依据", 8),
        ("说明", 12),
    ):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for line in rule.lines:
        plain = _plain_line(line)
        table.add_row(*(plain[key] for key in _SHOWN))
    return table


_SHOWN = ("section", "side", "account_title", "amount_title", "condition_title", "article", "note")


def _plain(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.name,
        "event": rule.event.name,
        "title": rule.event.title,
        "version": rule.version,
        "valid_from": rule.valid_from.isoformat(),
        "lines": [_plain_line(line) for line in rule.lines],
    }


def _plain_line(line: RuleLine) -> dict[str, str]:
    if line.place:
        title = PLACE_TITLES[line.place]
    else:
        title = f"{line.account}{account(EMPLOYEE_FUND, int(line.account)).name}"
    return {
        "section": "会计账" if line.section is Section.STATUTORY else "备查账",
        "side": "借" if line.side is Side.DEBIT else "贷",
        "account": line.account,
        "account_title": title,
        "amount": f"{'-' if line.sign < 0 else ''}{line.amount}",
        "amount_title": f"{'－' if line.sign < 0 else ''}{FORM_TITLES[line.amount]}",
        "condition": line.condition,
        "condition_title": CONDITIONS[line.condition].title if line.condition else "",
        "article": line.article,
        "note": line.note,
    }
