"""The printed books of a year worked out by hand (tests.reports.statements.conftest), and of random entries against their lines."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest
from typer.testing import CliRunner

from ledger.books.selection import parse_cursor
from ledger.cli.books.report import app
from ledger.cli.line import acting
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import InvalidInput, NotFound
from ledger.settings import get_settings
from reports.books.bank_journal import bank_journal_grid
from reports.books.by_level import trial_balance_grid
from reports.books.find import Wanted, find, require_something
from reports.books.general import general_grid
from reports.books.journal import journal_grid
from reports.books.sub_ledger import By, columnar_grid, sub_ledger_grid
from reports.render.grid_json import document
from tests.reports.statements.conftest import BANK, CARE, CLOSE_OCTOBER

OCTOBER = date(2026, 10, 31)


def rows(grid):
    return document(grid)["rows"]


def row(grid, **said):
    (one,) = [row for row in rows(grid) if said.items() <= row.items()]
    return one


def test_trial_balance_by_level(employees):
    with employees.tx() as tx:
        first = trial_balance_grid(tx, employees.book, 202611, level=1)
        whole = trial_balance_grid(tx, employees.book, 202611)
    premium = row(first, code="4001")
    assert premium == {
        "code": "4001", "name": "社会保险费收入", "opening_debit_fen": "0", "opening_credit_fen": "430000",
        "debit_fen": "0", "credit_fen": "50000", "year_debit_fen": "20000", "year_credit_fen": "500000",
        "closing_debit_fen": "0", "closing_credit_fen": "480000",
    }  # fmt: skip
    codes = [one["code"] for one in rows(whole)]
    assert codes.index("4001") < codes.index("400101") < codes.index("400102")
    assert {len(one["code"]) for one in rows(first) if one["code"] != "合计"} == {4}
    # a parent is the sum of its leaves at every level
    for key in ("year_credit_fen", "closing_credit_fen", "debit_fen"):
        leaves = [row(whole, code=code) for code in ("400101", "400102")]
        assert sum(int(one[key]) for one in leaves) == int(row(whole, code="4001")[key])
    assert row(whole, code="4201")["closing_credit_fen"] == "1234"
    assert row(whole, code="3001")["opening_credit_fen"] == "1000000"
    for grid in (first, whole):
        total = row(grid, name="会计账试算平衡")
        assert (total["code"], total["debit_fen"]) == ("合计", total["credit_fen"])
        assert total["opening_debit_fen"] == total["opening_credit_fen"] != "0"


def test_closing_is_in_no_turnover_of_any_book(employees):
    with employees.tx() as tx:
        before = [
            (row(grid, code="5101")["debit_fen"], row(grid, code="5101")["credit_fen"])
            for grid in (trial_balance_grid(tx, employees.book, 202610),)
        ]
    for legs in CLOSE_OCTOBER:
        employees.post(OCTOBER, *legs, event="CLOSE-M")
    with employees.tx() as tx:
        grid = trial_balance_grid(tx, employees.book, 202610)
        assert [(row(grid, code="5101")["debit_fen"], row(grid, code="5101")["credit_fen"])] == before
        assert row(grid, code="5101")["closing_debit_fen"] == "0"
        general = general_grid(tx, employees.book, (202610, 202610))
        ledger = sub_ledger_grid(tx, employees.book, "5101", period=202610)
    of = [one for one in rows(general) if one["code"] == "5101"]
    assert [(one["summary"], one["debit"], one["credit"], one["balance"]) for one in of] == [
        ("期初余额", None, None, "0"),
        ("本月合计", "37000", "0", "37000"),
        ("本年累计", "37000", "0", "37000"),
        ("结转", "0", "37000", "0"),
    ]
    month = row(ledger, summary="本月合计")
    assert (month["debit"], month["credit"], month["balance"]) == ("37000", "0", "0")
    assert any(one["summary"].startswith("［结转］") for one in rows(ledger))


def test_general_ledger_runs_through_the_year(employees):
    with employees.tx() as tx:
        grid = general_grid(tx, employees.book, (202601, 202612))
        assert {one["code"] for one in rows(grid)} >= {"1003", "1004", "1101", "2001", "3001", "4601", "5001"}
        of = [one for one in rows(grid) if one["code"] == "1004"]
        with pytest.raises(NotFound):
            general_grid(tx, employees.book, (202501, 202512))
    assert [(one["month"], one["summary"], one["balance"]) for one in of] == [
        ("202610", "期初余额", "0"), ("202610", "本月合计", "561000"), ("202610", "本年累计", "561000"),
        ("202611", "本月合计", "569700"), ("202611", "本年累计", "569700"),
        ("202612", "本月合计", "569700"), ("202612", "本年累计", "569700"), ("202612", "结转下年", "569700"),
    ]  # fmt: skip


def test_columnar_by_category_and_by_institution(employees):
    with employees.tx() as tx:
        grid = columnar_grid(tx, employees.book, "5001", By.CATEGORY, period=202610)
        parties = columnar_grid(tx, employees.book, "1101", By.PARTY, period=202610)
    titles = {column.title: column.key for column in grid.columns}
    sums = rows(grid)[-1]
    assert int(sums[titles["住院"]]) == 90_000
    for one in rows(grid):
        if one["date"] is not None:
            moved = int(one["debit"] or 0) - int(one["credit"] or 0)
            assert moved == sum(
                int(one[key]) for key in titles.values() if key.startswith("kind") and one[key]
            )
    kinds = {column.title: column.key for column in parties.columns}
    assert int(rows(parties)[-1][kinds["430000"]]) == 30_000
    assert int(rows(parties)[-1][kinds["H42010000001"]]) == 5_000


def test_bank_journal_balances_every_day(employees):
    employees.post(date(2026, 11, 12), debit(1004, 11, BANK), credit(42010101, 11))
    with employees.tx() as tx:
        grid = bank_journal_grid(tx, employees.book, "1004", "42001", period=202611)
        with pytest.raises(InvalidInput):
            bank_journal_grid(tx, employees.book, "1101")
    days = [one for one in rows(grid) if one["summary"] == "本日合计"]
    assert [(one["date"], one["debit"], one["credit"], one["balance"]) for one in days] == [
        ("2026-11-10", "9000", "300", "569700"),
        ("2026-11-12", "11", "0", "569711"),
    ]
    assert rows(grid)[0]["balance"] == "561000"
    payment = row(grid, credit="300", date="2026-11-10", debit=None)
    assert payment["other_accounts"] == "5201 转移支出"


def test_journal_has_every_line_and_turns_pages(employees):
    with employees.tx() as tx:
        whole = journal_grid(tx, employees.book, (date(2026, 10, 1), date(2026, 12, 31)))
        booked = tx.rows(
            "SELECT e.series || '-' || e.period || '-' || e.vno, l.account::text, l.side * l.amount_fen"
            " FROM books.entry e JOIN books.leg l USING (region, fund, period, seq) ORDER BY e.voucher_date, e.seq, l.n"
        )
        pages, after = [], "0001-01-01.0"
        while after:
            page = journal_grid(
                tx,
                employees.book,
                (date(2026, 10, 1), date(2026, 12, 31)),
                after=parse_cursor(after),
                entries=4,
            )
            pages += [one for one in rows(page) if not one.get("total")]
            after = page.facts["next"]
    lines = [one for one in rows(whole) if not one.get("total")]
    assert pages == lines
    told = [(one["voucher"], one["code"], int(one["debit"] or 0) - int(one["credit"] or 0)) for one in lines]
    assert told == [(number, code, fen) for number, code, fen in booked]
    assert lines[0]["kind"] == "期初"
    total = rows(whole)[-1]
    assert total["debit"] == total["credit"] != "0"


def found(desk, **wanted):
    with desk.tx() as tx:
        return sorted({line.voucher for line in find(tx, desk.book, Wanted(**wanted))})


def test_find_by_everything_that_is_known(employees):
    with employees.tx() as tx:
        summaries = dict(
            tx.rows("SELECT summary, series || '-' || period || '-' || vno FROM books.entry ORDER BY seq")
        )
        lines = tx.rows(
            "SELECT DISTINCT e.series || '-' || e.period || '-' || e.vno, abs(l.amount_fen), d.counterparty, l.account::text"
            " FROM books.entry e JOIN books.leg l USING (region, fund, period, seq) JOIN books.dim d USING (region, dim)"
        )
    for summary, number in summaries.items():
        assert found(employees, number=number) == [number]
        assert number in found(employees, words=summary[-3:])
    for fen in {line[1] for line in lines}:
        assert found(employees, least_fen=fen) == sorted({line[0] for line in lines if line[1] == fen})
    for party in {line[2] for line in lines} - {""}:
        assert found(employees, party=party) == sorted({line[0] for line in lines if line[2] == party})
    between = {line[0] for line in lines if 5_000 <= line[1] <= 60_000}
    assert found(employees, least_fen=5_000, most_fen=60_000) == sorted(between)
    assert found(employees, account="5001", party="H42010000001") == sorted(
        {line[0] for line in lines if line[3].startswith("5001")}
        & {line[0] for line in lines if line[2] == CARE[0]}
    )
    assert found(employees, first=date(2026, 11, 1), last=date(2026, 11, 30)) == sorted(
        number for number in summaries.values() if "-202611-" in number
    )
    assert found(employees, evidence="k3") == [summaries["测试k3"]]
    assert found(employees, maker="zhang") == sorted(summaries.values())
    assert found(employees, maker="nobody") == found(employees, number="记-202610-9999") == []
    assert found(employees, number=summaries["测试k3"], words="不是它") == []
    with pytest.raises(InvalidInput):
        require_something(Wanted())


@pytest.fixture
def run(database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_HOME", str(database.settings.home))
    get_settings.cache_clear()

    def invoke(*words, user="acc"):
        monkeypatch.setattr(acting.ACTING, "user", user)
        done = CliRunner().invoke(app, words)
        acting.close_apps()
        return done

    yield invoke
    get_settings.cache_clear()


EVERY_BOOK = [
    ("trial-balance", "--period", "202610", "--level", "2"),
    ("general-ledger", "--period", "202610"),
    ("sub-ledger", "--account", "1004", "--period", "202610"),
    ("columnar", "--account", "5001", "--period", "202610"),
    ("journal", "--from", "2026-10-01", "--to", "2026-10-31"),
    ("bank-journal", "--account", "1004", "--period", "202610"),
    ("find", "--amount", "400.00"),
]


@pytest.mark.parametrize("words", EVERY_BOOK)
def test_every_book_comes_in_every_shape_and_only_to_whom_it_may(employees, run, words):
    employees.post(date(2026, 10, 30), debit(1004, -5, Dimensions("=1+1")), credit(41010101, -5))
    book = () if words[0] == "find" else ("--book", "420100-310")
    told = json.loads(run(*words, *book, "--format", "json").stdout)
    money = [column["key"] for column in told["columns"] if column["kind"] == "money"]
    assert money
    assert told["rows"]
    for one in told["rows"]:
        assert all(one[key] is None or isinstance(one[key], str) for key in money)
    table = list(csv.reader(io.StringIO(run(*words, *book, "--format", "csv").stdout)))
    assert table[0] == [column["title"] for column in told["columns"]]
    assert len(table) == len(told["rows"]) + 1
    assert not any(cell.startswith("=") for line in table for cell in line)
    page = run(*words, *book, "--format", "html").stdout
    assert page.count("<tr") == len(told["rows"]) + 1
    assert told["title"] in run(*words, *book).stdout
    denied = run(*words, *book, "--format", "json", user="stranger")
    assert denied.exit_code == 1
    assert denied.stdout == ""
