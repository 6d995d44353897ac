"""A file of the tax office or the fiscal office, row by row: what a good row drafts, what is wrong with a bad one."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Final, NamedTuple

from ledger.books.manual import ManualContent
from ledger.books.templates.fill import Filling, Ground, fill
from ledger.books.templates.read import Template
from ledger.core.dates import parse_day
from ledger.core.entries import Dimensions
from ledger.core.errors import InvalidInput, LedgerError, NotFound
from ledger.core.malformed import why_malformed
from ledger.core.money import parse_fen

PARTS: Final = ("amount", "pool", "acct", "open", "principal", "interest")
HEADINGS: Final = (
    "key", "date", "template", *PARTS, "bank", "account", "party", "subfund", "year", "term", "category",
    "summary", "document", "attachments",
)  # fmt: skip
"""The columns, in the order the template has them; every file has them all."""
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "tax": ("A1", "A2", "A3", "A18", "A19"),
    "fiscal": (
        "A2",
        "A4",
        "A5",
        "A6",
        "A14",
        "A15",
        "A24a",
        "A24b",
        "A25a",
        "A27a",
        "A27c",
        "B1",
        "B2",
        "B3",
    ),
}
"""Whose file drafts by which shipped templates: 税务征缴 and 财政; a region's own serve both."""
BYTES_MAX: Final = 64 * 1024 * 1024
ROWS_MAX: Final = 100_000
_KEY_MAX: Final = 60
_RAW_MAX: Final = 500


class GoodRow(NamedTuple):
    """A row that drafts a voucher."""

    line: int
    key: str
    content: ManualContent
    raw: str


class BadRow(NamedTuple):
    """A row that does not: which field breaks which rule."""

    line: int
    key: str
    field: str
    code: str
    message: str
    raw: str


@dataclass(frozen=True, slots=True)
class Rows:
    """What a file holds."""

    good: Sequence[GoodRow]
    bad: Sequence[BadRow]


def read_rows(
    text: str, kind: str, forms: Mapping[str, Template], on: Ground, today: date, known: Mapping[str, bool]
) -> Rows:
    """Every row judged; `forms` are the templates of the day, `known` says which parties are on a kept list.

    Raises InvalidInput `voucher_file.heading`, `voucher_file.rows`: the file is refused whole.
    """
    good: list[GoodRow] = []
    bad: list[BadRow] = []
    keys: dict[str, int] = {}
    for line, cells in table(text):
        raw = ",".join(cells)[:_RAW_MAX]
        row = dict(zip(HEADINGS, cells, strict=False))
        key = row.get("key", "")
        try:
            if len(cells) != len(HEADINGS):
                raise InvalidInput(
                    "voucher_file.field", f"有{len(cells)}列，应为{len(HEADINGS)}列", field="key"
                )
            if key in keys:
                raise InvalidInput("voucher_file.key_twice", f"与第{keys[key]}行的key相同", field="key")
            content = _content(row, kind, forms, on, today, known)
        except LedgerError as error:
            named = str(error.details.get("field", ""))
            field = _COLUMN_OF.get(named, named) or _FIELDS.get(error.code, "template")
            bad.append(BadRow(line, key[:_KEY_MAX], field, error.code, error.message, raw))
            continue
        keys[key] = line
        good.append(GoodRow(line, key, content, raw))
    return Rows(good, bad)


def table(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows under the heading with their line numbers, blank ones left out. Raises as `read_rows`."""
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        heading = next(rows, [])
        if tuple(heading) != HEADINGS:
            raise InvalidInput(
                "voucher_file.heading",
                f"标题行应为{','.join(HEADINGS)}，收到{','.join(heading)[:200]}",
                headings=list(HEADINGS),
            )
        for number, cells in enumerate(rows, 1):
            if number > ROWS_MAX:
                raise InvalidInput("voucher_file.rows", f"一个文件至多{ROWS_MAX}行，请分为几个")
            if any(cells):
                yield rows.line_num, cells
    except csv.Error as error:
        raise InvalidInput(
            "voucher_file.rows", f"第{rows.line_num}行不是合规的CSV：{why_malformed(error)}"
        ) from error


_FIELDS: Final = {
    "date.format": "date", "amount.format": "amount", "amount.negative_zero": "amount", "template.unknown": "template",
    "template.bank": "bank", "template.account": "account", "template.account_choice": "account",
    "template.by_rule": "template",
}  # fmt: skip
_COLUMN_OF: Final = {"counterparty": "party", "service_year": "year"}


def _content(
    row: Mapping[str, str],
    kind: str,
    forms: Mapping[str, Template],
    on: Ground,
    today: date,
    known: Mapping[str, bool],
) -> ManualContent:
    if not 1 <= len(row["key"]) <= _KEY_MAX or row["key"] != row["key"].strip():
        raise InvalidInput("voucher_file.field", f"key应为1到{_KEY_MAX}字，前后无空格", field="key")
    form = forms.get(row["template"])
    if form is None or (form.code not in KINDS[kind] and not form.version):
        raise InvalidInput(
            "voucher_file.field",
            f"模板“{row['template'][:20]}”不在此类文件可用之列：{'、'.join(KINDS[kind])}，及本统筹区在用的模板",
            field="template",
        )
    day = parse_day(row["date"])
    if day > today:
        raise InvalidInput("voucher.future", f"日期{day}晚于业务日期{today}", field="date")
    if row["party"] and not known[row["party"]]:
        raise NotFound("party.unknown", f"往来单位“{row['party'][:60]}”不在册", field="party")
    given = Filling(
        {part: _fen(part, row[part]) for part in PARTS if row[part]},
        Dimensions(row["party"], row["subfund"], _whole(row, "year"), _whole(row, "term"), row["category"]),
        tuple(filter(None, [row["bank"]])),
        tuple(filter(None, [_whole(row, "account")])),
    )
    legs = fill(form, on, given)
    evidence = row["document"] if row["document"] == row["key"] else f"{row['document']}/{row['key']}"
    for name, text in (
        ("document", row["document"] and evidence),
        ("summary", row["summary"] or form.summary),
    ):
        if not text.strip() or len(text) > 200 or any(c in "|\\" or ord(c) < 32 for c in text):
            raise InvalidInput("voucher.text", "应为1到200字，且不含竖线、反斜杠、换行", field=name)
    return ManualContent(
        day, row["summary"] or form.summary, evidence, legs, _whole(row, "attachments"), template=form.own_id
    )


def _fen(part: str, text: str) -> int:
    try:
        return parse_fen(text)
    except InvalidInput as error:
        error.details = {**error.details, "field": part}
        raise


def _whole(row: Mapping[str, str], name: str) -> int:
    text = row[name]
    if text and not (text.isascii() and text.isdigit() and len(text) <= 8):
        raise InvalidInput("voucher_file.field", f"“{text[:20]}”应为整数", field=name)
    return int(text or 0)
