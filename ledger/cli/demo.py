"""`fundledger demo`: a province's day, end to end, on the embedded database and a simulated bank behind real SFTP."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.console import Console

from ledger.bootstrap import App
from ledger.cli import demo_day
from ledger.cli.anchoring import anchor
from ledger.cli.context import ACTING, JsonFlag, show
from ledger.cli.demo_bank import DemoBank, demo_bank, demo_plan
from ledger.cli.demo_day import Staff
from ledger.cli.demo_home import alone, require_demo_day
from ledger.cli.serve import serve as serve_pages
from ledger.cli.world import DEMO_PEOPLE, DEMO_REGION, EXPENDITURE_ACCOUNT, FUNDS, found_demo
from ledger.control.verify import examine
from ledger.core.dates import parse_day
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.generate import Generated, generate
from ledger.fund.intake_file import FileResult
from ledger.settings import get_settings

T = TypeVar("T")

DEFAULT_DAY: Final = "2026-10-13"
"""A Tuesday after the October holidays: the same day for every newcomer."""


class Narrator:
    """Says on standard error what is going on, with the time each step took."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.live = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, highlight=False)

    def step(self, title: str, work: Callable[[], T]) -> T:
        """Do one step and tell how long it took."""
        started = time.perf_counter()
        with self.console.status(title):
            result = work()
        self.say(f"  {title}：{time.perf_counter() - started:.1f}秒")
        return result

    def count(self, title: str, done: int, total: int) -> None:
        """How far a long step is."""
        if self.live:
            self.say(f"    {title} {done}/{total}")


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
    with alone(settings):
        founding_day = pay_date.replace(day=1) - timedelta(days=1)
        narrator.step("建库建账", lambda: found_demo(settings, founding_day.replace(day=1)))
        made = narrator.step(
            f"生成{records}行结算记录、{institutions}家机构",
            lambda: generate(
                records, institutions, pay_date - timedelta(days=1), seed, folder, region=DEMO_REGION
            ),
        )
        staff = _staff()
        granted = demo_day.allotment_fen(records)
        plan = demo_plan(pay_date, seed)
        with demo_bank(staff.accountant, staff.checker, granted * len(FUNDS), founding_day, plan) as bank:
            loads = _live(narrator, staff, bank, made, granted, pay_date)
            document = _summary(staff, bank, pay_date, loads, institutions)
        verification = narrator.step("核验全部承诺", lambda: examine(staff.accountant.auditor, settings.home))
    document |= {
        "verify": "clean" if not verification.findings else f"{len(verification.findings)} findings",
        "seconds": round(time.perf_counter() - started, 1),
        "files": [str(path) for path in (made.institutions, *made.settlements)],
    }
    show(document, _words(document, settings.home), as_json=as_json)
    if verification.findings or not document["bank_agrees"]:
        raise typer.Exit(1)
    if serve:
        serve_pages()


def _live(
    narrator: Narrator, staff: Staff, bank: DemoBank, made: Generated, granted: int, pay_date: date
) -> list[FileResult]:
    """The day from master data to the last receipt, each step told."""
    demo_day.open_periods(staff, pay_date - timedelta(days=1))
    narrator.step(
        "机构与收款账户（一人录入、一人确认）",
        lambda: demo_day.take_institutions(staff, made.institutions, pay_date),
    )
    narrator.step(
        "财政拨款入支出户", lambda: demo_day.grant_money(staff, granted, pay_date - timedelta(days=1))
    )
    loads = narrator.step(
        "接入结算记录", lambda: demo_day.take_records(staff, made.settlements, narrator.count)
    )
    narrator.step("日拨付：记账、制单、审批、制盘、发送", lambda: demo_day.pay_out(staff, pay_date))
    narrator.step("银行处理与回单入账", lambda: demo_day.take_receipts(staff, bank, pay_date, narrator.count))
    anchor(staff.system, DEMO_REGION)
    return loads


def _staff() -> Staff:
    """The app under each of the demo's people, closed with the command."""
    settings = get_settings()

    def under(role: str) -> App:
        app = App(settings, next(person.user for person in DEMO_PEOPLE if person.role == role))
        ACTING.opened.append(app)
        return app

    return Staff(*(under(role) for role in ("intake", "maker", "checker", "cashier", "accountant", "system")))


def _summary(
    staff: Staff, bank: DemoBank, pay_date: date, loads: list[FileResult], institutions: int
) -> dict[str, Any]:
    """The day in numbers, asked of the tables: a repeated run gives the same. Money in fen as text."""
    with unit_of_work(staff.accountant.engine, staff.accountant.user, DEMO_REGION) as tx:
        by_state: dict[str, int] = dict(
            tx.rows(
                """SELECT o.state, sum(o.amount_fen)::bigint FROM payments.pay_order o
                     JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                    WHERE o.region = %(region)s AND b.pay_date = %(day)s AND o.state <> 'cancelled' GROUP BY o.state""",
                region=DEMO_REGION,
                day=pay_date,
            )
        )
        paid: dict[str, int] = dict(
            tx.rows(
                "SELECT order_no, amount_fen FROM payments.pay_order WHERE region = %(region)s AND state = 'paid'",
                region=DEMO_REGION,
            )
        )
        balance = tx.value(
            """SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b
                 JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.account = 1004 AND d.counterparty = %(account)s""",
            region=DEMO_REGION,
            account=EXPENDITURE_ACCOUNT.number,
        )
        vouchers = tx.value("SELECT count(*) FROM books.entry WHERE region = %(region)s", region=DEMO_REGION)
        lines = tx.value("SELECT count(*) FROM books.leg WHERE region = %(region)s", region=DEMO_REGION)
    accepted, duplicate, quarantined = (
        sum(getattr(load, name) for load in loads) for name in ("accepted", "duplicate", "quarantined")
    )
    return {
        "records": accepted + duplicate + quarantined,
        "accepted": accepted,
        "duplicate": duplicate,
        "quarantined": quarantined,
        "institutions": institutions,
        "payable_fen": str(sum(load.payable_fen for load in loads)),
        "ordered_fen": str(sum(by_state.values())),
        "paid_fen": str(by_state.get("paid", 0)),
        "failed_fen": str(by_state.get("rejected", 0)),
        "returned_fen": str(by_state.get("returned", 0)),
        "vouchers": vouchers,
        "lines": lines,
        "bank_agrees": bank.agrees(balance, paid),
    }


def _words(day: dict[str, Any], home: Path) -> list[str]:
    """The day in words, and where to go on."""

    def money(name: str) -> str:
        return yuan_grouped(int(day[name]))

    return [
        f"结算记录{day['records']}行：接受{day['accepted']}，重复{day['duplicate']}，隔离{day['quarantined']}",
        f"应拨付{money('payable_fen')}元，制单{money('ordered_fen')}元",
        f"已付妥{money('paid_fen')}元，银行拒绝{money('failed_fen')}元，退汇{money('returned_fen')}元",
        f"凭证{day['vouchers']}张，分录{day['lines']}行；银行账{'相符' if day['bank_agrees'] else '不符！'}；核验：{day['verify']}",
        f"用时{day['seconds']}秒。数据目录：{home}（停止数据库：./dev db stop）",
        "操作人：" + "，".join(f"{p.user}（{p.display_name}）" for p in DEMO_PEOPLE[:-1]),
        "接着看：./dev book list；./dev report trial-balance --book 420100-310；./dev explain FL420100-310-…；./dev verify",
    ]
