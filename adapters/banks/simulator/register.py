"""What the bank remembers of messages, orders and papers still to send; same file as its books."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount, Instruction, PaymentBatch
from adapters.banks.simulator.books import BankBooks

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS message (
    message_id TEXT PRIMARY KEY, digest TEXT NOT NULL, name TEXT NOT NULL, payer TEXT NOT NULL,
    count INTEGER NOT NULL, total_fen INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
    archived INTEGER NOT NULL DEFAULT 0, reported INTEGER NOT NULL DEFAULT 0,
    asked_again INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE IF NOT EXISTS refusal (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, digest TEXT NOT NULL,
    code TEXT NOT NULL, reason TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS payment (
    id INTEGER PRIMARY KEY AUTOINCREMENT, order_no TEXT NOT NULL UNIQUE, payer TEXT NOT NULL,
    amount_fen INTEGER NOT NULL, payee_name TEXT NOT NULL, payee TEXT NOT NULL, payee_bank TEXT NOT NULL,
    payee_cnaps TEXT NOT NULL, purpose TEXT NOT NULL, due TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'accepted' CHECK (state IN ('accepted', 'settled', 'rejected')),
    reason_code TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', serial TEXT NOT NULL DEFAULT '',
    return_due TEXT) STRICT;
CREATE INDEX IF NOT EXISTS payment_accepted ON payment (due) WHERE state = 'accepted';
CREATE INDEX IF NOT EXISTS payment_to_return ON payment (return_due) WHERE return_due IS NOT NULL;
CREATE TABLE IF NOT EXISTS message_order (
    message_id TEXT NOT NULL, position INTEGER NOT NULL, order_no TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    conflict INTEGER NOT NULL, PRIMARY KEY (message_id, position)) STRICT;
CREATE TABLE IF NOT EXISTS notice (
    id INTEGER PRIMARY KEY AUTOINCREMENT, due TEXT NOT NULL, serial TEXT NOT NULL,
    garble TEXT NOT NULL, file_fault TEXT NOT NULL, written INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS notice_waiting ON notice (due) WHERE written = 0;
"""


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A payment file the bank has taken; `code` is empty unless it was refused as a whole."""

    message_id: str
    digest: str
    count: int
    total_fen: int
    code: str
    reason: str
    archived: bool
    asked_again: bool
    """The same file came again after it was archived."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """One order as its message sees it. `conflict`: the number was used before for something else."""

    order_no: str
    amount_fen: int
    conflict: bool
    state: str
    reason_code: str
    reason: str
    serial: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A paper to write: which movement, how wrong, and what is wrong with its file."""

    id: int
    due: date
    serial: str
    garble: str
    file_fault: str


class Register:
    """Messages, orders and notices. Writers are called inside `Books.transaction()`."""

    def __init__(self, books: BankBooks) -> None:
        self._db = books.connection
        self._db.executescript(_SCHEMA)

    def message(self, message_id: str) -> TakenFile | None:
        """A taken message."""
        row = self._db.execute(
            "SELECT message_id, digest, count, total_fen, code, reason, archived, asked_again FROM message "
            "WHERE message_id = ?",
            (message_id,),
        ).fetchone()
        return None if row is None else TakenFile(*row)

    def take(self, batch: PaymentBatch, digest: str, name: str, code: str, reason: str, today: date) -> None:
        """Enter a message and, unless refused, its orders; an order known before is not entered again."""
        total = sum(order.amount_fen for order in batch.instructions)
        self._db.execute(
            "INSERT INTO message (message_id, digest, name, payer, count, total_fen, code, reason) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                batch.message_id,
                digest,
                name,
                batch.payer.number,
                len(batch.instructions),
                total,
                code,
                reason,
            ),
        )
        if code:
            return
        due = max(batch.execution_date, today).isoformat()
        for position, order in enumerate(batch.instructions):
            values = _values(batch.payer.number, order)
            self._db.execute(
                "INSERT INTO payment (order_no, payer, amount_fen, payee_name, payee, payee_bank, payee_cnaps, "
                "purpose, due) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*values, due),
            )
            known = self._db.execute(
                "SELECT order_no, payer, amount_fen, payee_name, payee, payee_bank, payee_cnaps, purpose "
                "FROM payment WHERE order_no = ?",
                (order.order_no,),
            ).fetchone()
            # purpose and bank name are words; money, payer and payee make the payment
            conflict = known[:5] != values[:5]
            self._db.execute(
                "INSERT INTO message_order VALUES (?, ?, ?, ?, ?)",
                (batch.message_id, position, order.order_no, order.amount_fen, conflict),
            )

    def refuse(self, name: str, digest: str, code: str, reason: str) -> int:
        """Remember a file that could not be taken at all; returns the refusal's number."""
        row = self._db.execute(
            "INSERT INTO refusal (name, digest, code, reason) VALUES (?, ?, ?, ?) RETURNING id",
            (name, digest, code, reason),
        ).fetchone()
        number: int = row[0]
        return number

    def refusals(self) -> list[tuple[str, str]]:
        """(file name, code) of every file that was not taken."""
        return self._db.execute("SELECT name, code FROM refusal ORDER BY id").fetchall()

    def archived(self, message_id: str) -> None:
        """The message's file lies in the archive."""
        self._db.execute("UPDATE message SET archived = 1 WHERE message_id = ?", (message_id,))

    def due_orders(self, today: date) -> list[tuple[str, Instruction]]:
        """(paying account, instruction) of every accepted order that is due, in order of arrival."""
        rows = self._db.execute(
            "SELECT payer, order_no, amount_fen, payee_name, payee, payee_bank, payee_cnaps, purpose "
            "FROM payment WHERE state = 'accepted' AND due <= ? ORDER BY id",
            (today.isoformat(),),
        ).fetchall()
        return [(row[0], Instruction(row[1], row[2], BankAccount(*row[3:7]), row[7])) for row in rows]

    def reject(self, order_no: str, reason_code: str, reason: str) -> None:
        """The order is refused for good."""
        self._db.execute(
            "UPDATE payment SET state = 'rejected', reason_code = ?, reason = ? WHERE order_no = ?",
            (reason_code, reason, order_no),
        )

    def settle(self, order_no: str, serial: str, return_due: date | None) -> None:
        """The order is debited; it will come back on `return_due` if that is a day."""
        self._db.execute(
            "UPDATE payment SET state = 'settled', serial = ?, return_due = ? WHERE order_no = ?",
            (serial, return_due and return_due.isoformat(), order_no),
        )

    def take_returns(self, today: date) -> list[str]:
        """The serial of every payment that comes back by `today`, oldest first; each is given once."""
        rows = self._db.execute(
            "UPDATE payment SET return_due = NULL WHERE return_due <= ? RETURNING serial",
            (today.isoformat(),),
        ).fetchall()
        return sorted(row[0] for row in rows)

    def orders(self, message_id: str) -> list[OrderState]:
        """The orders of a message, in its order."""
        rows = self._db.execute(
            "SELECT m.order_no, m.amount_fen, m.conflict, p.state, p.reason_code, p.reason, p.serial "
            "FROM message_order m JOIN payment p USING (order_no) WHERE m.message_id = ? ORDER BY m.position",
            (message_id,),
        )
        return [OrderState(row[0], row[1], bool(row[2]), *row[3:]) for row in rows]

    def unreported(self) -> list[str]:
        """Messages whose final status was not written yet and all of whose orders are decided."""
        rows = self._db.execute(
            "SELECT message_id FROM message WHERE reported = 0 AND NOT EXISTS (SELECT 1 FROM message_order o "
            "JOIN payment p USING (order_no) WHERE o.message_id = message.message_id AND NOT o.conflict "
            "AND p.state = 'accepted') ORDER BY rowid"
        )
        return [row[0] for row in rows]

    def reported(self, message_id: str) -> None:
        """The final status was written, or lost as planned."""
        self._db.execute("UPDATE message SET reported = 1 WHERE message_id = ?", (message_id,))

    def ask_again(self, message_id: str) -> None:
        """The same file came again: its status will be written once more."""
        self._db.execute(
            "UPDATE message SET reported = 0, asked_again = 1 WHERE message_id = ?", (message_id,)
        )

    def notify(self, serial: str, due: date, *, garble: str = "", file_fault: str = "") -> None:
        """A paper for a movement, to be written on `due`."""
        self._db.execute(
            "INSERT INTO notice (due, serial, garble, file_fault) VALUES (?, ?, ?, ?)",
            (due.isoformat(), serial, garble, file_fault),
        )

    def due_notices(self, today: date) -> list[Notice]:
        """Papers to write by `today`."""
        rows = self._db.execute(
            "SELECT id, due, serial, garble, file_fault FROM notice WHERE written = 0 AND due <= ? ORDER BY id",
            (today.isoformat(),),
        ).fetchall()
        return [Notice(row[0], date.fromisoformat(row[1]), *row[2:]) for row in rows]

    def written(self, notices: Iterable[Notice]) -> None:
        """These papers are queued for sending."""
        self._db.executemany("UPDATE notice SET written = 1 WHERE id = ?", ((one.id,) for one in notices))


def _values(payer: str, order: Instruction) -> tuple[str, str, int, str, str, str, str, str]:
    payee = order.payee
    return (
        order.order_no,
        payer,
        order.amount_fen,
        payee.name,
        payee.number,
        payee.bank_name,
        payee.cnaps,
        order.purpose,
    )
