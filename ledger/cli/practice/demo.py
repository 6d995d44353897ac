"""`fundledger demo`: a province's day, end to end, on the embedded database and a simulated bank behind real SFTP."""

from __future__ import annotations

import datetime
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ledger.cli.installation.serve import start
from ledger.cli.line.context import JsonFlag, show
from ledger.cli.practice.prints import leave_prints
from ledger.control.verify import examine
from ledger.core.dates import parse_day
from ledger.core.entries import FUNDS, Book
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.settings import get_settings
from ledger.simulation.bank import demo_bank, demo_plan
from ledger.simulation.demo.home import alone, require_demo_day
from ledger.simulation.demo.live import Narrator, close_month, live, month_told, summary
from ledger.simulation.grant import allotment_fen
from ledger.simulation.people import DEMO_PEOPLE, DEMO_REGION, PASSWORD, found_demo, give_logins
from ledger.simulation.platform.day import generate
from ledger.simulation.staff import staffed

BOOK: Final = Book(DEMO_REGION, FUNDS[0])
"""Whose month is printed."""
DEFAULT_DAY: Final = "2026-10-13"
"""A Tuesday after the October holidays: the same day for every newcomer."""


def demo(
    date: Annotated[str, typer.Option(help="拨付日 YYYY-MM-DD；结算日为前一日")] = DEFAULT_DAY,
    records: Annotated[int, typer.Option(help="结算记录行数")] = 34_000,
    institutions: Annotated[int, typer.Option(help="定点医药机构数")] = 300,
    seed: Annotated[int, typer.Option(help="随机种子")] = 1,
    *,
    serve: Annotated[bool, typer.Option(help="结束后保持网页服务")] = False,
    as_json: JsonFlag = False,
) -> None:
    """演示：一个统筹区的一天，从结算记录到银行回单，全部入账并核验。可重复执行，不会重复付款。"""
    started = time.perf_counter()
    pay_date = parse_day(date)
    settings = get_settings()
    require_demo_day(settings, pay_date)
    narrator = Narrator()
    narrator.say(f"数据目录 {settings.home}；统筹区 {DEMO_REGION}，拨付日 {pay_date}")
    folder = settings.home / "demo" / f"{pay_date:%Y%m%d}-{records}-{institutions}-{seed}"
    with alone(settings), staffed(settings) as staff:
        granted_on = pay_date - timedelta(days=1)
        narrator.step("建库建账", lambda: found_demo(settings, granted_on.replace(day=1)))
        made = narrator.step(
            f"生成{records}行结算记录、{institutions}家机构",
            lambda: generate(records, institutions, granted_on, seed, folder, region=DEMO_REGION),
        )
        granted = allotment_fen(records)
        plan = demo_plan(pay_date, seed)
        with demo_bank(staff.accountant, staff.checker, granted * len(FUNDS), granted_on, plan) as bank:
            loads = live(narrator, staff, bank, made, granted, pay_date)
            end = close_month(narrator, staff, bank, settings.home, pay_date)
            document = summary(staff, bank, pay_date, loads, institutions)
            document |= month_told(staff, end, pay_date)
            verification = narrator.step(
                "核验全部承诺", lambda: examine(staff.accountant.auditor, settings.home)
            )
        folder, prints = narrator.step(
            "打印凭证、报表、账簿、余额调节表",
            lambda: leave_prints(staff.accountant, BOOK, pay_date, settings.home),
        )
        give_logins(settings, pay_date)
    document |= {
        "date": pay_date.isoformat(),
        "prints": str(folder),
        "printed": prints,
        "verify": "clean" if not verification.breaches else f"{len(verification.breaches)} findings",
        "seconds": round(time.perf_counter() - started, 1),
        "files": [str(path) for path in (made.institutions, *made.settlements)],
    }
    show(document, _words(document, settings.home, pay_date), as_json=as_json)
    if verification.breaches or not document["bank_agrees"]:
        raise typer.Exit(1)
    if serve:
        start(settings.model_copy(update={"today": pay_date}))


def _words(day: dict[str, Any], home: Path, pay_date: datetime.date) -> list[str]:
    """The day in words, and where to go on."""

    def money(name: str) -> str:
        return yuan_grouped(int(day[name]))

    return [
        f"结算记录{day['records']}行：接受{day['accepted']}，重复{day['duplicate']}，隔离{day['quarantined']}",
        f"应拨付{money('payable_fen')}元，制单{money('ordered_fen')}元",
        f"已付妥{money('paid_fen')}元，银行拒绝{money('failed_fen')}元，退汇{money('returned_fen')}元",
        f"凭证{day['vouchers']}张，分录{day['lines']}行；银行账{'相符' if day['bank_agrees'] else '不符！'}；核验：{day['verify']}",
        *_month_words(day),
        f"可翻看：{day['prints']}（{len(day['printed'])}个文件：凭证、会社保01和02、科目余额表、账簿、余额调节表、对账单、封存）",
        f"用时{day['seconds']}秒。数据目录：{home}（停止数据库：./dev db stop）",
        "操作人：" + "，".join(f"{p.user}（{p.display_name}）" for p in DEMO_PEOPLE[:-1]),
        f"网页：FUNDLEDGER_TODAY={pay_date} FUNDLEDGER_HOME={home} ./dev serve，打开 http://127.0.0.1:8080/desk/today；"
        f"用户名如上（试 zhao、qian、sun、li、wu、zhou），密码均为 {PASSWORD}（只有演示数据目录如此）",
        "接着看：./dev period status --book 420100-310；./dev report balance-sheet --book 420100-310"
        f" --period {day['month']}；./dev explain FL420100-310-…；./dev verify",
    ]


def _month_words(day: dict[str, Any]) -> list[str]:
    """Whether the month is closed, and if not, which line of the check list holds it up."""
    if day["month_state"] != "closed":
        held = "、".join(said("closing.check", code) for code in day["month_waits_for"])
        return [f"会计期间{day['month']}尚未结账：{held}未过，见 ./dev period status --book {BOOK}"]
    waived = f"，放行{day['waivers']}项（隔离记录，两人同意，列入附注）" if day["waivers"] else ""
    return [f"会计期间{day['month']}：银行对账单与账相符，余额调节表已复核，两人结账{waived}"]
