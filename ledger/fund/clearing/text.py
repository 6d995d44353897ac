"""The letter 清算确认书 (附件3) and the write-off notice (art. 25) as text: what is archived, printed and signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from cryptography.hazmat.primitives.hashes import SM3, Hash

from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.fund.clearing.lines import LetterFigures
from ledger.fund.clearing.scope import PARTS, ROWS, LetterScope

_NOTE: Final = "注：6=1-2-4-5，9=6-7+8。你单位签收后，盖章确认视为同意最终清算金额。"


def sm3(content: bytes) -> bytes:
    """The GB/T 32905 digest of a paper."""
    digest = Hash(SM3())
    digest.update(content)
    return digest.finalize()


def letter_text(figures: LetterFigures, letter_id: str, digest: bytes, institution_name: str) -> str:
    """The confirmation letter as printed: rows 1–9, row 6 split by fund part, amounts in yuan, the digest it is known by."""
    return "\n".join(_letter(figures, letter_id, digest, institution_name)) + "\n"


def _letter(figures: LetterFigures, letter_id: str, digest: bytes, name: str) -> Iterator[str]:
    scope = figures.scope
    rows = figures.rows()
    yield "定点医药机构医保基金清算确认书"
    yield f"编号：{letter_id}"
    yield f"{name}（{scope.institution}）："
    yield f"对你单位申报的{scope.title}{FUND_NAMES[scope.fund]}费用进行了清算，共计清算资金{yuan_grouped(figures.row(9))}元。"
    for number, title in ROWS.items():
        if number == 4:
            yield f"3\t根据协议约定年度考核等级\t{figures.grade or '—'}"
        if number == 6:
            for part, part_title in PARTS.items():
                yield f"6\t{part_title}\t{yuan_grouped(rows[6, part])}"
            title = "支付合计"
        yield f"{number}\t{title}\t{yuan_grouped(figures.row(number))}\t{_remark(figures, number)}".rstrip()
    yield _NOTE
    yield f"摘要：{digest.hex()}"


def _remark(figures: LetterFigures, number: int) -> str:
    lines = figures.lines
    if number == 2:
        return f"其中清算时扣减{yuan_grouped(sum(line.audit_fen for line in lines))}元"
    offset = sum(line.offset_fen for line in lines)
    if number == 7 and offset:
        return f"其中清算时以预付款项抵扣{yuan_grouped(offset)}元"
    if number != 5:
        return ""
    other = sum(line.other_before + line.other_fen for line in lines)
    borne = sum(line.borne_before + line.borne_fen for line in lines)
    kept = sum(line.surplus_before + line.surplus_fen for line in lines)
    return f"其他扣款{yuan_grouped(other)}元，超支分担{yuan_grouped(borne)}元，结余留用{yuan_grouped(kept)}元"


def write_off_text(figures: LetterFigures, letter_id: str, institution_name: str) -> str:
    """What the fund will not pay and the institution has to write off, with the late records one by one (art. 25);
    '' where there is nothing.
    """
    lines = figures.lines
    amounts = (
        ("审核扣款", sum(line.row_fen[2] for line in lines)),
        ("考核扣减质量保证金", sum(line.row_fen[4] for line in lines)),
        ("其他扣款", sum(line.other_before + line.other_fen for line in lines)),
        ("超支分担", sum(line.borne_before + line.borne_fen for line in lines)),
        ("逾期未申报费用", sum(line.late_fen for line in lines)),
    )
    if not any(fen for _, fen in amounts):
        return ""
    return "\n".join(_write_off(figures, letter_id, institution_name, figures.scope, amounts)) + "\n"


def _write_off(
    figures: LetterFigures, letter_id: str, name: str, scope: LetterScope, amounts: Sequence[tuple[str, int]]
) -> Iterator[str]:
    yield "医疗费用核销通知"
    yield f"清算确认书：{letter_id}"
    yield f"{name}（{scope.institution}）："
    yield (
        f"{scope.title}{FUND_NAMES[scope.fund]}清算后，下列费用由你单位承担，不属于医保基金应付未付费用，"
        "请按财务会计制度及时核销，不得挂账。"
    )
    for title, fen in amounts:
        if fen:
            yield f"{title}\t{yuan_grouped(fen)}"
    yield f"合计\t{yuan_grouped(sum(fen for _, fen in amounts))}"
    for setl_id, subfund, fen in figures.late:
        yield f"逾期未申报\t{setl_id}\t{PARTS[subfund]}\t{yuan_grouped(fen)}"
