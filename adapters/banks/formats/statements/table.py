"""A statement as CSV, read by a profile. What the table does not print (days, balances) the person who loads it states."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Final

from adapters.banks.formats.proof import proven
from adapters.banks.formats.statements.profile import Profile
from adapters.banks.ports import AccountStatement, Direction, StatedLine
from ledger.core.errors import InvalidInput
from ledger.core.malformed import why_malformed
from ledger.core.money import parse_fen

BYTES_MAX: Final = 64 * 1024 * 1024
_BLANKS: Final = " \t\u3000"


@dataclass(frozen=True, slots=True)
class Stated:
    """What the person who loads a table says of it; None and "" where the table itself tells."""

    account: str
    number: str = ""
    first_day: date | None = None
    last_day: date | None = None
    opening_fen: int | None = None
    closing_fen: int | None = None


def read_table(content: bytes, profile: Profile, stated: Stated, form: str = "csv") -> AccountStatement:
    """The statement. Opening and closing come from the running balances, or must be stated; if both, they must agree.

    Raises InvalidInput `bankfile.empty`, `.encoding`, `.too_large`, `.column` (a heading that is not there, a row too short),
    `.amount`, `.date`, `.direction`, `.foreign_account`, `.balance_missing`, and what `proven` raises; each names the line.
    """
    rows = _rows(content, profile)
    lines = [line for place, row in rows if (line := _line(row, profile, stated, place)) is not None]
    if profile.newest_first:
        lines.reverse()
    printed = [line for line in lines if line.balance_fen is not None]
    opening, closing = stated.opening_fen, stated.closing_fen
    if opening is None and printed and lines[0].balance_fen is not None:
        opening = lines[0].balance_fen - lines[0].effect_fen
    if closing is None and lines and lines[-1].balance_fen is not None:
        closing = lines[-1].balance_fen
    if opening is None or closing is None:
        raise InvalidInput(
            "bankfile.balance_missing", "表中没有逐行余额，须写明期初余额与期末余额（--opening、--closing）"
        )
    first = stated.first_day or (lines[0].booked_on if lines else None)
    last = stated.last_day or (lines[-1].booked_on if lines else None)
    if first is None or last is None:
        raise InvalidInput("bankfile.empty", "表中没有一行，须写明起止日期（--from、--to）")
    return proven(
        AccountStatement(
            form, stated.account, stated.number, None, first, last, opening, closing, lines, "表格对账单"
        )
    )


def _rows(content: bytes, profile: Profile) -> list[tuple[str, Mapping[str, str]]]:
    if len(content) > BYTES_MAX:
        raise InvalidInput("bankfile.too_large", f"文件有{len(content)}字节，超过上限{BYTES_MAX}字节")
    try:
        text = content.decode(profile.encoding)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "bankfile.encoding", f"第{error.start}字节不是{profile.encoding}编码", offset=error.start
        ) from None
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=profile.delimiter, strict=True)
        for _ in range(profile.skip):
            next(reader, None)
        titles = [title.strip(_BLANKS) for title in next(reader, [])]
        _require_titles(titles, profile)
        found: list[tuple[str, Mapping[str, str]]] = []
        for row in reader:
            if not any(cell.strip(_BLANKS) for cell in row):
                continue
            if len(row) < len(titles):
                raise InvalidInput(
                    "bankfile.column", f"第{reader.line_num}行只有{len(row)}列，应有{len(titles)}列"
                )
            found.append(
                (f"第{reader.line_num}行", dict(zip(titles, (c.strip(_BLANKS) for c in row), strict=False)))
            )
    except csv.Error as error:
        raise InvalidInput("bankfile.malformed", f"不是完整的CSV（{why_malformed(error)}）") from None
    return found


def _require_titles(titles: list[str], profile: Profile) -> None:
    if not any(titles):
        raise InvalidInput("bankfile.empty", "文件没有表头")
    for title in profile.columns.values():
        if titles.count(title) != 1:
            raise InvalidInput(
                "bankfile.column", f"表头应恰有一列“{title[:30]}”，实有{titles.count(title)}列"
            )


def _line(row: Mapping[str, str], profile: Profile, stated: Stated, place: str) -> StatedLine | None:
    def cell(name: str) -> str:
        return row[profile.columns[name]] if name in profile.columns else ""

    account = cell("account").replace(" ", "")
    if account and account != stated.account:
        raise InvalidInput(
            "bankfile.foreign_account",
            f"{place}的账号“{account[:40]}”不是账户{stated.account}",
            account=account[:40],
        )
    effect, is_reversal = _effect(cell, profile, place)
    if effect == 0:
        return None
    balance = cell("balance")
    return StatedLine(
        booked_on=_day(cell("day"), profile, place),
        direction=Direction.CREDIT if effect > 0 else Direction.DEBIT,
        amount_fen=abs(effect),
        balance_fen=_fen(balance, profile, f"{place}余额") if balance else None,
        bank_reference=cell("reference"),
        receipt_no=cell("receipt"),
        order_no=cell("order"),
        other_account=cell("other_account").replace(" ", ""),
        other_name=cell("other_name"),
        text=cell("text"),
        is_reversal=is_reversal,
        where=place,
    )


def _effect(cell: object, profile: Profile, place: str) -> tuple[int, bool]:
    """What a row does to the account, in fen, and whether it is printed in red on the other side."""
    get = cell if callable(cell) else str
    if "debit" in profile.columns:
        out, came = (
            _fen(get(side), profile, f"{place}{title}")
            for side, title in (("debit", "借方"), ("credit", "贷方"))
        )
        if out and came:
            raise InvalidInput("bankfile.amount", f"{place}借方、贷方都有金额")
        return came - out, out < 0 or came < 0
    fen = _fen(get("amount"), profile, f"{place}金额")
    if "side" not in profile.columns:
        return fen, False
    word = get("side")
    if word not in profile.debit_words | profile.credit_words:
        raise InvalidInput("bankfile.direction", f"{place}借贷标志“{word[:10]}”不明", value=word[:10])
    return fen if word in profile.credit_words else -fen, fen < 0


def _fen(text: str, profile: Profile, where: str) -> int:
    if text in ("", "-"):
        return 0
    try:
        return parse_fen(text.replace(profile.thousands, "") if profile.thousands else text)
    except InvalidInput as refusal:
        raise InvalidInput("bankfile.amount", f"{where}：{refusal.message}", value=text[:40]) from None


@lru_cache(maxsize=4096)
def _date_of(text: str, form: str) -> date:
    """A statement's few days, each printed on thousands of lines: taken apart once."""
    return datetime.strptime(text, form).date()  # noqa: DTZ007 a day has no zone


def _day(text: str, profile: Profile, place: str) -> date:
    try:
        return _date_of(text, profile.date_format)
    except ValueError:
        raise InvalidInput(
            "bankfile.date", f"{place}记账日“{text[:40]}”不合{profile.date_format}", value=text[:40]
        ) from None
