"""The words of the command line: which there are, and a group that imports a word's file when it is said, not before."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final, NamedTuple
from unicodedata import east_asian_width

import typer
from typer.core import TyperGroup
from typer.main import get_command


class Word(NamedTuple):
    """A command or a group of commands: `name` as typed, the module that has it, and its line in the list of words.

    A module of a group has `app`; one of a command has a function of the word's own name.
    """

    name: str
    module: str
    help: str


WORDS: Final = (
    Word("account", "ledger.cli.books.account", "科目：增设、停用明细科目"),
    Word("advance", "ledger.cli.advance", "预付金、按月预拨、集采直接结算"),
    Word(
        "alarms",
        "ledger.cli.installation.alarms",
        "告警：由状态产生，由人签收，随状态消除；不带子命令则列出现有的",
    ),
    Word("archive", "ledger.cli.books.archive", "电子会计档案：按期间成包、核对"),
    Word("audit", "ledger.cli.audit", "审核"),
    Word("bank", "ledger.cli.installation.bank", "银行通道与收到的文件"),
    Word("bank-statement", "ledger.cli.bank_statement", "银行对账单：收入、按纸质录入、收回、列出"),
    Word("book", "ledger.cli.books.book", "账套、手工凭证"),
    Word("calendar", "ledger.cli.installation.calendar", "节假日表"),
    Word("cash", "ledger.cli.cash", "用款计划、请款、利息手续费、个人付款"),
    Word("clear", "ledger.cli.clearing", "年度清算"),
    Word("correct", "ledger.cli.vouchers.correct", "更正已记账的凭证：红字冲销、蓝字订正、差额更正"),
    Word("cutover", "ledger.cli.books.cutover", "接转：期初余额、未了事项、旧账明细"),
    Word("daily", "ledger.cli.daily", "日拨付"),
    Word("day", "ledger.cli.day", "一天三步：办理、审批、发送"),
    Word("data", "ledger.cli.installation.data", "个人信息：隔离行与收款人的查看、密钥、保存期限"),
    Word("db", "ledger.cli.installation.db", "数据库：启动、停止、状态、建库升级、备份、恢复"),
    Word("declare", "ledger.cli.declare", "申报"),
    Word("institution", "ledger.cli.institution", "定点医药机构与收款账户"),
    Word("intake", "ledger.cli.intake", "结算记录接入"),
    Word("evidence", "ledger.cli.installation.evidence", "签名证据：导出、离线核对"),
    Word("jobs", "ledger.cli.installation.jobs", "定时任务：列出、查看、临时运行、暂停、恢复"),
    Word("key", "ledger.cli.installation.keys", "本人签名密钥：生成、登记、停用、名册"),
    Word("layers", "ledger.cli.layers", "一单式：各方承担"),
    Word("monitor", "ledger.cli.watch.monitor", "监测：当日数据、到账时间、覆盖率、清算进度"),
    Word("month", "ledger.cli.month", "月结算"),
    Word("outregion", "ledger.cli.outregion.commands", "异地就医"),
    Word("party", "ledger.cli.books.party", "往来单位"),
    Word("payments", "ledger.cli.payments", "拨付：审批、制盘、发送、收回单、挂账"),
    Word("policy", "ledger.cli.installation.policy", "统筹区的选择"),
    Word("period", "ledger.cli.books.period", "会计期间：检查、结账、确认、年结"),
    Word("reconcile", "ledger.cli.reconcile", "对账"),
    Word("reconciliation", "ledger.cli.reconciliation", "银行对账：勾对、余额调节表"),
    Word("refund", "ledger.cli.refund", "退款与追回"),
    Word("report", "ledger.cli.books.report", "账表：财务报表、科目余额表、明细账、记账凭证"),
    Word("risk", "ledger.cli.watch.risk", "风险：规则、事项、提醒、约谈、下调比例、暂停拨付"),
    Word("rules", "ledger.cli.books.rules", "记账规则：每个业务事件在各会计政策下的分录"),
    Word("seal", "ledger.cli.books.seal", "封存：已结账期间的签名文件"),
    Word("user", "ledger.cli.installation.users", "用户、角色与接口密钥：安全管理员提出，审计管理员确认"),
    Word(
        "codes", "ledger.cli.books.codes", "代码：每个拒绝代码是什么意思、依据哪条规定；省略代码则列出全部。"
    ),
    Word(
        "demo",
        "ledger.cli.practice.demo",
        "演示：一个统筹区的一天，从结算记录到银行回单，全部入账并核验。可重复执行，不会重复付款。",
    ),
    Word(
        "explain", "ledger.cli.books.explain", "从结算到单据、拨付单、回单，从凭证到结算：前因后果一页看全。"
    ),
    Word(
        "export",
        "ledger.cli.books.export",
        "导出整个账套，供其他记账软件核对：每个末级科目×辅助核算为其中一个账户。",
    ),
    Word(
        "generate",
        "ledger.cli.practice.generate",
        "生成机构与结算记录（接入格式）以及正确答案 expected.json。",
    ),
    Word(
        "serve",
        "ledger.cli.installation.serve",
        "启动HTTP服务：网页在/desk，接口POST /api/v1/settlements等。",
    ),
    Word(
        "setup",
        "ledger.cli.installation.setup",
        "建账：升级数据库，登记首批用户，导入节假日，开立账套与自有账户。可重复执行。",
    ),
    Word(
        "simulate",
        "ledger.cli.practice.simulate",
        "模拟：在一个空的数据目录里逐日运行一个统筹区，含冲销、失败、退汇、审核、月结、清算，末了三方核对。",
    ),
    Word(
        "statement",
        "ledger.cli.books.statement",
        "机构年度对账单：基金金额、已付、扣减、尚欠，一页列全并核对平衡；每个数可追到凭证、结算记录、回单。",
    ),
    Word(
        "verify",
        "ledger.cli.books.verify",
        "核验全部承诺：凭证、账链、余额、记录、拨付单、回单；有问题则列出并以1退出。",
    ),
    Word(
        "worker",
        "ledger.cli.installation.worker",
        "定时任务（见jobs list）：到点办理、补办遗漏的日子、办理临时要求。可同时运行多个，每个时点只做一次。",
    ),
)
_BY_NAME: Final = {word.name: word for word in WORDS}


class Words(TyperGroup):
    """All words. The list of them is shown from `WORDS` alone; everything a word needs is imported when it is used."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 asked for by the parser
        """The words in the order of `WORDS`."""
        return list(_BY_NAME)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 asked for by the parser
        """A word's command; None where there is no such word."""
        word = _BY_NAME.get(cmd_name)
        return None if word is None else load(word)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of words, none of them imported, nor what draws the frames around the others' help."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)))
        formatter.write(f"\n{self.help}\n\n")
        options = [
            (", ".join(option.opts), str(getattr(option, "help", None) or ""))
            for option in self.get_params(ctx)
        ]
        words = [(word.name, word.help) for word in WORDS]
        beside = max(len(name) for name, _ in options + words) + 4
        for name, said in (*options, ("", ""), *words):
            first, *rest = folded(said, formatter.width - beside)
            formatter.write(f"  {name:<{beside - 2}}{first}".rstrip() + "\n")
            for line in rest:
                formatter.write(f"{' ' * beside}{line}\n")
        formatter.write("\n各命令的用法：fundledger 命令 --help\n")


def folded(text: str, width: int) -> list[str]:
    """A text in lines of some `width` columns, a Chinese character taking two; no line begins with a stop."""
    lines, line, used = [], "", 0
    for letter in text:
        takes = 2 if east_asian_width(letter) in "WF" else 1
        if used + takes > width and letter not in "，。；：、）":
            lines.append(line)
            line, used = "", 0
        line, used = line + letter, used + takes
    return [*lines, line]


@cache
def load(word: Word) -> Any:
    """Import what a word needs, and give its command: made once, which takes longer than most commands it reads."""
    module = import_module(word.module)
    group = getattr(module, "app", None)
    if group is None:
        group = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
        group.command(word.name)(getattr(module, word.name))
    command = get_command(group)
    command.name = word.name
    return command
