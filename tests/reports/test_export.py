"""Outside eyes: hledger, ledger and beancount read the exported book and agree by account to the fen."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from beancount import loader
from beancount.core import realization
from beancount.core.data import Open, Transaction
from hypothesis import given
from hypothesis import strategies as st

from ledger.books.reading import cut
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import NotFound
from reports.account_names import account_name, parse_account_name
from reports.export import ExportFormat, export
from reports.trial_balance import trial_balance
from tests.judges import program_of
from tests.scenes.set_apart import let_closing_entries_in

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


PROGRAMS = [ExportFormat.HLEDGER, ExportFormat.LEDGER, ExportFormat.BEANCOUNT]
READERS = {
    ExportFormat.HLEDGER: by_hledger,
    ExportFormat.LEDGER: by_ledger,
    ExportFormat.BEANCOUNT: by_beancount,
}
JUDGES = {ExportFormat.HLEDGER: "hledger", ExportFormat.LEDGER: "ledger"}
BY_OTHERS = [
    pytest.param(format_, marks=[pytest.mark.judge(JUDGES[format_])] if format_ in JUDGES else [])
    for format_ in PROGRAMS
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
        for format_ in PROGRAMS:
            export(tx, busy_desk.book, format_, tmp_path / format_)
    entries, _, _ = loader.load_file(str(tmp_path / "beancount"))
    read = {entry.meta["voucher"]: entry.payee for entry in entries if isinstance(entry, Transaction)}
    plain = ["".join(char if char.isprintable() else " " for char in text) for text in summaries]
    assert sorted(read.values()) == sorted(plain)
    out = program("hledger", "-f", str(tmp_path / "hledger"), "print", "-O", "csv")
    rows = {row["code"]: row["description"] for row in csv.DictReader(io.StringIO(out))}
    assert {code: text.strip().replace(";", "；") for code, text in read.items()} == rows


def booked(tx):
    """Every line as it was booked, by voucher: (side, account, fen on its own side)."""
    lines = tx.rows(
        "SELECT e.series || '-' || e.period || '-' || e.vno, CASE l.side WHEN 1 THEN '借' ELSE '贷' END, l.account, l.amount_fen"
        " FROM books.entry e JOIN books.leg l USING (region, fund, period, seq) ORDER BY e.period, e.seq, l.n"
    )
    return [(number, side, account, fen) for number, side, account, fen in lines]


def kinds_and_a_reversal(desk):
    """An entry of every kind, and one that reverses: posted beside the random ones."""
    day = date(2026, 11, 4)
    let_closing_entries_in(desk.admin_url)
    desk.post(day, [replace(desk.draft([debit(1005, 900), credit(300101, 900)]), event="OPEN")])
    (first,) = desk.post(day, [desk.draft([debit(1005, 500), credit(41010101, 500)])])
    desk.post(day, [desk.draft([debit(1005, -500), credit(41010101, -500)], reverses_seq=first.seq)])
    desk.post(day, [replace(desk.draft([debit(41010101, 7), credit(300101, 7)]), event="CLOSE-M")])
    return first.voucher


def test_json_lines_are_the_whole_journal(busy_desk, tmp_path):
    reversed_ = kinds_and_a_reversal(busy_desk)
    path = tmp_path / "book"
    with busy_desk.tx() as tx:
        done = export(tx, busy_desk.book, ExportFormat.JSONL, path)
        lines = booked(tx)
        dates = dict(
            tx.rows("SELECT series || '-' || period || '-' || vno, voucher_date::text FROM books.entry")
        )
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert len(entries) == done.entries == len(dates)
    assert set(entries[0]) == {
        "voucher", "date", "period", "business_date", "event", "kind", "reverses", "summary", "lines",
    }  # fmt: skip
    told = [
        (entry["voucher"], side, int(code), fen) for entry in entries for side, code, fen, _ in entry["lines"]
    ]
    assert told == lines
    assert {entry["voucher"]: entry["date"] for entry in entries} == dates
    assert any(side == "贷" and fen < 0 for _, side, _, fen in told)
    assert [entry["kind"] for entry in entries[-4:]] == ["opening", "entry", "entry", "closing"]
    assert [entry["reverses"] for entry in entries[-4:]] == [None, None, reversed_, None]
    dims = {code: dims for entry in entries for _, code, _, dims in entry["lines"]}
    assert dims["41010101"] == {}
    assert set(dims["1004"]) == {"counterparty"}
    assert set(dims["9101"]) == {"counterparty", "subfund", "service_year", "term", "category"}


def test_beancount_keeps_side_and_kind(busy_desk, tmp_path):
    kinds_and_a_reversal(busy_desk)
    with busy_desk.tx() as tx:
        export(tx, busy_desk.book, ExportFormat.BEANCOUNT, tmp_path / "b")
        lines = booked(tx)
    entries, errors, _ = loader.load_file(str(tmp_path / "b"))
    assert errors == []
    signs = {"借": 1, "贷": -1}
    told = [
        (entry.meta["voucher"], one.meta["side"], parse_account_name(one.account)[0],
         signs[one.meta["side"]] * fen(one.units.number))
        for entry in entries if isinstance(entry, Transaction) for one in entry.postings
    ]  # fmt: skip
    assert sorted(told) == sorted(lines)
    kinds = [entry.meta["kind"] for entry in entries if isinstance(entry, Transaction)]
    assert {"opening", "closing", "entry"} == set(kinds)


@pytest.mark.judge("hledger")
def test_hledger_adds_up_turnovers_by_side(busy_desk, tmp_path):
    """A red credit and a blue debit are the same amount there; by the tag of the posting they are told apart."""
    kinds_and_a_reversal(busy_desk)
    with busy_desk.tx() as tx:
        export(tx, busy_desk.book, ExportFormat.HLEDGER, tmp_path / "h")
        lines = booked(tx)
    for side, sign in (("借", 1), ("贷", -1)):
        out = program(
            "hledger", "-f", str(tmp_path / "h"), "balance", f"tag:side=^{side}$", "--flat", "--empty", "-O", "csv",
            "--no-total",
        )  # fmt: skip
        theirs = {}
        for row in csv.DictReader(io.StringIO(out)):
            code = parse_account_name(row["account"])[0]
            theirs[code] = theirs.get(code, 0) + sign * fen(
                row["balance"].removesuffix(" CNY").replace(",", "")
            )
        ours_ = {}
        for _, of, account, amount in lines:
            if of == side:
                ours_[account] = ours_.get(account, 0) + amount
        assert {code: amount for code, amount in theirs.items() if amount} == {
            code: amount for code, amount in ours_.items() if amount
        }
    closed = program(
        "hledger", "-f", str(tmp_path / "h"), "balance", "tag:kind=closing", "-O", "csv", "--flat"
    )
    assert "41010101" in closed
    assert "1004" not in closed


@pytest.mark.judge("ledger")
def test_ledger_reads_the_side_of_a_posting(busy_desk, tmp_path):
    with busy_desk.tx() as tx:
        export(tx, busy_desk.book, ExportFormat.LEDGER, tmp_path / "l")
        lines = booked(tx)
    out = program(
        "ledger",
        "--args-only",
        "--pedantic",
        "-f",
        str(tmp_path / "l"),
        "register",
        "--format",
        "%(tag('side'))\n",
    )
    sides = [side for _, side, _, _ in lines]
    assert sorted(out.split()) == sorted(sides)


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
