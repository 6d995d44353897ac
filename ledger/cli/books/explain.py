"""`fundledger explain`: from record to receipt and back."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from ledger.cli.line.context import JsonFlag, app_for, print_json
from ledger.core.entries import FUNDS
from ledger.core.errors import NotFound
from ledger.core.words import words_of
from ledger.db.unit_of_work import unit_of_work
from reports.explain.chain import Chain
from reports.explain.chain import explain as chain_of
from reports.explain.words import row_words

_SHOWN = 12
_TITLES = words_of("explain.part")


def explain(
    subject: Annotated[
        str, typer.Argument(help="结算ID、单据号、拨付单号，或凭证（310:17、310/记-202610-17）")
    ],
    *,
    as_json: JsonFlag = False,
) -> None:
    """从结算到单据、拨付单、回单，从凭证到结算：前因后果一页看全。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user) as tx:
        regions = [region for (region,) in tx.rows("SELECT access.regions_of(%(user)s)", user=running.user)]
    named, _, rest = subject.partition("-")
    if len(named) == 6 and named.isdigit() and int(named) in regions and rest[:3] in map(str, FUNDS):
        regions, subject = [int(named)], rest
    for region in regions:
        try:
            with unit_of_work(running.engine, running.user, region) as tx:
                chain = chain_of(tx, subject)
        except NotFound:
            continue
        if as_json:
            print_json(chain.plain())
        else:
            Console().print(_tree(chain))
        return
    raise NotFound(
        "explain.unknown",
        f"没有找到“{subject[:60]}”：应为结算ID、单据号、拨付单号，或凭证（310:17、310/记-202610-17）",
    )


def _tree(chain: Chain) -> Tree:
    tree = Tree(f"{chain.subject}")
    for kind, title in _TITLES.items():
        rows: list[dict[str, Any]] = getattr(chain, kind)
        branch = tree.add(f"{title}（{chain.counts.get(kind, 0)}）")
        for row in rows[:_SHOWN]:
            branch.add(escape("  ".join(row_words(kind, row))))
        if chain.counts.get(kind, 0) > _SHOWN:
            branch.add(f"……其余{chain.counts[kind] - _SHOWN}项见 --json")
    return tree
