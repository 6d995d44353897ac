"""银行存款余额调节表 as a table: the bank's balance and the books', each adjusted by what the other has not, and equal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.access.display import display_names
from ledger.core.dates import last_day_of
from ledger.core.words import evidence_named, said
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.sheet import BankSheet, SheetItem, sheet
from reports.render.grid import Column, Grid, Line

_COLUMNS: Final = (
    Column("item", "项目"),
    Column("day", "日期", "day"),
    Column("paper", "凭据"),
    Column("summary", "摘要"),
    Column("age_days", "天数", "count"),
    Column("amount", "金额", "money"),
)
_SIDES: Final = (
    ("bank", "银行对账单余额", "调节后的银行对账单余额", "book_in", "book_out"),
    ("book", "银行存款日记账余额", "调节后的银行存款日记账余额", "bank_in", "bank_out"),
)


def reconciliation_grid(tx: Transaction, account: str, period: int, version: int = 0) -> Grid:
    """The stored sheet of an account and month, the newest without `version`, as a table.

    Raises NotFound `reconciliation.none`, InvalidInput `period.format`.
    """
    end = last_day_of(period)
    found = sheet(tx, account, period, version)
    kind, name, bank_name = tx.row(
        "SELECT kind, name, bank_name FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
    ) or ("", "", "")
    names = display_names(tx, (found.made_by, found.reviewed_by))
    lines: list[Line] = []
    for side, balance, adjusted, plus, minus in _SIDES:
        lines.append(
            Line(
                (balance, end, None, None, None, found.bank_fen if side == "bank" else found.book_fen),
                total=True,
            )
        )
        lines += _part(found, "加：", plus) + _part(found, "减：", minus)
        lines.append(Line((adjusted, end, None, None, None, found.adjusted_fen), total=True))
    return Grid(
        name=f"余额调节表-{account}-{period}",
        title=said("sheet_bank.title", kind),
        columns=_COLUMNS,
        lines=lines,
        heads=(
            f"户名：{name}　账号：{account}　开户行：{bank_name}",
            f"{end:%Y年%m月%d日}　第{found.version}版　单位：元",
        ),
        notes=(
            f"{said('sheet_bank.state', found.state)}；摘要{found.digest.hex()}",
            "财会〔2017〕28号1002二、1003二、1004二：月度终了，账面余额与银行对账单（财政专户为财政部门的对账凭证）之间如有差额，"
            "逐笔查明原因，按月编制余额调节表，调节相符。",
        ),
        signers=(
            f"编制：{names.get(found.made_by, found.made_by)}（{found.made_on}）",
            f"复核：{_reviewed(found, names)}",
        ),
        facts=facts(found),
    )


def facts(found: BankSheet) -> dict[str, object]:
    """What a machine wants of a sheet; money in fen as text."""
    sums = {
        part: str(sum(one.amount_fen for one in found.items if one.part == part))
        for part in ("book_in", "book_out", "bank_in", "bank_out")
    }
    return {
        "account": found.account,
        "period": str(found.period),
        "version": found.version,
        "state": found.state,
        "bank_fen": str(found.bank_fen),
        "book_fen": str(found.book_fen),
        "adjusted_fen": str(found.adjusted_fen),
        **{f"{part}_fen": fen for part, fen in sums.items()},
        "digest": found.digest.hex(),
        "made_by": found.made_by,
        "made_on": found.made_on.isoformat(),
        "reviewed_by": found.reviewed_by,
        "reviewed_on": found.reviewed_on.isoformat() if found.reviewed_on else "",
        "items": [_plain(one) for one in found.items],
    }


def _part(found: BankSheet, sign: str, part: str) -> list[Line]:
    items = [one for one in found.items if one.part == part]
    total = sum(one.amount_fen for one in items)
    head = Line(
        (f"{sign}{said('sheet_bank.part', part)}", None, None, f"{len(items)}笔", None, total), level=1
    )
    return [
        head,
        *(
            Line(("", one.day, evidence_named(one.paper), one.summary, one.age_days, one.amount_fen), level=2)
            for one in items
        ),
    ]


def _plain(one: SheetItem) -> dict[str, object]:
    return {
        "part": one.part,
        "day": one.day.isoformat(),
        "amount_fen": str(one.amount_fen),
        "reference": one.reference,
        "paper": one.paper,
        "summary": one.summary,
        "age_days": one.age_days,
    }


def _reviewed(found: BankSheet, names: Mapping[str, str]) -> str:
    name = names.get(found.reviewed_by, found.reviewed_by)
    return f"{name}（{found.reviewed_on}）" if found.state == "reviewed" else ""
