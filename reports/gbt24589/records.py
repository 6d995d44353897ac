"""The records of the interface, each a name of the standard and its elements in their order, made from the books.

Names are those of GB/T 24589.1-2010 as public material shows them (docs/formats.md says what is assumed). Money is yuan with
two decimals, a red letter negative on its own side; a balance is unsigned beside its direction.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ledger.core.entries import Book, Dimensions
from ledger.core.entry_kinds import EntryKind, entry_kind
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction
from reports.seal.contents import entries
from reports.statements.rows import FORM_TITLES, Form
from reports.statements.statement import Statements
from reports.trial_balance import trial_balance
from reports.wording import direction, printable

CURRENCY: Final = "CNY"
STANDARD: Final = "GB/T 24589.1-2010"
AUXILIARY: Final = (
    ("1", "往来单位", "counterparty"),
    ("2", "子基金", "subfund"),
    ("4", "服务年度", "service_year"),
    ("8", "期号", "term"),
    ("16", "待遇类别", "category"),
)
"""辅助项 in the order of `Dimensions`: the bit an account asks for it with, its name, its field; an archive each."""
SERIES: Final = {"记": "记账凭证", "备": "备查凭证"}


class InterfaceRecord(NamedTuple):
    """One record: the standard's name for its kind, then (element, text)."""

    kind: str
    elements: Sequence[tuple[str, str]]


def auxiliary(dims: Dimensions | Sequence[Any]) -> list[tuple[str, str]]:
    """The five 辅助项 of a line; empty where the account does not ask for one."""
    return [(f"辅助项{n}编号", printable(str(value)) if value else "") for n, value in enumerate(dims, 1)]


def periods(months: Sequence[int]) -> Iterator[InterfaceRecord]:
    """会计期间 with first and last day."""
    for month in months:
        year, number = divmod(month, 100)
        yield InterfaceRecord(
            "会计期间",
            (
                ("会计年度", str(year)),
                ("会计期间号", f"{number:02d}"),
                ("会计期间起始日期", f"{month}01"),
                ("会计期间结束日期", f"{month}{monthrange(year, number)[1]}"),
            ),
        )


def archives(tx: Transaction, book: Book, months: Sequence[int]) -> Iterator[InterfaceRecord]:
    """自定义档案项 and the values of each that lines of these or earlier months name."""
    for n, (_, name, _) in enumerate(AUXILIARY, 1):
        yield InterfaceRecord("自定义档案项", (("档案编码", str(n)), ("档案名称", name)))
    rows = tx.rows(
        "SELECT DISTINCT d.counterparty, d.subfund, d.service_year, d.term, d.category FROM books.balance b"
        " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
        " WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.period <= %(last)s",
        region=book.region,
        fund=book.fund,
        last=months[-1],
    )
    names: dict[str, str] = dict(
        tx.rows(
            "SELECT institution, name FROM fund.institution WHERE region = %(region)s", region=book.region
        )
    )
    for n in range(1, len(AUXILIARY) + 1):
        for value in sorted({str(row[n - 1]) for row in rows if row[n - 1]}):
            name = printable(names.get(value, value)) if n == 1 else value
            elements = (("档案编码", str(n)), ("档案值编码", printable(value)), ("档案值名称", name))
            yield InterfaceRecord("自定义档案值", elements)


def accounts(tx: Transaction, book: Book) -> Iterator[InterfaceRecord]:
    """会计科目, then 科目辅助核算 of those that ask for dimensions."""
    found = tx.rows(
        "SELECT account::text, name, class, normal_side, dims FROM books.account"
        ' WHERE region = %(region)s AND fund = %(fund)s ORDER BY account::text COLLATE "C"',
        region=book.region,
        fund=book.fund,
    )
    for code, name, class_, side, _ in found:
        level = max(1, len(code) // 2 - 1)
        yield InterfaceRecord(
            "会计科目",
            (
                ("科目编号", code),
                ("科目名称", printable(name)),
                ("科目级次", str(level)),
                ("科目类型", class_),
                ("余额方向", direction(side)),
            ),
        )
    for code, _, _, _, asked in found:
        for n, (bit, name, _) in enumerate(AUXILIARY, 1):
            if asked & int(bit):
                elements = (
                    ("科目编号", code),
                    ("辅助项编号", str(n)),
                    ("辅助项名称", name),
                    ("对应档案", str(n)),
                )
                yield InterfaceRecord("科目辅助核算", elements)


def balances(tx: Transaction, book: Book, month: int) -> Iterator[InterfaceRecord]:
    """科目余额及发生额 of a month, a leaf × dimensions each; closing vouchers are among the turnovers, as among the vouchers."""
    for row in trial_balance(tx, book, month).rows:
        debit, credit = row.debit_fen + row.carried_debit_fen, row.credit_fen + row.carried_credit_fen
        yield InterfaceRecord(
            "科目余额及发生额",
            (
                ("科目编号", str(row.account)),
                *auxiliary(row.dims),
                ("期初余额方向", direction(row.opening_fen)),
                ("期末余额方向", direction(row.closing_fen)),
                ("币种编码", CURRENCY),
                ("会计年度", str(month // 100)),
                ("会计期间号", f"{month % 100:02d}"),
                ("期初原币余额", yuan(abs(row.opening_fen))),
                ("期初本币余额", yuan(abs(row.opening_fen))),
                ("借方原币金额", yuan(debit)),
                ("借方本币金额", yuan(debit)),
                ("贷方原币金额", yuan(credit)),
                ("贷方本币金额", yuan(credit)),
                ("期末原币余额", yuan(abs(row.closing_fen))),
                ("期末本币余额", yuan(abs(row.closing_fen))),
            ),
        )


def vouchers(tx: Transaction, book: Book, month: int) -> Iterator[InterfaceRecord]:
    """记账凭证 of a month, a record a line in the order of the chain; memory holds some thousand entries."""
    keys = {"region": book.region, "fund": book.fund, "period": month}
    dims: dict[int, tuple[Any, ...]] = {
        row[0]: row[1:]
        for row in tx.rows(
            "SELECT dim, counterparty, subfund, service_year, term, category FROM books.dim WHERE region = %(region)s",
            **keys,
        )
    }
    users: dict[str, str] = dict(tx.rows("SELECT user_name, display_name FROM access.app_user"))
    actors = iter(
        tx.rows(
            "SELECT last_seq, actor FROM books.block"
            " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s ORDER BY first_seq",
            **keys,
        )
    )
    last, actor = 0, ""
    for entry in entries(tx, book, month):
        while entry["seq"] > last:
            last, actor = next(actors)
        if entry_kind(str(entry["event"])) is EntryKind.OPENING:  # it is the opening balance, not a turnover
            continue
        yield from _lines(entry, month, dims, users, actor)


def _lines(
    entry: Mapping[str, Any],
    month: int,
    dims: Mapping[int, tuple[Any, ...]],
    users: Mapping[str, str],
    actor: str,
) -> Iterator[InterfaceRecord]:
    head = (
        ("记账凭证日期", str(entry["voucher_date"]).replace("-", "")),
        ("会计年度", str(month // 100)),
        ("会计期间号", f"{month % 100:02d}"),
        ("记账凭证类型编号", str(entry["series"])),
        ("记账凭证编号", str(entry["vno"])),
    )
    foot = (
        ("附件数", str(entry["attachments"])),
        *(
            (name, printable(users.get(user, user)))
            for name, user in (
                ("制单人", entry["prepared_by"]),
                ("审核人", entry["reviewed_by"]),
                ("记账人", actor),
            )
        ),
        ("记账标志", "1"),
        ("作废标志", "0"),
        ("凭证来源系统", str(entry["event"])),
    )
    legs = zip(entry["accounts"], entry["dims"], entry["amounts"], strict=True)
    for n, (account, dim, fen) in enumerate(legs, 1):
        debit, credit = (fen, 0) if account > 0 else (0, fen)
        yield InterfaceRecord(
            "记账凭证",
            (
                *head,
                ("记账凭证行号", str(n)),
                ("记账凭证摘要", printable(entry["summary"])),
                ("科目编号", str(abs(account))),
                *auxiliary(dims[dim]),
                ("币种编码", CURRENCY),
                ("借方原币金额", yuan(debit)),
                ("借方本币金额", yuan(debit)),
                ("贷方原币金额", yuan(credit)),
                ("贷方本币金额", yuan(credit)),
                *foot,
            ),
        )


def forms(told: Statements) -> Iterator[InterfaceRecord]:
    """报表集, then 报表项数据: 会社保01 and 02, a record a figure."""
    for form in Form:
        shown = (
            ("报表编号", f"会社保{form}"),
            ("报表名称", FORM_TITLES[form]),
            ("报表报告日", told.span.end.strftime("%Y%m%d")),
            ("报表报告期", told.span.text),
            ("编制单位", printable(told.book_name)),
            ("货币单位", "元"),
        )
        yield InterfaceRecord("报表集", shown)
    for form in Form:
        filled = told.forms[form]
        for row in filled.rows:
            for column, fen in zip(filled.columns, row.fen, strict=True):
                yield InterfaceRecord(
                    "报表项数据",
                    (
                        ("报表编号", f"会社保{form}"),
                        ("报表项编号", f"{row.n}-{column.key}"),
                        ("报表项名称", f"{row.row.name}（{column.title}）"),
                        ("报表项公式", " ".join(row.row.codes)),
                        ("报表项数值", yuan(fen)),
                    ),
                )


def kinds() -> Iterator[InterfaceRecord]:
    """记账凭证类型 and the one 币种."""
    for code, name in SERIES.items():
        elements = (("记账凭证类型编号", code), ("记账凭证类型名称", name), ("记账凭证类型简称", code))
        yield InterfaceRecord("记账凭证类型", elements)
    yield InterfaceRecord("币种", (("币种编码", CURRENCY), ("币种名称", "人民币")))
