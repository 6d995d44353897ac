"""The founded demo region, one of its accountants, and a line to the database that is cut at COMMIT."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from ledger.bootstrap import App
from ledger.db.unit_of_work import Transaction


@pytest.fixture
def accountant(world: Any) -> Iterator[App]:
    app = App(world.settings, "li")
    yield app
    app.close()


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Cut the line of the next act just before COMMIT is said (`lost`) or before its answer is heard (`kept`)."""

    def at_commit(when: str) -> None:
        commit = Transaction.commit

        def dying(tx: Transaction) -> None:
            monkeypatch.setattr(Transaction, "commit", commit)
            if when == "kept":
                commit(tx)
            with socket.socket(fileno=os.dup(tx.connection.pgconn.socket)) as line:
                line.shutdown(socket.SHUT_RDWR)
            tx.connection.execute("COMMIT")

        monkeypatch.setattr(Transaction, "commit", dying)

    return at_commit
