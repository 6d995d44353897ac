"""PDFs: every page has its head, every word and amount can be read back, the face is embedded, same rows same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.money import yuan_grouped
from reports.render.grid import Column, Grid, Line
from reports.render.paper import Paper
from reports.render.pdf.form import ROWS_MAX
from reports.render.pdf.typeface import Typeface
from reports.render.pdf.write import write
from reports.rmb import rmb_upper

COLUMNS = [
    Column("day", "日期", "day"),
    Column("summary", "摘要"),
    Column("account", "会计科目"),
    Column("debit", "借方金额", "money"),
    Column("credit", "贷方金额", "money"),
]
HEADS = ["账套：420100-310 武汉市职工基本医疗保险基金　会计期间：2026.10　单位：元"]
SIGNERS = ["会计主管：", "记账：张三", "复核：李四", "制单：王五"]
MEMO = '日拨付 #read("/etc/passwd") *x* $y$ 武汉市第一医院㛃䶮𫖯'


def rows(count: int) -> Iterator[Line]:
    for n in range(count):
        fen = -(n * 7919 + 1) if n % 3 == 0 else n * 7919 + 1
        yield Line([date(2026, 10, n % 28 + 1), f"{MEMO}第{n}行", "5001010101 住院", fen, None])
    total = sum(-(n * 7919 + 1) if n % 3 == 0 else n * 7919 + 1 for n in range(count))
    yield Line([None, "合计", f"人民币{rmb_upper(total)}", total, None], total=True)


def grid(count: int) -> Grid:
    return Grid(
        "t", "明细账", COLUMNS, list(rows(count)), heads=HEADS, notes=["依据：第12块"], signers=SIGNERS
    )


def pages(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as document:
        return [page.get_textpage().get_text_bounded() for page in document]


def joined(text: str) -> str:
    """Without the breaks that lines and columns make."""
    return re.sub(r"\s|\u200b", "", text)


@pytest.mark.parametrize("count", [3, 60, ROWS_MAX + 50])
@pytest.mark.parametrize("paper", list(Paper))
def test_every_page_has_the_head_and_every_row_is_there(tmp_path: Path, count: int, paper: Paper) -> None:
    path = tmp_path / "o.pdf"
    write([grid(count)], path, paper)
    found = pages(path)
    for n, text in enumerate(found, 1):
        assert "明细账" in text
        assert joined(HEADS[0]) in joined(text)
        assert all(column.title in text for column in COLUMNS)
        assert f"第{n}页共{len(found)}页" in joined(text)
    whole = joined("".join(found))
    for head in (*HEADS, "明细账", "".join(column.title for column in COLUMNS)):
        whole = whole.replace(joined(head), "")
    whole = re.sub(r"第\d+页共\d+页", "", whole)
    assert [int(n) for n in re.findall(r"𫖯第(\d+)行", whole)] == list(range(count))
    assert joined(MEMO) in whole
    for line in rows(count):
        fen = line.cells[3]
        assert isinstance(fen, int)
        assert f"{fen / 100:,.2f}" in whole
    assert joined(str(list(rows(count))[-1].cells[2])) in whole
    assert all(joined(signer) in whole for signer in SIGNERS)
    with pypdfium2.PdfDocument(path) as document:
        width, height = document[0].get_size()
    assert [round(side * 25.4 / 72) for side in (width, height)] == list(paper.size_mm)


@pytest.mark.parametrize("count", [3, ROWS_MAX + 50])
def test_a_red_letter_is_red_and_the_face_embedded(tmp_path: Path, count: int) -> None:
    path = tmp_path / "o.pdf"
    write([grid(count)], path)
    with pypdfium2.PdfDocument(path) as document:
        bitmap = document[0].render(scale=2, rev_byteorder=True)
        seen = bytes(bitmap.buffer)
        channels = bitmap.n_channels
    reds = sum(
        1
        for at in range(0, len(seen), channels)
        if seen[at] > 180 and seen[at + 1] < 60 and seen[at + 2] < 60
    )
    assert reds > 20
    assert b"/FontFile3" in path.read_bytes() or b"NotoSerifSC" in path.read_bytes()


@pytest.mark.parametrize("count", [3, ROWS_MAX + 50])
def test_same_rows_same_bytes(tmp_path: Path, count: int) -> None:
    for name in ("a", "b"):
        write([grid(count)], tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("count", [1, ROWS_MAX + 50])
def test_what_the_face_lacks_is_a_number(tmp_path: Path, count: int) -> None:
    path = tmp_path / "o.pdf"
    write(
        [Grid("t", "表", [Column("a", "文字")], [Line([f"甲\U0001f600乙{n}"]) for n in range(count)])], path
    )
    assert "甲[U+1F600]乙0" in joined("".join(pages(path)))


def test_an_amount_wider_than_the_sample_keeps_every_digit(tmp_path: Path) -> None:
    lines = [Line([None, "x", "y", 1, None]) for _ in range(ROWS_MAX + 50)]
    lines.append(Line([None, "x", "y", -(10**17) + 1, None]))
    path = tmp_path / "o.pdf"
    write([Grid("t", "表", COLUMNS, lines)], path, Paper.A5)
    assert "-999,999,999,999,999.99" in "".join(pages(path))


def test_a_cell_higher_than_a_page_goes_on(tmp_path: Path) -> None:
    words = "".join(chr(0x4E00 + n % 5000) for n in range(6000))
    lines = [Line(["甲"]), Line([words]), *[Line(["乙"])] * (ROWS_MAX + 10)]
    path = tmp_path / "o.pdf"
    write([Grid("t", "账", [Column("a", "列头")], lines)], path, Paper.A5)
    whole = joined("".join(pages(path)))
    for part in ("账", "列头"):
        whole = whole.replace(part, "")
    whole = re.sub(r"第\d+页共\d+页", "", whole)
    assert words.replace("账", "") in whole
    assert whole.count("乙") >= ROWS_MAX + 10


def test_several_tables_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "o.pdf"
    write([grid(3), grid(3)], path, Paper.A4)
    found = pages(path)
    assert len(found) == 2
    assert "第2页共2页" in joined(found[1])
    write([grid(3), grid(ROWS_MAX + 10), grid(2)], path, Paper.A4)
    found = pages(path)
    assert joined(found[-1]).endswith(f"第{len(found)}页共{len(found)}页")
    assert "第1行" in joined(found[-1])


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.sampled_from("字A1 ，。-x"), max_size=80), st.integers(20, 200))
def test_breaking_loses_only_the_space_at_the_break(text: str, room: int) -> None:
    face = _face()
    found = face.lines(text, room, 8.0)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    assert all(face.width(line) * 8 / 1000 <= room + 0.01 or len(line) <= 2 for line in found)


_FACES: list[Typeface] = []


def _face() -> Typeface:
    if not _FACES:
        _FACES.append(Typeface())
    return _FACES[0]


@pytest.mark.parametrize("paper", list(Paper))
def test_a_book_carries_its_sums_over_every_page(tmp_path: Path, paper: Paper) -> None:
    """过次页 is what the rows up to here come to, 承前页 says the same on the next page; the last page carries nothing on."""
    columns = [*COLUMNS, Column("side", "方向"), Column("balance", "余额", "money")]
    lines: list[Line] = [Line([None, "期初余额", "", None, None, "借", 50])]
    balance = 50
    for n in range(1, 151):
        debit = -n if n % 10 == 0 else 100 * n
        balance += debit
        lines.append(Line([date(2026, 10, 1), f"第{n}笔" * (1 + n % 7), "", debit, None, "借", balance]))
        if n % 40 == 0:
            lines.append(Line([None, "本日合计", "", 999_999, None, "借", balance], total=True))
    table = Grid(
        "t",
        "日记账",
        columns,
        lines,
        heads=HEADS,
        page_sums=("debit", "credit"),
        page_last=("side", "balance"),
    )
    path = tmp_path / "o.pdf"
    write([table], path, paper)
    found = [joined(text) for text in pages(path)]
    assert len(found) > 3
    said, booked, stood = [], 0, 50
    for n, text in enumerate(found):
        numbers = [int(number) for number in dict.fromkeys(re.findall(r"第(\d+)笔", text))]
        if n:
            assert f"承前页{said[-1]}" in text
        for number in numbers:
            debit = -number if number % 10 == 0 else 100 * number
            booked, stood = booked + debit, stood + debit
        said.append(f"{yuan_grouped(booked)}0.00借{yuan_grouped(stood)}")
        assert (f"过次页{said[-1]}" in text) == (n < len(found) - 1), text
    assert booked == sum(-n if n % 10 == 0 else 100 * n for n in range(1, 151))
