"""The files of interface 3202 对明细账: TAB-separated UTF-8 text without header, `null` for empty, alone in a ZIP.

Detail file (platform-fields.md 3.2): setl_id, mdtrt_id, psn_no, medfee_sumamt, fund_pay_sumamt, acct_pay, refd_setl_flag
[, exp_content]. Result file: psn_no, mdtrt_id, setl_id, msgid, stmt_rslt, refd_setl_flag, memo, medfee_sumamt,
fund_pay_sumamt, acct_pay, the amounts being the centre's (the institution's own where the centre has none).
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan

ZIP_BYTES_MAX: Final = 64 << 20
TEXT_BYTES_MAX: Final = 256 << 20
"""Some two million rows: more than any institution settles in a month."""
EXPANSION_MAX: Final = 200
"""Text of this kind packs about one to ten; beyond this it is made to exhaust the reader."""

_COLUMNS: Final = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "refd_setl_flag",
)
_AMOUNTS: Final = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")
_KEY: Final = re.compile(r"[!-{}~]{1,30}", re.ASCII)
_NAME: Final = re.compile(r"[\w.-]{1,200}")
_NULL: Final = "null"
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)
"""The same rows give the same bytes, whenever they are written."""


class DetailRow(NamedTuple):
    """A row of the detail file; money in fen."""

    setl_id: str
    mdtrt_id: str
    psn_no: str
    medfee_fen: int
    fund_fen: int
    acct_fen: int
    refd_setl_flag: str


class ResultRow(NamedTuple):
    """A row of the result file; money in fen."""

    psn_no: str
    mdtrt_id: str
    setl_id: str
    msgid: str
    stmt_rslt: str
    """0 平, 1 中心多, 2 医药机构多, 3 数据不一致."""
    refd_setl_flag: str
    memo: str
    medfee_fen: int
    fund_fen: int
    acct_fen: int


def read_detail(packed: bytes) -> list[DetailRow]:
    """The rows of an institution's detail file.

    Raises InvalidInput naming line, field and rule: `reconcile.zip` (not one plain file in a ZIP, a path in its name,
    packed beyond reason), `reconcile.encoding`, `reconcile.columns`, `reconcile.value`, `reconcile.duplicate`.
    """
    name, text = _unpack(packed)
    rows: list[DetailRow] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(_lines(name, text), 1):
        row = _detail_row(name, number, line)
        if row.setl_id in seen:
            raise InvalidInput(
                "reconcile.duplicate",
                f"{name}第{number}行 setl_id：结算{row.setl_id}与第{seen[row.setl_id]}行重复",
                line=number,
                field="setl_id",
            )
        seen[row.setl_id] = number
        rows.append(row)
    return rows


def _unpack(packed: bytes) -> tuple[str, bytes]:
    if len(packed) > ZIP_BYTES_MAX:
        raise InvalidInput("reconcile.zip", f"对账文件超过{ZIP_BYTES_MAX >> 20}MB")
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = archive.infolist()
            if len(members) != 1:
                raise InvalidInput("reconcile.zip", f"对账压缩包内应只有一个文件，实有{len(members)}个")
            member = members[0]
            if not _NAME.fullmatch(member.filename) or member.filename.startswith("."):
                raise InvalidInput(
                    "reconcile.zip",
                    f"对账压缩包内的文件名“{member.filename[:80]}”不合规：不得带目录",
                    file=member.filename[:80],
                )
            if member.flag_bits & 1:
                raise InvalidInput("reconcile.zip", f"对账文件{member.filename}已加密，无法读取")
            limit = min(TEXT_BYTES_MAX, max(1, member.compress_size) * EXPANSION_MAX)
            with archive.open(member) as file:
                text = file.read(limit + 1)  # what is there, not what the directory claims
            if len(text) > limit:
                raise InvalidInput("reconcile.zip", f"对账文件{member.filename}解压后超出{limit}字节，拒收")
            return member.filename, text
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, UnicodeError, OSError):
        raise InvalidInput("reconcile.zip", "对账文件不是完好的ZIP压缩包") from None


def _lines(name: str, text: bytes) -> Iterator[str]:
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise InvalidInput(
            "reconcile.encoding", f"{name}第{line}行：应为UTF-8编码", line=line, field=""
        ) from None
    if decoded.startswith("\ufeff"):
        raise InvalidInput("reconcile.encoding", f"{name}第1行：应为不带BOM的UTF-8", line=1, field="")
    lines = decoded.split("\n")
    if lines[-1] == "":
        lines.pop()
    return (line.removesuffix("\r") for line in lines)


def _detail_row(name: str, number: int, line: str) -> DetailRow:
    cells = line.split("\t")
    if len(cells) not in {len(_COLUMNS), len(_COLUMNS) + 1}:
        raise InvalidInput(
            "reconcile.columns",
            f"{name}第{number}行：应有{len(_COLUMNS)}列（可另有exp_content），实有{len(cells)}列",
            line=number,
            field="",
        )
    values = dict(zip(_COLUMNS, ("" if cell == _NULL else cell for cell in cells), strict=False))
    fen = {field: _fen(name, number, field, values[field]) for field in _AMOUNTS}
    flag = values["refd_setl_flag"] or "0"
    if flag not in {"0", "1"}:
        raise _bad(name, number, "refd_setl_flag", "应为0、1或null")
    for field in ("setl_id", "mdtrt_id", "psn_no"):
        if not (_KEY.fullmatch(values[field]) or (field != "setl_id" and values[field] == "")):
            raise _bad(name, number, field, "应为1至30位可见ASCII字符")
    return DetailRow(
        values["setl_id"], values["mdtrt_id"], values["psn_no"],
        fen["medfee_sumamt"], fen["fund_pay_sumamt"], fen["acct_pay"], flag,
    )  # fmt: skip


def _fen(name: str, number: int, field: str, text: str) -> int:
    try:
        return parse_fen(text)
    except InvalidInput as error:
        raise _bad(name, number, field, error.message) from None


def _bad(name: str, number: int, field: str, rule: str) -> InvalidInput:
    return InvalidInput("reconcile.value", f"{name}第{number}行 {field}：{rule}", line=number, field=field)


def write_detail(rows: Iterable[DetailRow], name: str) -> bytes:
    """Our own detail file, packed; `name` is the text's name inside."""
    return _pack(
        name,
        (
            (r.setl_id, r.mdtrt_id, r.psn_no, yuan(r.medfee_fen), yuan(r.fund_fen), yuan(r.acct_fen), r.refd_setl_flag)
            for r in rows
        ),
    )  # fmt: skip


def write_result(rows: Iterable[ResultRow], name: str) -> bytes:
    """The result file of a comparison, packed."""
    return _pack(
        name,
        ((*r[:7], yuan(r.medfee_fen), yuan(r.fund_fen), yuan(r.acct_fen)) for r in rows),
    )


def _pack(name: str, rows: Iterable[Sequence[str]]) -> bytes:
    text = "".join("\t".join(cell or _NULL for cell in row) + "\n" for row in rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(name, _FIXED_TIME)
        member.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(member, text.encode("utf-8"))
    return packed.getvalue()
