"""The voucher form read and shown again: what was typed, cell by cell, and the same as the values of `book voucher draft`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ledger.books.manual import ManualVoucher
from ledger.books.vouchers import Voucher
from ledger.core.entries import Side
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan

LINES_SHOWN: Final = 5
"""Lines of an empty form, as the printed one has them."""
LINES_MAX: Final = 500
"""Lines of a voucher typed at a page, as over HTTP; more come as a file."""
FIELDS_MAX: Final = 100_000
"""Fields a form may have: past the lines, so that too long a one is refused in words and with what was typed."""
HEADS: Final = ("business", "evidence", "attachments", "reverses", "receipts", "corrects", "kind", "reason")
CORRECTIONS: Final = ("blue", "difference")
"""What a voucher that corrects another (`corrects`) may be; the act writes its memo, with the reason after it."""
_DATED: Final = {"blue": ("business",), "difference": ()}
_CELL: Final = re.compile(
    r"l([0-9]{1,6})\.(memo|account|party|subfund|year|term|category|debit|credit)", re.ASCII
)
_GROUPED: Final = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?", re.ASCII)


class TypedLine(NamedTuple):
    """One line as typed; nothing in it is judged yet."""

    memo: str = ""
    account: str = ""
    party: str = ""
    subfund: str = ""
    year: str = ""
    term: str = ""
    category: str = ""
    debit: str = ""
    credit: str = ""

    @property
    def blank(self) -> bool:
        """Whether it says nothing but perhaps a memo carried down."""
        return not any(self[1:])


class Typed(NamedTuple):
    """A form as typed."""

    heads: Mapping[str, str]
    lines: list[TypedLine]


def typed_of(form: Mapping[str, str], more: int = 0) -> Typed:
    """What a form holds, in the order of its lines, with `more` empty ones; at least five lines."""
    cells: dict[int, dict[str, str]] = {}
    for name, value in form.items():
        if match := _CELL.fullmatch(name):
            cells.setdefault(int(match[1]), {})[match[2]] = value.strip()
    lines = [TypedLine(**cells[n]) for n in sorted(cells)]
    while lines and lines[-1].blank and not lines[-1].memo:
        lines.pop()
    lines += [TypedLine()] * max(LINES_SHOWN - len(lines), more)
    return Typed({name: form.get(name, "").strip() for name in HEADS}, lines)


def values_of(typed: Typed) -> dict[str, Any]:
    """The values of the act. Raises InvalidInput `voucher.line` where a line cannot be read, `voucher.text` for two memos."""
    filled = [(n, line) for n, line in enumerate(typed.lines, 1) if not line.blank]
    if len(filled) > LINES_MAX:
        raise InvalidInput(
            "voucher.line",
            f"此页至多填{LINES_MAX}行，所填{len(filled)}行：请用文件导入，或以模板、接口办理",
        )
    if typed.heads["corrects"] and typed.heads["kind"] not in CORRECTIONS:
        raise InvalidInput("voucher.text", "更正须为蓝字订正或差额更正", field="kind")
    memos = dict.fromkeys(line.memo for line in typed.lines if line.memo)
    if len(memos) > 1:
        raise InvalidInput(
            "voucher.text",
            "一张凭证只有一个摘要，各行须相同（//抄上行）：请改为一致，或分张填制",
            field="摘要",
        )
    corrects = typed.heads["corrects"]
    said = {"voucher": corrects} if corrects else {"summary": next(iter(memos), "")}
    made: dict[str, Any] = {
        **said,
        "evidence": typed.heads["evidence"],
        "line": [_line(n, line) for n, line in filled],
    }
    for name in (
        ("reason", *_DATED[typed.heads["kind"]], "attachments")
        if corrects
        else ("business", "attachments", "reverses")
    ):
        if typed.heads[name]:
            made[name] = typed.heads[name]
    if receipts := re.split(r"[\s，、;；]+", typed.heads["receipts"]):
        made["receipt"] = [one for one in receipts if one]
    return made


def _line(n: int, line: TypedLine) -> str:
    """`借:1004:100.00:…` of a line, as the command line takes it."""
    if bool(line.debit) == bool(line.credit):
        raise InvalidInput("voucher.line", f"第{n}行须有借方或贷方金额，且只有一个", field=f"line.{n}")
    code = line.account.split(" ", 1)[0]
    dims = (line.party, line.subfund, line.year, line.term, line.category)
    if any(":" in one for one in (code, *dims)):
        raise InvalidInput("voucher.line", f"第{n}行的科目、辅助核算不能含有冒号", field=f"line.{n}")
    amount = line.debit or line.credit
    amount = amount.replace(",", "") if _GROUPED.fullmatch(amount) else amount
    side = "借" if line.debit else "贷"
    return ":".join((side, code, amount, *dims)).rstrip(":")


def typed_to_correct(posted: Voucher, kind: str) -> Typed:
    """The form that corrects a posted voucher: its lines as they stand for a blue one; for a difference its accounts, the amounts left open."""
    lines = [
        TypedLine(
            "",
            str(line.account),
            line.dims.counterparty,
            line.dims.subfund,
            str(line.dims.service_year or ""),
            str(line.dims.term or ""),
            line.dims.category,
            yuan(line.amount_fen) if kind == "blue" and line.side == Side.DEBIT else "",
            yuan(line.amount_fen) if kind == "blue" and line.side == Side.CREDIT else "",
        )
        for line in posted.lines
    ]
    heads = dict.fromkeys(HEADS, "") | {"corrects": posted.number, "kind": kind, "evidence": posted.evidence}
    heads |= {"business": posted.business_date.isoformat()} if kind == "blue" else {}
    return Typed(heads, lines)


def typed_from(drafted: ManualVoucher) -> Typed:
    """A stored draft as the form that would draft it, for another one like it."""
    content = drafted.content
    lines = [
        TypedLine(
            content.summary,
            str(leg.account),
            leg.dims.counterparty,
            leg.dims.subfund,
            str(leg.dims.service_year or ""),
            str(leg.dims.term or ""),
            leg.dims.category,
            yuan(leg.amount_fen) if leg.side is Side.DEBIT else "",
            "" if leg.side is Side.DEBIT else yuan(leg.amount_fen),
        )
        for leg in content.legs
    ]
    heads = dict.fromkeys(HEADS, "") | {
        "business": content.business_date.isoformat(),
        "evidence": content.evidence,
        "attachments": str(content.attachments or ""),
    }
    return Typed(heads, lines)
