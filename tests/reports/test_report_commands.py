"""`fundledger report` and `fundledger export` as people and programs call them."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from ledger.cli.books.export import export
from ledger.cli.books.report import app as report_app
from ledger.cli.line import acting
from ledger.core.cells import cell
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import InvalidInput
from ledger.settings import get_settings
from reports.render import terminal, text_csv
from reports.trial_balance import trial_balance


@pytest.fixture
def run(database, monkeypatch):
    """Run `report ...` or `export ...` as the accountant; standard output."""
    app = typer.Typer()
    app.add_typer(report_app, name="report")
    app.command("export")(export)
    monkeypatch.setenv("DATABASE_URL", database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_HOME", str(database.settings.home))
    monkeypatch.setattr(acting.ACTING, "user", "acc")
    get_settings.cache_clear()

    def invoke(*words):
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        acting.close_apps()
        assert done.exit_code == 0, done.output
        return done.stdout

    yield invoke
    get_settings.cache_clear()


BOOK = ("--book", "420100-310")


def test_the_trial_balance_in_three_shapes(busy_desk, run):
    command = ("report", "trial-balance", *BOOK, "--period", "202610", "--as-of", "2026-10-09")
    document = json.loads(run(*command, "--format", "json").splitlines()[-1])
    assert set(document["rows"][0]) == {
        "code", "name", "dimensions", "section", "side", "opening_fen", "debit_fen", "credit_fen", "closing_fen",
    }  # fmt: skip
    with busy_desk.tx() as tx:
        report = trial_balance(tx, busy_desk.book, 202610, date(2026, 10, 9))
    assert document == report.as_json()
    again = run(*command, "--format", "json", "--known-at", document["known_at"]["recorded_at"])
    assert json.loads(again) == document

    for row in document["rows"]:
        closing = int(row["opening_fen"]) + int(row["debit_fen"]) - int(row["credit_fen"])
        assert int(row["closing_fen"]) == closing
        assert row["side"] == ("借" if closing > 0 else "贷" if closing < 0 else "平")
        assert not isinstance(row["closing_fen"], int | float)
    for section in document["totals"]["sections"].values():
        assert section["debit_fen"] == section["credit_fen"]

    rows = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv"))))
    leaves = [row for row in rows if row["科目编码"] != "合计"]
    assert [row["科目编码"] for row in leaves] == [row["code"] for row in document["rows"]]
    assert sum(int(row["本期借方"].replace(".", "")) for row in leaves) == int(
        document["totals"]["debit_fen"]
    )
    for row in leaves:
        assert (row["期末方向"] == "平") == (row["期末余额"] == "0.00")

    table = run(*command)
    assert "科目余额表" in table
    assert "试算平衡" in table
    assert document["known_at"]["hash"][:16] in table
    for row in document["rows"]:
        assert row["name"] in table
    assert "…" not in table


def test_the_account_ledger_in_three_shapes(busy_desk, run):
    command = ("report", "general-ledger", *BOOK, "--account", "110105", "--limit", "4")
    first = json.loads(run(*command, "--format", "json"))
    second = json.loads(
        run(
            *command,
            "--after",
            first["next"],
            "--known-at",
            first["known_at"]["recorded_at"],
            "--format",
            "json",
        )
    )
    assert second["lines"][0]["kind"] == "carried"
    assert second["lines"][0]["balance_fen"] == first["lines"][-1]["balance_fen"]
    rows = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv"))))
    assert len(rows) == len(first["lines"])
    table = run(*command, "--subfund", "pool")
    assert "明细账" in table
    assert "期初余额" in table


def test_the_voucher_in_three_shapes(busy_desk, run):
    command = ("report", "voucher", "记-202609-1", *BOOK)
    document = json.loads(run(*command, "--format", "json"))
    assert document["voucher"] == "记-202609-1"
    rows = list(csv.DictReader(io.StringIO(run(*command, "--format", "csv"))))
    assert len(rows) == len(document["lines"]) + len(document["totals"])
    table = run(*command)
    for words in ("记账凭证", "附单据", "复核：张复核", "记账：钱会计", "人民币", "会计主管", "出纳"):
        assert words in table


def test_the_export_command(busy_desk, run, tmp_path):
    out = tmp_path / "book.beancount"
    document = json.loads(
        run("export", *BOOK, "--format", "beancount", "--out", str(out), "--json").splitlines()[-1]
    )
    assert out.read_text(encoding="utf-8").count(" open ") == document["accounts"]
    assert document["known_at"]["block"] == 8
    with pytest.raises(InvalidInput, match=r"export\.file"):
        run("export", *BOOK, "--format", "ledger", "--out", str(tmp_path / "no" / "where"))


def test_red_letters_are_red_and_signed_and_formulas_are_text(desk, run):
    dims = Dimensions("=1+1", "pool", 2026, 202610, "inpatient")
    desk.post(
        date(2026, 10, 13),
        [desk.draft([debit(50010101, -123456, dims), credit(110105, -123456, dims)], "@红字冲销")],
    )
    with desk.tx() as tx:
        report = trial_balance(tx, desk.book)
    console = Console(force_terminal=True, width=200, file=io.StringIO(), color_system="standard")
    console.print(terminal.trial_balance(report))
    assert "\x1b[31m-1,234.56" in console.file.getvalue()

    rows = list(csv.DictReader(io.StringIO(text_csv.trial_balance(report))))
    assert [row["往来单位"] for row in rows[:2]] == ["'=1+1", "'=1+1"]
    assert rows[0]["本期贷方"] == "-1234.56"
    assert (rows[0]["期末方向"], rows[0]["期末余额"]) == ("借", "1234.56")
    voucher = list(csv.DictReader(io.StringIO(run("report", "voucher", "1", *BOOK, "--format", "csv"))))
    assert voucher[0]["摘要"] == "'@红字冲销"
    assert voucher[0]["借方"] == "-1234.56"


@pytest.mark.fault(58)
def test_control_codes_of_a_name_do_not_reach_the_terminal(desk, run):
    dims = Dimensions("\x1b[2J市一院", "pool", 2026, 202610, "inpatient")
    legs = [debit(50010101, 1, dims), credit(110105, 1, dims)]
    desk.post(date(2026, 10, 13), [desk.draft(legs, "[red]\x1b]0;标题\x07", evidence="\x1b[1m回单")])
    for words in (("trial-balance",), ("general-ledger", "--account", "110105"), ("voucher", "1")):
        table = run("report", *words, *BOOK)
        assert "市一院" in table
        assert all(char.isprintable() or char == "\n" for char in table)
    assert "[red]" in run("report", "voucher", "1", *BOOK)


@pytest.mark.fault(51)
def test_text_that_a_spreadsheet_would_run():
    for bad in ("=A1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", "＝A1", "＠x"):
        assert cell(bad) == f"'{bad}"
    for good in ("", "市一院", "a=b", "1-2"):
        assert cell(good) == good


def test_the_whole_journal_comes_in_one_call(busy_desk, run):
    out = run("export", *BOOK, "--format", "jsonl")
    entries = [json.loads(line) for line in out.split("\n")[:-1]]
    with busy_desk.tx() as tx:
        assert len(entries) == tx.value("SELECT count(*) FROM books.entry") > 50


def test_a_journal_and_a_search_take_a_period_as_every_other_report(busy_desk, run):
    def rows(word, *options):  # a memo may hold what Python takes for a line's end
        return json.loads(run("report", word, *BOOK, *options, "--format", "json"))["rows"]

    month = rows("journal", "--period", "202610")
    assert month == rows("journal", "--from", "2026-10-01", "--to", "2026-10-31") != []
    assert rows("journal", "--period", "203011") == []
    assert 0 < len(rows("journal", "--period", "202610", "--to", "2026-10-09")) < len(month)
    first, *_ = rows("find", "--period", "202610")
    assert first in rows("find", "--from", "2026-10-01", "--to", "2026-10-31")
