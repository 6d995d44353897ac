"""Outside eyes: hledger, ledger and beancount read the exported book and agree by account to the fen."""

from __future__ import annotations

import csv
import io
import os
import subprocess
from decimal import Decimal

import pytest
from beancount import loader
from beancount.core import realization
from beancount.core.data import Open, Transaction
from hypothesis import given
from hypothesis import strategies as st

from ledger.books.reading import cut
from ledger.core.entries import Dimensions
from ledger.core.errors import NotFound
from reports.account_names import account_name, parse_account_name
from reports.export import ExportFormat, export
from reports.trial_balance import trial_balance
from tests.judges import program_of

UTF8 = {**os.environ, "LC_ALL": "C.UTF-8"}


def program(name, *words):
    """Standard output of another program."""
    done = subprocess.run([program_of(name), *words], capture_output=True, text=True, env=UTF8, check=False)
    assert done.returncode == 0, done.stderr[:2000]
    assert done.stderr == ""
    return done.stdout


def fen(text):
    amount = Decimal(text) * 100
    assert amount == int(amount)
    return int(amount)


def by_hledger(path):
    program("hledger", "-f", path, "check", "--strict")
    out = program("hledger", "-f", path, "balance", "--flat", "--no-total", "--empty", "-O", "csv")
    return {
        row["account"]: fen(row["balance"].removesuffix(" CNY").replace(",", ""))
        for row in csv.DictReader(io.StringIO(out))
    }


def by_ledger(path):
    out = program(
        "ledger", "--args-only", "--pedantic", "-f", path, "balance", "--flat", "--no-total", "--empty",
        "--format", "%(account)\t%(quantity(scrub(display_total)))\n",
    )  # fmt: skip
    return {name: fen(amount) for name, amount in (line.split("\t") for line in out.splitlines())}


def by_beancount(path):
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    root = realization.realize(entries)
    opened = [entry.account for entry in entries if isinstance(entry, Open)]
    balances = {name: realization.get(root, name).balance for name in opened}
    assert all({position.units.currency for position in balance} <= {"CNY"} for balance in balances.values())
    return {
        name: sum(fen(position.units.number) for position in balance) for name, balance in balances.items()
    }


READERS = {
    ExportFormat.HLEDGER: by_hledger,
    ExportFormat.LEDGER: by_ledger,
    ExportFormat.BEANCOUNT: by_beancount,
}
JUDGES = {ExportFormat.HLEDGER: "hledger", ExportFormat.LEDGER: "ledger"}
BY_OTHERS = [
    pytest.param(format_, marks=[pytest.mark.judge(JUDGES[format_])] if format_ in JUDGES else [])
    for format_ in ExportFormat
]


def ours(tx, book):
    return {(row.account, row.dims): row.closing_fen for row in trial_balance(tx, book).rows}


@pytest.mark.parametrize("format_", BY_OTHERS)
def test_other_programs_agree_with_our_trial_balance(busy_desk, tmp_path, format_):
    path = tmp_path / "book"
    with busy_desk.tx() as tx:
        done = export(tx, busy_desk.book, format_, path)
        expected = ours(tx, busy_desk.book)
        assert done.entries == tx.value("SELECT count(*) FROM books.entry")
    theirs = {parse_account_name(name): amount for name, amount in READERS[format_](path).items()}
    assert theirs == expected
    assert done.accounts == len(expected) > 20
    assert any(amount < 0 for amount in theirs.values())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.judge("hledger")
def test_words_reach_the_other_programs(busy_desk, tmp_path):
    with busy_desk.tx() as tx:
        summaries = [text for (text,) in tx.rows("SELECT summary FROM books.entry ORDER BY period, seq")]
        for format_ in ExportFormat:
            export(tx, busy_desk.book, format_, tmp_path / format_)
    entries, _, _ = loader.load_file(str(tmp_path / "beancount"))
    read = {entry.meta["voucher"]: entry.payee for entry in entries if isinstance(entry, Transaction)}
    plain = ["".join(char if char.isprintable() else " " for char in text) for text in summaries]
    assert sorted(read.values()) == sorted(plain)
    out = program("hledger", "-f", str(tmp_path / "hledger"), "print", "-O", "csv")
    rows = {row["code"]: row["description"] for row in csv.DictReader(io.StringIO(out))}
    assert {code: text.strip().replace(";", "；") for code, text in read.items()} == rows


def test_the_export_names_its_cut(busy_desk, tmp_path):
    path = tmp_path / "book"
    with busy_desk.tx() as tx:
        known = cut(tx, busy_desk.book, None)
        assert export(tx, busy_desk.book, ExportFormat.HLEDGER, path).known == known
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert known.hash.hex()[:16] in first
    assert known.recorded_text in first


def test_an_unknown_book_leaves_no_file(desk, tmp_path):
    with desk.tx() as tx, pytest.raises(NotFound, match=r"book\.unknown"):
        export(tx, desk.book._replace(fund=390), ExportFormat.LEDGER, tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", BY_OTHERS)
def test_an_empty_book_is_readable(desk, tmp_path, format_):
    with desk.tx() as tx:
        export(tx, desk.book, format_, tmp_path / "book")
    assert READERS[format_](tmp_path / "book") == {}


@given(
    st.builds(
        Dimensions,
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=12),
        st.sampled_from(["pool", "acct"]),
        st.integers(1, 9999),
        st.integers(1, 999912),
        st.text("abcXYZ09_-: ", min_size=1, max_size=8),
    ),
    st.integers(0, 31),
    st.sampled_from([("资产", 110105), ("备查", 920401), ("支出", 50010101)]),
)
def test_account_names_read_back(dims, asked, account):
    kept = Dimensions(*(value if asked >> bit & 1 else type(value)() for bit, value in enumerate(dims)))
    name = account_name(*account, asked, kept)
    assert name.isascii()
    assert " " not in name
    assert parse_account_name(name) == (account[1], kept)


def test_foreign_names_are_refused():
    for name in ("Assets:Bank", "Assets:1101:Foo-1", "110105", "Assets:110105:Party"):
        with pytest.raises(ValueError, match=name):
            parse_account_name(name)
