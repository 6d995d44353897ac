"""How long matching takes, and that it grows with the lines and no faster. In the long group: `-m slow`."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from datetime import date

import pytest

from adapters.banks.formats.statements.read import read_written
from adapters.banks.formats.statements.table import Stated
from ledger.payments.statements.sheet import make
from ledger.payments.statements.take import StatementFile, load
from tests.payments.conftest import OWN, World
from tests.payments.statements.conftest import AFTER, OCT, Books

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("n", [10_000, 100_000])
def test_matching_grows_with_the_lines(world: World, books: Books, n: int) -> None:
    rows = [f"2026-10-13,,{1 + k % 97}.00,,S{k:09d},,,,," for k in range(n)]
    content = (
        "记账日,支出,收入,余额,流水号,回单号,指令号,对方账号,对方户名,摘要\n" + "\n".join(rows) + "\n"
    ).encode()
    total = sum(100 * (1 + k % 97) for k in range(n))
    for start in range(0, n, 20_000):
        books.book_many(
            [
                (100 * (1 + k % 97), date(2026, 10, 13), f"银行回单S{k:09d}")
                for k in range(start, min(n, start + 20_000))
            ]
        )
    began = time.monotonic()
    read = replace(
        read_written("t.csv", content, Stated(OWN, "", date(2026, 10, 1), OCT, 0, total)), form="csv"
    )
    with world.tx() as tx:
        load(tx, OWN, StatementFile("t.csv", content), [read], AFTER)
    loaded = time.monotonic()
    done = books.match()
    matched = time.monotonic()
    with world.tx() as tx:
        assert make(tx, OWN, 202610, AFTER).items == ()
    made = time.monotonic()
    assert (done.groups["serial"], done.open_lines, done.open_legs) == (n, 0, 0)
    sys.stderr.write(
        f"{n} lines: load {loaded - began:.1f} s, match {matched - loaded:.1f} s, sheet {made - matched:.1f} s"
        "\n"
    )
    assert matched - loaded < 60 * n / 1_000_000 + 5
