"""A whole book in the formats of hledger, ledger and beancount, so that software nobody here wrote can check it.

Red letters become signed amounts (those programs know no sides), so balances agree to the fen, turnovers do not.
Both sections are there; each balances by itself. Files are UTF-8: hledger wants LC_ALL=C.UTF-8.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from ledger.books.reading import Cut, cut
from ledger.books.stream import Leaf, StreamedEntry, first_voucher_date, leaves, stream
from ledger.core.entries import Book
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction
from reports.account_names import account_name
from reports.wording import cut_text, dimension_text, printable


class ExportFormat(StrEnum):
    """The programs."""

    HLEDGER = "hledger"
    LEDGER = "ledger"
    BEANCOUNT = "beancount"


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
        with partial.open("w", encoding="utf-8", newline="\n") as out:
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
        (leaf.account, leaf.dim): account_name(leaf.class_, leaf.account, leaf.asked, leaf.dims)
        for leaf in found
    }
    out.write(f"; 账套{book}，{cut_text(known)}\n; {format_}\n")
    opened = first_voucher_date(tx, book, known)
    if opened is not None:
        out.writelines(head(str(book), opened, ((leaf, names[leaf.account, leaf.dim]) for leaf in found)))
    entries = 0
    for entry in stream(tx, book, known):
        out.write(entry_text(entry, names))
        entries += 1
    return Exported(book, known, entries, len(found))


Names = Mapping[tuple[int, int], str]


def _words(text: str) -> str:
    """Text on one line without control characters and without what begins a comment in hledger and ledger."""
    return printable(text).replace(";", "；").strip()


def _describe(leaf: Leaf) -> str:
    return _words(f"{leaf.name} {dimension_text(leaf.asked, leaf.dims)}")


def _plain_head(_title: str, _opened: date, accounts: Iterable[tuple[Leaf, str]]) -> Iterable[str]:
    """hledger: everything declared, so that `check --strict` passes."""
    yield "commodity 1000.00 CNY\n\n"
    for leaf, name in accounts:
        yield f"account {name}  ; {_describe(leaf)}\n"
    yield "\n"


def _ledger_head(_title: str, _opened: date, accounts: Iterable[tuple[Leaf, str]]) -> Iterable[str]:
    """ledger: everything declared, so that `--pedantic` passes."""
    yield "commodity CNY\n    format 1000.00 CNY\n\n"
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
    lines = "".join(f"    {names[account, dim]}  {yuan(fen)} CNY\n" for account, dim, fen in entry.lines)
    return f"{entry.voucher_date} * ({entry.number}) {_words(entry.summary)}\n{lines}\n"


def _beancount_entry(entry: StreamedEntry, names: Names) -> str:
    lines = "".join(f"  {names[account, dim]}  {yuan(fen)} CNY\n" for account, dim, fen in entry.lines)
    return f'{entry.voucher_date} * {_quoted(entry.summary)} ""\n  voucher: "{entry.number}"\n{lines}\n'


def _quoted(text: str) -> str:
    """A beancount string: one line, quotes and backslashes escaped."""
    escaped = printable(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_Head = Callable[[str, date, Iterable[tuple[Leaf, str]]], Iterable[str]]
_WRITERS: Mapping[ExportFormat, tuple[_Head, Callable[[StreamedEntry, Names], str]]] = {
    ExportFormat.HLEDGER: (_plain_head, _plain_entry),
    ExportFormat.LEDGER: (_ledger_head, _plain_entry),
    ExportFormat.BEANCOUNT: (_beancount_head, _beancount_entry),
}
