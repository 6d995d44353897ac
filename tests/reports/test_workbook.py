"""Workbooks: text is text, money comes back to the fen, the control sheet proves the rows, prints are set up."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from ledger.core.errors import InvalidInput
from reports.render import xlsx
from reports.render.grid import Column, Grid, Line
from reports.render.paper import Paper

COLUMNS = [
    Column("day", "日期", "day"),
    Column("summary", "摘要"),
    Column("n", "笔数", "count"),
    Column("amount", "金额", "money"),
]
NASTY = ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "＝1", "https://x.cn", "'x", "0012", "1e5", "a&b<c>"]


def grid(lines: list[Line], **more: object) -> Grid:
    return Grid("t", "测试表", COLUMNS, lines, heads=["账套：420100-310", "单位：元"], **more)  # type: ignore[arg-type]


def sheet_xml(path: Path, n: int = 1) -> str:
    with zipfile.ZipFile(path) as book:
        return book.read(f"xl/worksheets/sheet{n}.xml").decode()


@pytest.mark.fault(51)
def test_no_text_is_ever_computed(tmp_path: Path) -> None:
    path = tmp_path / "o.xlsx"
    xlsx.write([grid([Line([date(2026, 10, 1), words, 1, 100]) for words in NASTY])], path)
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("测试表").to_python()
    assert [row[1] for row in rows[4:]] == NASTY
    assert "<f>" not in sheet_xml(path)
    assert "<hyperlink" not in sheet_xml(path)


@given(st.lists(st.integers(-(xlsx.EXACT_FEN - 1), xlsx.EXACT_FEN - 1), min_size=1, max_size=40))
def test_a_number_below_the_bound_is_the_fen(amounts: list[int]) -> None:
    """What stands in the file is the amount digit by digit, and so is the double a program makes of it, at Excel's 15 digits."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "o.xlsx"
        xlsx.write([grid([Line([None, "x", None, fen]) for fen in amounts])], path)
        written = re.findall(r'<c r="D\d+" s="\d+"><v>([^<]*)</v>', sheet_xml(path))
    assert [Decimal(text) for text in written] == [Decimal(fen).scaleb(-2) for fen in amounts]
    assert [Decimal(f"{float(text):.15G}") for text in written] == [Decimal(text) for text in written]


def test_money_comes_back_and_beyond_a_double_it_is_text(tmp_path: Path) -> None:
    path = tmp_path / "o.xlsx"
    amounts = [0, 1, -1, 29, 123456789012345, -(10**15) + 1, 10**15, 12345678901234567, -12345678901234567]
    xlsx.write([grid([Line([None, "x", None, fen]) for fen in amounts])], path)
    cells = [row[3] for row in CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()[4:]]
    assert [Decimal(repr(cell)) * 100 for cell in cells[:6]] == amounts[:6]
    assert cells[6:] == ["10,000,000,000,000.00", "123,456,789,012,345.67", "-123,456,789,012,345.67"]
    with zipfile.ZipFile(path) as book:
        styles = book.read("xl/styles.xml").decode()
    assert "#,##0.00;[Red]-#,##0.00;0.00" in styles


def test_the_control_sheet_proves_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "o.xlsx"
    lines = [
        Line([date(2026, 10, 1), "甲", 2, 1005]),
        Line([None, "乙", None, -5]),
        Line([None, "合计", 2, 1000], total=True),
    ]
    xlsx.write([grid(lines, facts={"known_at": "2026-10-02T08:00:00"})], path)
    told = {
        row[0]: row[1]
        for row in CalamineWorkbook.from_path(str(path)).get_sheet_by_name("控制表").to_python()
    }
    rows = [
        ["day", "summary", "n", "amount"],
        ["2026-10-01", "甲", 2, 1005],
        [None, "乙", None, -5],
        [None, "合计", 2, 1000],
    ]
    text = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    assert told["各行SHA-256"] == hashlib.sha256(text.encode()).hexdigest()
    assert (told["明细行数"], told["合计行数"], told["金额（控制合计）"]) == ("2", "1", "10.00")
    assert told["known_at"] == "2026-10-02T08:00:00"


@pytest.mark.parametrize(
    ("paper", "code", "across"),
    [
        (Paper.A4, "9", False),
        (Paper.A4_ACROSS, "9", True),
        (Paper.A5, "11", False),
        (Paper.A5_ACROSS, "11", True),
    ],
)
def test_the_print_is_set_up(tmp_path: Path, paper: Paper, code: str, across: bool) -> None:
    path = tmp_path / "o.xlsx"
    xlsx.write([grid([Line([None, "x", 1, 1])])], path, paper)
    text = sheet_xml(path)
    assert f'paperSize="{code}"' in text
    assert ('orientation="landscape"' in text) is across
    assert '<pane ySplit="4"' in text
    assert "第 &amp;P 页 共 &amp;N 页" in text
    with zipfile.ZipFile(path) as book:
        assert "_xlnm.Print_Titles" in book.read("xl/workbook.xml").decode()
        assert "!$1:$4" in book.read("xl/workbook.xml").decode()


def test_a_full_sheet_goes_on_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "ROWS_MAX", 10)
    path = tmp_path / "o.xlsx"
    xlsx.write([grid([Line([None, str(n), n, n]) for n in range(20)], signers=["复核："])], path)
    book = CalamineWorkbook.from_path(str(path))
    assert book.sheet_names[:2] == ["测试表", "测试表(2)"]
    seen = [
        row[1]
        for name in book.sheet_names[:-1]
        for row in book.get_sheet_by_name(name).to_python()[4:]
        if row[1]
    ]
    assert seen == [str(n) for n in range(20)]


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        xlsx.write([grid([Line([None, "x", 1, 1])])], tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_nothing_is_cut_in_silence(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="32767"):
        xlsx.write([grid([Line([None, "字" * 32_768, 1, 1])])], tmp_path / "o.xlsx")
