"""`fundledger simulate`: days, months and the year of a region with everything that happens in them, against the bank
simulator; at the end three sides must agree to the fen.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, progress_bar, show
from ledger.core.dates import parse_day
from ledger.settings import get_settings
from ledger.simulation.life.run import INSTITUTIONS_MAX, RECORDS_MAX, run
from ledger.simulation.town import Asked


def simulate(
    region: RegionOption,
    first: Annotated[str, typer.Option("--from", help="第一天 YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="最后一天 YYYY-MM-DD")],
    seed: Annotated[int, typer.Option("--seed", min=0, help="随机种子：同样的参数给出同样的经过")],
    records_per_day: Annotated[int, typer.Option("--records-per-day", min=1, max=RECORDS_MAX)] = 200,
    institutions: Annotated[int, typer.Option(min=1, max=INSTITUTIONS_MAX)] = 20,
    *,
    as_json: JsonFlag = False,
) -> None:
    """模拟：在一个空的数据目录里逐日运行一个统筹区，含冲销、失败、退汇、审核、月结、清算，末了三方核对。"""
    asked = Asked(region, parse_day(first), parse_day(last), seed, records_per_day, institutions)
    with progress_bar("模拟") as progress:
        document = run(get_settings(), asked, progress)
    show(document, _words(document), as_json=as_json)
    if not (document["bank_agrees"] and document["recomputation_agrees"] and document["verify"] == "clean"):
        raise typer.Exit(1)


def _words(done: dict[str, Any]) -> list[str]:
    agree = {True: "相符", False: "不符！"}
    events = "，".join(f"{word} {number}" for word, number in done["events"].items())
    return [
        f"{done['days']}天，结算记录{done['records']}笔，凭证{done['entries']}张，分录{done['lines']}行，用时{done['seconds']}秒",
        f"经过：{events}",
        f"银行账{agree[done['bank_agrees']]}；独立重算{agree[done['recomputation_agrees']]}；核验：{done['verify']}",
        *done["differences"],
        *done["findings"],
    ]
