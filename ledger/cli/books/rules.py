"""`fundledger rules`: the accounting rules as an accountant reviews them."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ledger.cli.line.context import JsonFlag, print_json
from ledger.core.errors import NotFound
from ledger.rules.book import Rule
from ledger.rules.load import rulebook
from ledger.rules.shown import plain_line, plain_rule
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
        print_json({"rules": [plain_rule(rule) for rule in rules]})
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
        plain = plain_line(line)
        table.add_row(*(plain[key] for key in _SHOWN))
    return table


_SHOWN = ("section", "side", "account_title", "amount_title", "condition_title", "article", "note")
