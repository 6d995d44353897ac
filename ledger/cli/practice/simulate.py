"""`fundledger simulate`: days, months and the year of a region with everything that happens in them, against the bank
simulator; at the end three sides must agree to the fen.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ledger.cli.line.context import JsonFlag, progress_bar, show
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.settings import get_settings
from ledger.simulation.faults.runs import DAYS, run_storms
from ledger.simulation.life.run import INSTITUTIONS_MAX, RECORDS_MAX, run
from ledger.simulation.people import DEMO_REGION
from ledger.simulation.town import Asked

DAYS_MAX = 60


def simulate(
    seed: Annotated[int, typer.Option("--seed", min=0, help="随机种子：同样的参数给出同样的经过")],
    region: Annotated[int, typer.Option("--region", help="统筹区")] = DEMO_REGION,
    first: Annotated[str, typer.Option("--from", help="第一天 YYYY-MM-DD")] = "",
    last: Annotated[str, typer.Option("--to", help="最后一天 YYYY-MM-DD")] = "",
    records_per_day: Annotated[int, typer.Option("--records-per-day", min=1, max=RECORDS_MAX)] = 200,
    institutions: Annotated[int, typer.Option(min=1, max=INSTITUTIONS_MAX)] = 20,
    runs: Annotated[int, typer.Option("--runs", min=1, help="与--faults同用：运行几次，种子依次加一")] = 1,
    days: Annotated[int, typer.Option("--days", min=1, max=DAYS_MAX, help="与--faults同用：每次几天")] = DAYS,
    *,
    faults: Annotated[
        bool, typer.Option("--faults", help="故障模拟：进程被杀、断线、磁盘满、时钟错、银行出错")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """模拟：在一个空的数据目录里逐日运行一个统筹区，含冲销、失败、退汇、审核、月结、清算，末了三方核对。"""
    if faults:
        _under_faults(seed, runs, days, as_json=as_json)
        return
    if not (first and last):
        raise InvalidInput("simulate.period", "请用--from和--to给出起止日，或用--faults作故障模拟")
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


def _under_faults(seed: int, runs: int, days: int, *, as_json: bool) -> None:
    with progress_bar("故障模拟") as progress:
        document = run_storms(get_settings(), seed, runs, days, progress)
    total = sum(document["faults"].values())
    lines = [
        f"{runs}次，{document['days']}天，结算记录{document['records']}笔，故障{total}次，用时{document['seconds']}秒",
        "故障：" + "，".join(f"{word} {number}" for word, number in document["faults"].items()),
    ]
    for failed in document["failed"]:
        again = f"fundledger simulate --faults --seed {failed['seed']} --runs 1 --days {days}"
        lines += [f"种子{failed['seed']}不符，重现：{again}", *failed["wrong"]]
    show(document, lines if document["failed"] else [*lines, "银行账、独立重算、核验均相符"], as_json=as_json)
    if document["failed"]:
        raise typer.Exit(1)
