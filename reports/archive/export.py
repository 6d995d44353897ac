"""`archive export`: a closed period as a folder or ZIP of electronic accounting archives, indexed, digested and signed.

Everything is written beside the place it goes to and appears there only when it is whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

from ledger.access.signing.pair import KeyPair
from ledger.books.reading import cut, require_period
from ledger.books.selection import BEFORE_ALL
from ledger.core.entries import NO_DIMENSIONS, Book
from ledger.core.errors import Conflict
from ledger.core.private import opened, private_folder
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from reports.archive import packing
from reports.archive.attachments import attachments
from reports.archive.index import Head, IndexEntry, to_csv, to_xml
from reports.archive.parts import bank_papers, bank_statements, kept_sheets, ledger_codes, vouchers
from reports.archive.statements import PackedMonth, bank_journals, known_at, statements_of
from reports.general_ledger import general_ledger
from reports.reconciliation import reconciliation_grid
from reports.render.books_grid import ledger_grid
from reports.render.grid import Grid
from reports.render.out import write_grid
from reports.render.paper import Paper
from reports.render.pdf.book import write_book
from reports.seal.digests import digests_of, line
from reports.seal.export import export_seal, require_sealable
from reports.wording import printable

INDEX: Final = "index.xml"
SIGNATURE: Final = "index.sig"
SEAL: Final = "封存/期间封存.jsonl"
_ENTRIES_PER_READ: Final = 20_000
Told = Callable[[str], None]


def export_archive(
    tx: Transaction,
    book: Book,
    period: int,
    today: date,
    key: KeyPair,
    out: Path,
    told: Told = lambda _: None,
) -> tuple[Head, list[IndexEntry]]:
    """Pack a period that is over and closed into `out`: a ZIP where it ends in `.zip`, else a folder.

    Raises as `export_seal`; Conflict `archive.exists` where `out` is there already; OSError.
    """
    if out.exists():
        raise Conflict("archive.exists", f"{out}已存在，不覆盖", file=str(out))
    cut(tx, book, None)
    require_period(tx, book, period)
    require_sealable(tx, book, period, today)
    folder = out.with_name(f"{out.name}.part")
    folder.mkdir(mode=0o700)
    try:
        found = _Package(tx, book, period, today, key, folder, told).write()
        if out.suffix.lower() == ".zip":
            packed = out.with_name(f"{out.name}.part.zip")
            try:
                packing.pack(folder, packed)
                packed.replace(out)
            finally:
                packed.unlink(missing_ok=True)
        else:
            folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


class _Package:
    """A package being made."""

    def __init__(
        self, tx: Transaction, book: Book, period: int, today: date, key: KeyPair, folder: Path, told: Told
    ) -> None:
        self._tx = tx
        self._book = book
        self._period = period
        self._today = today
        self._key = key
        self._folder = folder
        self._told = told
        self._items: list[IndexEntry] = []
        self._asked = PackedMonth(tx, book, period, known_at(tx, book, period))

    def write(self) -> tuple[Head, list[IndexEntry]]:
        """All parts, then the index and its signature."""
        self._told("凭证")
        self._vouchers()
        self._attachments()
        self._told("账簿")
        codes = ledger_codes(self._tx, self._book, self._period)
        for code, name in codes:
            self._grid("账簿", f"明细账-{code}", "book", f"明细账 {code} {name}", self._ledger(code))
        for code, made in bank_journals(self._asked, [code for code, _ in codes]):
            self._grid("账簿", f"日记账-{code}", "book", f"{made.title} {code}", made)
        self._told("报表")
        for statement in statements_of(self._period):
            folder = "账簿" if statement.kind == "book" else "报表"
            self._grid(folder, statement.title, statement.kind, statement.title, statement.make(self._asked))
        self._told("银行文件")
        self._bank_papers()
        self._told("银行对账单与余额调节表")
        self._bank_statements()
        self._told("封存")
        path = self._place(SEAL)
        sealed = export_seal(self._tx, self._book, self._period, self._today, self._key, path)
        self._add(SEAL, "book", "期间封存：凭证、账链、余额（fundledger seal verify）", "")
        manifest = sealed.manifest
        head = Head(
            str(self._book),
            str(manifest["book_name"]),
            self._period,
            str(manifest["state"]),
            self._today.isoformat(),
            self._tx.user,
            int(manifest["last_block"]),
            str(manifest["last_hash"]),
        )
        self._put("index.csv", to_csv(self._items))
        self._add("index.csv", "other", "档案目录", "")
        index = to_xml(head, self._items)
        self._put(INDEX, index)
        self._put(SIGNATURE, line(self._key.signature(index)))
        return head, self._items

    def _vouchers(self) -> None:
        made = vouchers(self._tx, self._book, self._period)
        first = next(made, None)
        if first is None:
            return
        name = "凭证/记账凭证.pdf"
        with opened(self._place(name)) as out:
            write_book(chain([first], made), out, Paper.A5_ACROSS)
        self._add(name, "voucher", f"记账凭证 {self._period}", "")

    def _attachments(self) -> None:
        for one in attachments(self._tx, self._book, self._period):
            name = f"附件/{_plain(one.voucher)}/{one.n:02d}-{_plain(one.name)}"
            self._put(name, one.content)
            self._add(name, "voucher", f"{one.voucher}附件{one.n}", printable(one.name))

    def _ledger(self, code: str) -> Grid:
        read = partial(
            general_ledger,
            self._tx,
            self._book,
            code,
            NO_DIMENSIONS,
            period=self._period,
            known_at=self._asked.known_at,
            entries=_ENTRIES_PER_READ,
        )
        return ledger_grid(read(after=BEFORE_ALL), lambda end: read(after=end))

    def _grid(self, folder: str, stem: str, kind: str, title: str, grid: Grid) -> None:
        """A table to read and one to compute with."""
        for shape in ("pdf", "xlsx"):
            name = f"{folder}/{stem}.{shape}"
            write_grid(grid, shape, self._place(name), Paper.A4_ACROSS)
            self._add(name, kind, title, "")

    def _bank_papers(self) -> None:
        for n, paper in enumerate(bank_papers(self._tx, self._book, self._period), 1):
            name = f"{paper.folder}/{_plain(paper.account)}/{n:05d}-{_plain(paper.name)}"
            self._put(name, paper.content)
            title = f"{paper.folder} {paper.kind or '未能识别'} {paper.day}"
            self._add(name, "voucher", title, printable(f"{paper.account} {paper.name}"))

    def _bank_statements(self) -> None:
        """The statements in the bytes they came in, and the newest 余额调节表 of each account of the book."""
        for n, paper in enumerate(bank_statements(self._tx, self._book, self._period), 1):
            name = f"{paper.folder}/{_plain(paper.account)}/{n:05d}-{_plain(paper.name)}"
            self._put(name, paper.content)
            title = f"{said('statement.form', paper.kind)} {paper.day}"
            self._add(name, "statement", title, printable(f"{paper.account} {paper.name}"))
        for account, version in kept_sheets(self._tx, self._book, self._period):
            made = reconciliation_grid(self._tx, account, self._period, version)
            stem = f"余额调节表-{_plain(account)}"
            self._grid("余额调节表", stem, "statement", f"{made.title} {printable(account)}", made)

    def _place(self, name: str) -> Path:
        path = self._folder / name
        private_folder(path.parent)
        return path

    def _put(self, name: str, content: bytes) -> None:
        with opened(self._place(name)) as out:
            out.write(content)

    def _add(self, name: str, kind: str, title: str, source: str) -> None:
        size, sha256, sm3 = digests_of(self._folder / name)
        self._items.append(IndexEntry(name, kind, title, source, size, sha256, sm3))


def _plain(name: str) -> str:
    """A name from outside as a part of a path: no separator, nothing hidden, not too long."""
    kept = "".join(char if char.isalnum() or char in "._-" else "_" for char in printable(name))
    return kept.lstrip(".")[-100:] or "file"
