"""The detail and result files of 3202: what is written is read back; what is wrong is refused with its place."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.errors import InvalidInput
from ledger.fund.reconcile.file import (
    TEXT_BYTES_MAX,
    DetailRow,
    ResultRow,
    read_detail,
    write_detail,
    write_result,
)

GOOD = b"S1\tM1\tP1\t120.00\t100.00\t0.00\t0\n"


def packed(text: bytes, name: str = "detail.txt") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return out.getvalue()


keys = st.text(
    st.characters(min_codepoint=33, max_codepoint=122, categories=("L", "N")), min_size=1, max_size=30
)
money = st.integers(-(10**12), 10**12)
rows = st.lists(
    st.builds(DetailRow, keys.filter(lambda key: key != "null"), keys.filter(lambda key: key != "null") | st.just(""),
              keys.filter(lambda key: key != "null"), money, money, money, st.sampled_from("01")),
    unique_by=lambda row: row.setl_id, max_size=20,
)  # fmt: skip


@given(rows)
def test_what_is_written_is_read_back(made: list[DetailRow]) -> None:
    assert read_detail(write_detail(made, "detail.txt")) == made


def test_the_shape_on_paper() -> None:
    row = DetailRow("S1", "", "P1", 12_000, -10_000, 5, "1")
    with zipfile.ZipFile(io.BytesIO(write_detail([row], "d.txt"))) as archive:
        assert archive.read("d.txt") == b"S1\tnull\tP1\t120.00\t-100.00\t0.05\t1\n"
    result = ResultRow("P1", "M1", "S1", "", "3", "0", "数据不一致", 1, 2, 3)
    with zipfile.ZipFile(io.BytesIO(write_result([result], "r.txt"))) as archive:
        assert archive.read("r.txt").decode() == "P1\tM1\tS1\tnull\t3\t0\t数据不一致\t0.01\t0.02\t0.03\n"
    assert write_detail([row], "d.txt") == write_detail([row], "d.txt")


def test_exp_content_null_flag_and_crlf_pass() -> None:
    (row,) = read_detail(packed(b"S1\tnull\tnull\t1\t1\t0\tnull\t{}\r\n"))
    assert row == DetailRow("S1", "", "", 100, 100, 0, "0")
    assert read_detail(packed(b"")) == []


@pytest.mark.parametrize(
    ("text", "code", "line", "field"),
    [
        (GOOD + "S2\tM\t张\t1\t1\t0\t0\n".encode("gb18030"), "reconcile.encoding", 2, ""),
        ("\ufeff".encode() + GOOD, "reconcile.encoding", 1, ""),
        (GOOD + b"S2\tM\tP\t1\t1\t0\n", "reconcile.columns", 2, ""),
        (GOOD + b"S2\tM\tP\t1\t1\t0\t0\t\tx\n", "reconcile.columns", 2, ""),
        (GOOD + b"\n" + GOOD, "reconcile.columns", 2, ""),
        (GOOD + b"S2\tM\tP\t1e3\t1\t0\t0\n", "reconcile.value", 2, "medfee_sumamt"),
        (GOOD + b"S2\tM\tP\t1\t1.005\t0\t0\n", "reconcile.value", 2, "fund_pay_sumamt"),
        (GOOD + b"S2\tM\tP\t1\t1\tnull\t0\n", "reconcile.value", 2, "acct_pay"),
        (GOOD + b"S2\tM\tP\t1\tNaN\t0\t0\n", "reconcile.value", 2, "fund_pay_sumamt"),
        (GOOD + b"S2\tM\tP\t1,000.00\t1\t0\t0\n", "reconcile.value", 2, "medfee_sumamt"),
        (GOOD + b"S2\tM\tP\t1\t1\t0\t2\n", "reconcile.value", 2, "refd_setl_flag"),
        (GOOD + b"null\tM\tP\t1\t1\t0\t0\n", "reconcile.value", 2, "setl_id"),
        (GOOD + b"S 2\tM\tP\t1\t1\t0\t0\n", "reconcile.value", 2, "setl_id"),
        (GOOD + b"S2\tM\x00\tP\t1\t1\t0\t0\n", "reconcile.value", 2, "mdtrt_id"),
        (GOOD + GOOD, "reconcile.duplicate", 2, "setl_id"),
    ],
)
def test_bad_lines_are_refused_with_line_field_and_rule(
    text: bytes, code: str, line: int, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_detail(packed(text))
    assert refused.value.code == code
    assert (refused.value.details["line"], refused.value.details["field"]) == (line, field)
    assert f"第{line}行" in refused.value.message
    assert field in refused.value.message


@pytest.mark.fault(49)
@pytest.mark.parametrize(
    "name", ["../detail.txt", "a/detail.txt", "/etc/passwd", "..\\detail.txt", ".hidden", "C:x"]
)
def test_a_path_in_the_archive_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="不得带目录") as refused:
        read_detail(packed(GOOD, name))
    assert refused.value.code == "reconcile.zip"


@pytest.mark.fault(49)
def test_a_zip_bomb_is_refused_before_it_opens() -> None:
    bomb = packed(b"0" * 40_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(InvalidInput, match="拒收"):
        read_detail(bomb)


@pytest.mark.fault(49)
def test_a_directory_that_lies_about_size_is_refused() -> None:
    honest = packed(b"0" * 10_000_000)
    lying = honest.replace((10_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(InvalidInput) as refused:
        read_detail(lying)
    assert refused.value.code == "reconcile.zip"


@pytest.mark.parametrize(
    "content",
    [b"", b"not a zip", packed(GOOD)[:-8], packed(GOOD)[:40]],
    ids=[
        "empty",
        "text",
        "end cut off",
        "middle cut off",
    ],  # the bytes hold the time, which differs between workers
)
def test_what_is_no_zip_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match="ZIP"):
        read_detail(content)


def test_two_files_a_damaged_one_and_none_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", GOOD)
        archive.writestr("b.txt", GOOD)
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w"):
        pass
    whole = bytearray(packed(GOOD * 50))
    whole[45] ^= 0xFF
    for content in (out.getvalue(), empty.getvalue(), bytes(whole)):
        with pytest.raises(InvalidInput) as refused:
            read_detail(content)
        assert refused.value.code == "reconcile.zip"
    assert TEXT_BYTES_MAX >= 256 << 20
