"""What goes out to us: queued in the books' transaction, written later, `.ok` last, so that no crash loses a file."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Final

from adapters.banks.ports import OutgoingFile
from adapters.banks.simulator.books import BankBooks
from adapters.banks.wire.control import READY_SUFFIX, describe, encode_control

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outgoing (
    id INTEGER PRIMARY KEY AUTOINCREMENT, due TEXT NOT NULL, name TEXT NOT NULL UNIQUE,
    content BLOB NOT NULL, keep INTEGER NOT NULL, sent INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS outgoing_waiting ON outgoing (due) WHERE sent = 0;
"""


class Outbox:
    """The queue of files for the outbox folder."""

    def __init__(self, books: BankBooks, folder: Path) -> None:
        self._books = books
        self._folder = folder
        books.connection.executescript(_SCHEMA)

    def next_number(self) -> int:
        """The number the next file will get; it may name the message inside."""
        last: int = self._books.connection.execute("SELECT COALESCE(MAX(id), 0) FROM outgoing").fetchone()[0]
        return last + 1

    def queue(self, file: OutgoingFile, due: date, *, lose_tail: bool = False) -> None:
        """Send `file` on or after `due`; the caller holds the transaction.

        The outbox name is `<due>-<number>-<name>`: names sort in the order the bank wrote them. With
        `lose_tail` half of the content is lost after the `.ok` was worked out.
        """
        db = self._books.connection
        number = self.next_number()
        name = f"{due:%Y%m%d}-{number:08d}-{file.name}"
        keep = len(file.content) // 2 if lose_tail else len(file.content)
        db.execute(
            "INSERT INTO outgoing (id, due, name, content, keep) VALUES (?, ?, ?, ?, ?)",
            (number, due.isoformat(), name, file.content, keep),
        )

    def flush(self, today: date) -> list[str]:
        """Write every file that is due, each whole before its `.ok`; returns their names."""
        due = self._books.connection.execute(
            "SELECT id, name, content, keep FROM outgoing WHERE sent = 0 AND due <= ? ORDER BY id",
            (today.isoformat(),),
        ).fetchall()
        for _, name, content, keep in due:
            write_whole(self._folder / name, content[:keep])
            write_whole(self._folder / (name + READY_SUFFIX), encode_control(describe(name, content)))
        # written again after a crash before this line: the same bytes under the same names
        with self._books.transaction() as db:
            db.executemany(
                "UPDATE outgoing SET sent = 1, content = x'' WHERE id = ?", ((row[0],) for row in due)
            )
        return [row[1] for row in due]


def write_whole(path: Path, content: bytes) -> None:
    """Write under a temporary name, then rename; readable for the SFTP user whoever that is."""
    part = path.with_name(path.name + ".tmp")
    part.write_bytes(content)
    part.chmod(0o644)
    os.replace(part, path)  # noqa: PTH105 - ours to replace: the same file after a crash
