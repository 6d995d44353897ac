"""`report ... --format xlsx|pdf --out FILE`: the same figures as the JSON, in a workbook and on paper."""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pypdfium2
import pytest
import typer
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from ledger.cli.books import report as report_module
from ledger.cli.books.report import app as report_app
from ledger.cli.line import acting
from ledger.core.errors import InvalidInput
from ledger.settings import get_settings
from reports.rmb import rmb_upper

BOOK = ("--book", "420100-310")


@pytest.fixture
def run(database, monkeypatch):
    app = typer.Typer()
    app.add_typer(report_app, name="report")
    monkeypatch.setenv("DATABASE_URL", database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_HOME", str(database.settings.home))
    monkeypatch.setattr(acting.ACTING, "user", "acc")
    get_settings.cache_clear()

    def invoke(*words):
        done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
        acting.close_apps()
        assert done.exit_code == 0, done.output
        return done.stdout

    yield invoke
    get_settings.cache_clear()


def cells(path):
    book = CalamineWorkbook.from_path(str(path))
    return book.get_sheet_by_index(0).to_python(), dict(
        row[:2] for row in book.get_sheet_by_name("控制表").to_python()
    )


def printed(path):
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def fen(value):
    return round(Decimal(repr(value)) * 100)


def grouped(value):
    return f"{Decimal(value).scaleb(-2):,.2f}"


def test_the_trial_balance_as_files(busy_desk, run, tmp_path):
    command = ("report", "trial-balance", *BOOK, "--period", "202610")
    document = json.loads(run(*command, "--format", "json"))
    assert run(*command, "--format", "xlsx", "--out", tmp_path / "o.xlsx") == ""
    rows, control = cells(tmp_path / "o.xlsx")
    body = [row for row in rows if re.fullmatch(r"\d{4,}", str(row[0]))]
    assert len(body) == len(document["rows"]) == int(control["明细行数"])
    by_section = [row for row in document["rows"] if row["section"] == "statutory"] + [
        row for row in document["rows"] if row["section"] != "statutory"
    ]
    for row, told in zip(body, by_section, strict=True):
        assert (row[0], row[1], row[3], row[7]) == (
            told["code"],
            told["name"],
            "借" if int(told["opening_fen"]) > 0 else "贷" if int(told["opening_fen"]) < 0 else "平",
            told["side"],
        )
        assert [fen(row[n]) for n in (4, 5, 6, 8)] == [
            abs(int(told["opening_fen"])),
            int(told["debit_fen"]),
            int(told["credit_fen"]),
            abs(int(told["closing_fen"])),
        ]
    assert control["本期借方（控制合计）"] == grouped(document["totals"]["debit_fen"])
    assert control["recorded_at"] == document["known_at"]["recorded_at"]

    run(*command, "--format", "pdf", "--out", tmp_path / "o.pdf")
    pages = printed(tmp_path / "o.pdf")
    whole = "".join(pages)
    assert all("科目余额表" in page and "2026.10" in page for page in pages)
    for row in document["rows"]:
        assert grouped(row["debit_fen"]) in whole
        assert row["name"] in re.sub(r"\s", "", whole)
    for totals in document["totals"]["sections"].values():
        assert grouped(totals["debit_fen"]) in whole
    assert document["known_at"]["hash"][:16] in whole


def test_the_whole_ledger_goes_to_a_file(busy_desk, run, tmp_path, monkeypatch):
    monkeypatch.setattr(report_module, "FILE_ENTRIES", 3)
    command = ("report", "general-ledger", *BOOK, "--account", "110105")
    document = json.loads(run(*command, "--limit", "100000", "--format", "json"))
    run(*command, "--limit", "3", "--format", "xlsx", "--out", tmp_path / "o.xlsx")
    rows, _ = cells(tmp_path / "o.xlsx")
    at = next(n for n, row in enumerate(rows) if row[0] == "日期") + 1
    body = [row for row in rows[at:] if row[8] in ("借", "贷", "平")]
    assert len(body) == len(document["lines"])
    for row, told in zip(body, document["lines"], strict=True):
        assert fen(row[9]) == abs(int(told["balance_fen"]))
        assert row[8] == told["side"]
        if told["kind"] == "entry":
            assert row[1] == told["voucher"]
            amounts = [fen(row[n]) if row[n] != "" else 0 for n in (6, 7)]
            assert amounts == [int(told["debit_fen"]), int(told["credit_fen"])]
    run(*command, "--format", "pdf", "--out", tmp_path / "o.pdf")
    whole = re.sub(r"\s", "", "".join(printed(tmp_path / "o.pdf")))
    for told in document["lines"]:
        if told["kind"] == "entry":
            assert told["voucher"] in whole


@pytest.mark.parametrize("shape", ["pdf", "xlsx"])
def test_a_voucher_as_a_file(busy_desk, run, tmp_path, shape):
    out = tmp_path / f"o.{shape}"
    document = json.loads(run("report", "voucher", "1", *BOOK, "--format", "json"))
    run("report", "voucher", "1", *BOOK, "--format", shape, "--out", out)
    if shape == "xlsx":
        rows, _ = cells(out)
        text = "".join(str(cell) for row in rows for cell in row)
    else:
        (page,) = printed(out)
        text = re.sub(r"\s", "", page)
        with pypdfium2.PdfDocument(out) as paper:
            assert [round(side * 25.4 / 72) for side in paper[0].get_size()] == [210, 148]
    for line in document["lines"]:
        assert line["code"] in text
        assert line["name"] in text
    for sums in document["totals"].values():
        assert "人民币" + rmb_upper(int(sums["debit_fen"])) in text
    assert all(f"{role}：" in text for role in ("会计主管", "记账", "复核", "出纳", "制单"))


def test_a_file_is_named_and_can_be_written(busy_desk, run, tmp_path):
    with pytest.raises(InvalidInput, match="--out"):
        run("report", "trial-balance", *BOOK, "--format", "xlsx")
    with pytest.raises(InvalidInput, match="不能写入"):
        run("report", "trial-balance", *BOOK, "--format", "xlsx", "--out", tmp_path / "no" / "o.xlsx")
    with pytest.raises(InvalidInput, match="不能写入"):
        run("report", "voucher", "1", *BOOK, "--format", "pdf", "--out", tmp_path / "no" / "o.pdf")
    assert list(tmp_path.iterdir()) == []
