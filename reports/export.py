"""A whole book in the formats of hledger, ledger and beancount, so that software nobody here wrote can check it; or as JSON lines.

Red letters become signed amounts there (those programs know no sides), so balances agree to the fen; the side of every line
is its posting's metadata `side`, and the kind of every entry its transaction's `kind`, so turnovers can be added up too.
JSON lines keep side and red letter as they were booked: `["贷", "1004", -500, {...}]`.
Both sections are there; each balances by itself. Files are UTF-8: hledger wants LC_ALL=C.UTF-8.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from ledger.books.reading import Cut, cut
from ledger.books.stream import Leaf, StreamedEntry, first_voucher_date, leaves, stream
from ledger.core.entries import Book
from ledger.core.money import yuan
from ledger.core.private import opened_text
from ledger.db.unit_of_work import Transaction
from reports.account_names import account_name
from reports.wording import cut_text, dimension_object, dimension_text, direction, printable


class ExportFormat(StrEnum):
    """The programs."""

    HLEDGER = "hledger"
    LEDGER = "ledger"
    BEANCOUNT = "beancount"
    JSONL = "jsonl"
    GBT24589 = "gbt24589"
    """Files of an interface, in a folder: reports/gbt24589 writes them."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: entries and accounts, and the cut they belong to."""

    book: Book
    known: Cut
    entries: int
    accounts: int


def export(tx: Transaction, book: Book, format_: ExportFormat, path: Path) -> Exported:
    """Write the book to `path`, which appears only when complete. Memory grows with accounts, not with entries.

    Raises NotFound `book.unknown`; OSError when the file cannot be written.
    """
    known = cut(tx, book, None)
    partial = path.with_name(f"{path.name}.part")
    try:
        with opened_text(partial, newline="\n") as out:
            done = write_book(tx, book, format_, known, out)
            out.flush()
            os.fsync(out.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return done


def write_book(tx: Transaction, book: Book, format_: ExportFormat, known: Cut, out: TextIO) -> Exported:
    """Write all entries up to the cut."""
    head, entry_text = _WRITERS[format_]
    found = leaves(tx, book, known)
    names = {
        (leaf.account, leaf.dim): KnownLeaf(
            account_name(leaf.class_, leaf.account, leaf.asked, leaf.dims),
            dimension_object(leaf.asked, leaf.dims),
        )
        for leaf in found
    }
    if format_ is not ExportFormat.JSONL:
        out.write(f"; 账套{book}，{cut_text(known)}\n; {format_}\n")
    opened = first_voucher_date(tx, book, known)
    if opened is not None:
        out.writelines(
            head(str(book), opened, ((leaf, names[leaf.account, leaf.dim].name) for leaf in found))
        )
    entries = 0
    for entry in stream(tx, book, known):
        out.write(entry_text(entry, names))
        entries += 1
    return Exported(book, known, entries, len(found))


class KnownLeaf(NamedTuple):
    """A leaf by its name there, and its dimensions as they are said in JSON."""

    name: str
    dims: Mapping[str, str | int]


Names = Mapping[tuple[int, int], KnownLeaf]


def _words(text: str) -> str:
    """Text on one line without control characters and without what begins a comment in hledger and ledger."""
    return printable(text).replace(";", "；").strip()


def _describe(leaf: Leaf) -> str:
    return _words(f"{leaf.name} {dimension_text(leaf.asked, leaf.dims)}")


_TAGS: Final = "tag kind\ntag side\n\n"
"""What lines and entries are marked with: declared, so that strict reading passes."""


def _plain_head(_title: str, _opened: date, accounts: Iterable[tuple[Leaf, str]]) -> Iterable[str]:
    """hledger: everything declared, so that `check --strict` passes."""
    yield f"commodity 1000.00 CNY\n\n{_TAGS}"
    for leaf, name in accounts:
        yield f"account {name}  ; {_describe(leaf)}\n"
    yield "\n"


def _ledger_head(_title: str, _opened: date, accounts: Iterable[tuple[Leaf, str]]) -> Iterable[str]:
    """ledger: everything declared, so that `--pedantic` passes."""
    yield f"commodity CNY\n    format 1000.00 CNY\n\n{_TAGS}"
    for leaf, name in accounts:
        yield f"account {name}\n    note {_describe(leaf)}\n"
    yield "\n"


def _beancount_head(title: str, opened: date, accounts: Iterable[tuple[Leaf, str]]) -> Iterable[str]:
    yield f'option "title" "{title}"\noption "operating_currency" "CNY"\n\n'
    for leaf, name in accounts:
        yield f'{opened} open {name} CNY\n  code: "{leaf.account}"\n  name: {_quoted(leaf.name)}\n'
        for key, value in zip(leaf.dims._fields, leaf.dims, strict=True):
            if value:
                yield f"  {key}: {_quoted(str(value))}\n"
    yield "\n"


def _plain_entry(entry: StreamedEntry, names: Names) -> str:
    lines = "".join(
        f"    {names[line.account, line.dim].name}  {yuan(line.net_fen)} CNY  ; side: {direction(line.side)}\n"
        for line in entry.lines
    )
    head = f"{entry.voucher_date} * ({entry.number}) {_words(entry.summary)}"
    return f"{head}\n    ; kind: {entry.kind}\n{lines}\n"


def _beancount_entry(entry: StreamedEntry, names: Names) -> str:
    lines = "".join(
        f'  {names[line.account, line.dim].name}  {yuan(line.net_fen)} CNY\n    side: "{direction(line.side)}"\n'
        for line in entry.lines
    )
    head = f'{entry.voucher_date} * {_quoted(entry.summary)} ""\n  voucher: "{entry.number}"'
    return f'{head}\n  kind: "{entry.kind}"\n{lines}\n'


def _no_head(_title: str, _opened: date, _accounts: Iterable[tuple[Leaf, str]]) -> Iterable[str]:
    """JSON lines declare nothing."""
    return ()


def _json_entry(entry: StreamedEntry, names: Names) -> str:
    """One entry a line; amounts in integer fen on their own side, a red letter negative there."""
    document = {
        "voucher": entry.number,
        "date": entry.voucher_date.isoformat(),
        "period": str(entry.period),
        "business_date": entry.business_date.isoformat(),
        "event": entry.event,
        "kind": entry.kind.value,
        "reverses": entry.reverses or None,
        "summary": entry.summary,
        "lines": [
            [
                direction(line.side),
                str(line.account),
                line.amount_fen,
                names[line.account, line.dim].dims,
            ]
            for line in entry.lines
        ],
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _quoted(text: str) -> str:
    """A beancount string: one line, quotes and backslashes escaped."""
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_Head = Callable[[str, date, Iterable[tuple[Leaf, str]]], Iterable[str]]
_WRITERS: Mapping[ExportFormat, tuple[_Head, Callable[[StreamedEntry, Names], str]]] = {
    ExportFormat.HLEDGER: (_plain_head, _plain_entry),
    ExportFormat.LEDGER: (_ledger_head, _plain_entry),
    ExportFormat.BEANCOUNT: (_beancount_head, _beancount_entry),
    ExportFormat.JSONL: (_no_head, _json_entry),
}
