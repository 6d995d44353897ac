"""`fundledger report balance-sheet|income-statement` in every shape, and their exit code."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from xml.etree.ElementTree import fromstring

import pytest
from typer.testing import CliRunner

from ledger.cli.books.report import app
from ledger.cli.line import acting
from ledger.core.entries import credit, debit
from ledger.settings import get_settings
from tests.reports.statements.conftest import BANK

BOOK = ("--book", "420100-310")


@pytest.fixture
def run(employees, database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_HOME", str(database.settings.home))
    monkeypatch.setattr(acting.ACTING, "user", "acc")
    get_settings.cache_clear()

    def invoke(*words):
        done = CliRunner().invoke(app, words)
        acting.close_apps()
        return done

    yield invoke
    get_settings.cache_clear()


def test_json_csv_html_and_terminal_say_the_same(run):
    for word, keys in (
        ("balance-sheet", ("opening_fen", "closing_fen")),
        ("income-statement", ("month_fen", "year_fen")),
    ):
        told = json.loads(run(word, *BOOK, "--period", "202611", "--format", "json").stdout)
        rows = list(csv.reader(io.StringIO(run(word, *BOOK, "--period", "202611", "--format", "csv").stdout)))
        assert [row[1] for row in rows[1:]] == [row["name"] for row in told["rows"]]
        for line, row in zip(rows[1:], told["rows"], strict=True):
            assert [cell.replace(".", "") for cell in line[2:4]] == [
                row[key].zfill(3) if row[key][0] != "-" else row[key] for key in keys
            ]
        page = run(word, *BOOK, "--period", "202611", "--format", "html").stdout
        terminal = run(word, *BOOK, "--period", "202611").stdout
        for row in told["rows"]:
            assert row["printed"] in page
            assert row["printed"] in terminal
            assert f"{int(row[keys[1]]) / 100:,.2f}" in page
        assert "src=" not in page
        assert "http" not in page


def test_the_printed_sheet_is_two_sided_and_ends_with_both_totals(run):
    page = run("balance-sheet", *BOOK, "--year", "2026", "--format", "html").stdout
    body = page.partition("<tbody>")[2].partition("</tbody>")[0].replace("&emsp;", "")
    lines = [[cell.text or "" for cell in row] for row in fromstring(f"<t>{body}</t>")]  # noqa: S314 our own page
    assert [lines[0][0], lines[0][3]] == ["一、资产：", "二、负债："]
    assert [lines[-1][0], lines[-1][3]] == ["资产总计", "负债与净资产总计"]
    assert lines[-1][1:3] == lines[-1][4:6] == ["10,000.00", "14,467.34"]
    assert "待转基金" not in page


def test_what_does_not_tie_is_told_and_exits_with_1(run, employees):
    assert run("balance-sheet", *BOOK, "--period", "202611", "--format", "json").exit_code == 0
    wrong = employees.post(date(2026, 11, 20), debit(1004, 3_000, BANK), credit(5101, 3_000))
    for shape in ("json", "csv", "html", "table"):
        done = run("income-statement", *BOOK, "--period", "202611", "--format", shape)
        assert done.exit_code == 1
        assert wrong.voucher in done.stderr
        assert "社会保险待遇支出" in done.stdout


def test_a_cell_opens(run):
    cell = json.loads(
        run("income-statement", *BOOK, "--period", "202610", "--explain", "大病保险支出").stdout
    )
    assert cell["figures"] == {"month_fen": "37000", "year_fen": "37000"}
    assert [entry["counted_fen"] for entry in cell["entries"]] == ["40000", "-3000"]
    assert {entry["side"] for entry in cell["entries"]} == {"借"}
    first = json.loads(
        run("income-statement", *BOOK, "--period", "202610", "--explain", "22", "--limit", "1").stdout
    )
    rest = json.loads(
        run(
            "income-statement", *BOOK, "--period", "202610", "--explain", "22", "--after", first["next"]
        ).stdout
    )
    assert first["entries"] + rest["entries"] == cell["entries"]


def test_both_or_neither_span_is_refused(run):
    for words in ((), ("--period", "202610", "--year", "2026")):
        assert run("balance-sheet", *BOOK, *words).exception.code == "statement.span"
