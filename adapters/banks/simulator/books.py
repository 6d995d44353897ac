"""The bank's own double-entry books, in one SQLite file: the truth our ledger is compared with.

Written from scratch on purpose: nothing here imports the ledger's journal, so both sides cannot share an error.
Seen by the bank, our deposit is owed to us: paying debits it and credits the clearing account; a return turns
that round. Amounts are integer fen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from adapters.banks.ports import BankAccount, Direction, Instruction
from ledger.core.errors import Conflict, NotFound

VAULT: Final = "0000-vault"
"""Where opening balances come from."""
CLEARING: Final = "0000-clearing"
"""待清算: between us and the payees' banks."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS account (
    number TEXT PRIMARY KEY, name TEXT NOT NULL, bank_name TEXT NOT NULL, cnaps TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS movement (
    id INTEGER PRIMARY KEY AUTOINCREMENT, serial TEXT NOT NULL UNIQUE, day TEXT NOT NULL,
    account TEXT NOT NULL, direction TEXT NOT NULL CHECK (direction IN ('debit', 'credit')),
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), order_no TEXT NOT NULL,
    other_account TEXT NOT NULL, other_name TEXT NOT NULL, purpose TEXT NOT NULL,
    gives_back TEXT UNIQUE) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS order_is_debited_once ON movement (order_no) WHERE direction = 'debit' AND order_no <> '';
CREATE TABLE IF NOT EXISTS posting (
    movement INTEGER NOT NULL, account TEXT NOT NULL, amount_fen INTEGER NOT NULL CHECK (amount_fen <> 0),
    PRIMARY KEY (movement, account)) STRICT;
CREATE TRIGGER IF NOT EXISTS posting_is_final BEFORE UPDATE ON posting
    BEGIN SELECT RAISE(ABORT, 'booked is booked'); END;
CREATE TRIGGER IF NOT EXISTS posting_stays BEFORE DELETE ON posting
    BEGIN SELECT RAISE(ABORT, 'booked is booked'); END;
"""


@dataclass(frozen=True, slots=True)
class BankMovement:
    """One line of our account. `serial` is the core serial; `gives_back` the serial a return gives back."""

    serial: str
    day: date
    account: str
    direction: Direction
    amount_fen: int
    order_no: str
    other_account: str
    other_name: str
    purpose: str
    gives_back: str = ""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A movement with the balance after it."""

    movement: BankMovement
    balance_fen: int


@dataclass(frozen=True, slots=True)
class DebitedOrder:
    """An order that was debited; `returned_by` is the serial of its return, empty if it stayed paid."""

    order_no: str
    amount_fen: int
    day: date
    serial: str
    returned_by: str


class BankBooks:
    """The bank's books at `path`, made if absent; `connection` is shared with the bank's other tables."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def open_account(self, account: BankAccount, opening_fen: int, day: date) -> None:
        """Open our account with its opening balance; opening it again changes nothing."""
        with self.transaction() as db:
            opened = db.execute(
                "INSERT INTO account VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (account.number, account.name, account.bank_name, account.cnaps),
            )
            if opened.rowcount and opening_fen:
                self._book(
                    BankMovement(
                        "", day, account.number, Direction.CREDIT, opening_fen, "", VAULT, "期初", "期初余额"
                    )
                )

    def owner(self, number: str) -> BankAccount:
        """Our account by number; raises NotFound `simbank.account`."""
        row = self.connection.execute(
            "SELECT name, number, bank_name, cnaps FROM account WHERE number = ?", (number,)
        ).fetchone()
        if row is None:
            raise NotFound("simbank.account", f"模拟银行没有账户“{number}”", account=number)
        return BankAccount(*row)

    def pay(self, account: str, order: Instruction, day: date) -> str:
        """Debit `account`; returns the core serial. The caller holds the transaction.

        Raises Conflict `simbank.already_debited` if this order was ever debited.
        """
        payee = order.payee
        try:
            return self._book(
                BankMovement(
                    "",
                    day,
                    account,
                    Direction.DEBIT,
                    order.amount_fen,
                    order.order_no,
                    payee.number,
                    payee.name,
                    order.purpose,
                )
            )
        except sqlite3.IntegrityError as error:
            raise Conflict(
                "simbank.already_debited", f"订单“{order.order_no}”已扣过款", order_no=order.order_no
            ) from error

    def give_back(self, serial: str, day: date) -> str:
        """Credit what `serial` debited (退汇); returns the new serial. The caller holds the transaction.

        Raises Conflict `simbank.already_returned`.
        """
        paid = self.movement(serial)
        try:
            return self._book(
                replace(paid, serial="", day=day, direction=Direction.CREDIT, gives_back=serial)
            )
        except sqlite3.IntegrityError as error:
            raise Conflict("simbank.already_returned", f"流水“{serial}”已退汇", serial=serial) from error

    def enter(
        self, account: str, direction: Direction, amount_fen: int, other: BankAccount, purpose: str, day: date
    ) -> str:
        """Book what no order asked for (interest, a fee, money coming in); returns the serial. The caller holds the
        transaction.
        """
        return self._book(
            BankMovement("", day, account, direction, amount_fen, "", other.number, other.name, purpose)
        )

    def movement(self, serial: str) -> BankMovement:
        """One movement; raises NotFound `simbank.serial`."""
        row = self.connection.execute(f"{_MOVEMENTS} WHERE serial = ?", (serial,)).fetchone()
        if row is None:
            raise NotFound("simbank.serial", f"模拟银行没有流水“{serial}”", serial=serial)
        return _movement(row)

    def balance(self, account: str) -> int:
        """What the bank owes us on `account`, in fen."""
        total: int = self.connection.execute(
            "SELECT COALESCE(SUM(amount_fen), 0) FROM posting WHERE account = ?", (account,)
        ).fetchone()[0]
        return total

    def statement(self, account: str) -> list[StatementLine]:
        """Every line of `account` since it was opened, oldest first."""
        lines, balance = [], 0
        for row in self.connection.execute(
            f"{_MOVEMENTS} WHERE account = ? ORDER BY id",
            (account,),
        ):
            line = _movement(row)
            balance += line.amount_fen if line.direction is Direction.CREDIT else -line.amount_fen
            lines.append(StatementLine(line, balance))
        return lines

    def day_of(self, account: str, day: date) -> tuple[int, list[StatementLine]]:
        """The balance of `account` before a day, and the day's lines."""
        total: int = self.connection.execute(
            "SELECT COALESCE(SUM(p.amount_fen), 0) FROM posting p JOIN movement m ON m.id = p.movement"
            " WHERE p.account = ? AND m.day < ?",
            (account, day.isoformat()),
        ).fetchone()[0]
        lines, balance = [], total
        for row in self.connection.execute(
            f"{_MOVEMENTS} WHERE account = ? AND day = ? ORDER BY id", (account, day.isoformat())
        ):
            line = _movement(row)
            balance += line.amount_fen if line.direction is Direction.CREDIT else -line.amount_fen
            lines.append(StatementLine(line, balance))
        return total, lines

    def paid_orders(self, account: str) -> Mapping[str, DebitedOrder]:
        """Every order ever debited from `account`, by order number."""
        rows = self.connection.execute(
            "SELECT d.order_no, d.amount_fen, d.day, d.serial, COALESCE(r.serial, '') FROM movement d "
            "LEFT JOIN movement r ON r.gives_back = d.serial "
            "WHERE d.account = ? AND d.direction = 'debit' AND d.order_no <> '' ORDER BY d.id",
            (account,),
        )
        return {row[0]: DebitedOrder(row[0], row[1], date.fromisoformat(row[2]), *row[3:]) for row in rows}

    def check(self) -> None:
        """Every movement balances and every account's postings are its statement; raises Conflict `simbank.books`."""
        wrong = self.connection.execute(
            "SELECT movement FROM posting GROUP BY movement HAVING SUM(amount_fen) <> 0 OR COUNT(*) <> 2 "
            "UNION SELECT id FROM movement WHERE id NOT IN (SELECT movement FROM posting)"
        ).fetchall()
        for (number,) in self.connection.execute("SELECT number FROM account").fetchall():
            lines = self.statement(number)
            if (lines[-1].balance_fen if lines else 0) != self.balance(number):
                wrong.append((number,))
        if wrong:
            raise Conflict("simbank.books", "模拟银行账不平", where=[row[0] for row in wrong])

    def _book(self, line: BankMovement) -> str:
        """Book `line` under the next serial, against clearing (or the vault for an opening balance)."""
        db = self.connection
        number = 1 + db.execute("SELECT COALESCE(MAX(id), 0) FROM movement").fetchone()[0]
        serial = f"{line.day:%Y%m%d}{number:010d}"
        db.execute(
            "INSERT INTO movement VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                serial,
                line.day.isoformat(),
                line.account,
                line.direction,
                line.amount_fen,
                line.order_no,
                line.other_account,
                line.other_name,
                line.purpose,
                line.gives_back or None,
            ),
        )
        ours = line.amount_fen if line.direction is Direction.CREDIT else -line.amount_fen
        against = CLEARING if line.order_no else VAULT
        db.executemany(
            "INSERT INTO posting VALUES (?, ?, ?)", ((number, line.account, ours), (number, against, -ours))
        )
        return serial


_MOVEMENTS: Final = (
    "SELECT serial, day, account, direction, amount_fen, order_no, other_account, other_name, "
    "purpose, COALESCE(gives_back, '') FROM movement"
)


def _movement(row: tuple[str, str, str, str, int, str, str, str, str, str]) -> BankMovement:
    serial, day, account, direction, amount_fen, *texts = row
    return BankMovement(serial, date.fromisoformat(day), account, Direction(direction), amount_fen, *texts)
