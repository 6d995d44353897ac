"""INV-07 of the statements: every code with money stands in a row of 会社保01 and 02, and closing entries leave both as they were.

The codes are typed here a second time from 财会〔2017〕28号, parts four and five: not read from what fills the forms. What a
one-side row leaves out because it was booked blue on the other side is no breach; it is counted and named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label

_SHEET: Final = ("1001", "1002", "1003", "1004", "1005", "1101", "1201", "2001", "2101")
_POOL: Final = (
    "300101", "400101", "4101", "420101", "440101", "440201", "450101", "50010101", "50010102", "50010103", "50010104", "50010105",
    "5101", "530101", "530201", "540101",
)  # fmt: skip
_ACCOUNT: Final = (
    "300102", "400102", "420102", "4301", "440102", "440202", "450102", "50010201", "50010202", "50010203", "5201", "530102",
    "530202", "540102",
)  # fmt: skip
_RESIDENT: Final = (
    "3001", "4001", "4101", "4201", "4401", "4402", "4501", "500101", "500102", "500103", "5101", "5301", "5302", "5401",
)  # fmt: skip
_ROWS: Final[Mapping[int, Mapping[str, tuple[str, ...]]]] = {
    310: {"": _SHEET, "统筹基金": _POOL, "个人账户基金": _ACCOUNT, "待转基金": ("4601", "4602")},
    390: {"": _SHEET, "基金": _RESIDENT},
}
_ONE_SIDE: Final = {"credit": r"^(4101|4201|440[12]|4501)", "debit": r"^(5101|530[12]|5401)"}

_MOVED: Final = """
    SELECT b.region, b.fund, b.account, sum(b.debit), sum(b.credit) FROM books.balance b
     WHERE b.account::text !~ '^9' AND (b.debit <> 0 OR b.credit <> 0) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_CLOSING: Final = """
    SELECT e.region, e.fund, e.period, e.seq, abs(l.account), CASE WHEN l.account > 0 THEN l.fen ELSE -l.fen END, sign(l.account)::integer
      FROM books.entry e CROSS JOIN LATERAL unnest(e.accounts, e.amounts) AS l (account, fen)
     WHERE e.event IN ('CLOSE-M', 'CLOSE-Y') ORDER BY 1, 2, 3, 4
"""
_YEAR_END: Final = """
    SELECT p.region, p.fund, p.period, sum(b.credit - b.debit) FROM books.period p
      JOIN books.balance b ON b.region = p.region AND b.fund = p.fund AND b.period <= p.period AND b.account::text ~ '^460[12]'
     WHERE p.period % 100 = 12 AND p.state IN ('closed', 'sealed') GROUP BY 1, 2, 3 HAVING sum(b.credit - b.debit) <> 0 ORDER BY 1, 2, 3
"""
WAITING: Final = "单边项目在对方记有蓝字的科目（收支表勾稽差异，应以红字记在本方）"


def check_forms(snapshot: Snapshot) -> Iterator[Breach]:
    """Codes without a row, closing entries that move money between parts of the fund, pending money left at a closed year's end."""
    moved = snapshot.rows(_MOVED)
    closing = snapshot.rows(_CLOSING)
    for region, fund, account, debit, credit in moved:
        if fund in _ROWS and _part(fund, account) is None:
            message = (
                f"科目{account}有发生额（借{debit}分、贷{credit}分）而会社保01、02表没有它的项目，报表漏列"
            )
            yield Breach("INV-07", f"{region}-{fund}", f"account {account}", message)
    yield from _closings(closing)
    for region, fund, period, left in snapshot.rows(_YEAR_END):
        message = f"{period}已结账而待转科目4601、4602尚余{left}分，年末应全部分配"
        yield Breach("INV-07", f"{region}-{fund}", f"period {period}", message)
    blue = _blue(moved, closing)
    if blue:
        snapshot.waiting[WAITING] = blue


def _part(fund: int, account: int) -> str | None:
    """Which part of the fund a code's row belongs to; None where no row has it."""
    for part, codes in _ROWS[fund].items():
        if str(account).startswith(codes):
            return part
    return None


def _closings(lines: list[tuple[int, ...]]) -> Iterator[Breach]:
    """A closing entry carries what a part of the fund took in and spent to that part's own 3001: the statements stay as they were."""
    sums: dict[tuple[int, ...], dict[str, int]] = {}
    for region, fund, period, seq, account, net, _side in lines:
        part = _part(fund, account) if fund in _ROWS else ""
        of = sums.setdefault((region, fund, period, seq), {})
        of[part or "?"] = of.get(part or "?", 0) + net
    for (region, fund, period, seq), parts in sums.items():
        wrong = {part: net for part, net in parts.items() if net or part == "?"}
        if wrong:
            said = "、".join(f"{part}{net}分" for part, net in wrong.items())
            message = f"结转凭证改变了报表：结转前后各部分应相抵，实际{said}"
            yield Breach("INV-07", f"{region}-{fund}", seq_label(period, seq), message)


def _blue(moved: list[tuple[int, ...]], closing: list[tuple[int, ...]]) -> int:
    """Accounts of one-side rows with 发生额 on the other side; closing entries are none, nor their red copies of a reopening, which
    stand on the side of what they take back."""
    carried: dict[tuple[int, ...], int] = {}
    for region, fund, _period, _seq, account, net, side in closing:
        key = (region, fund, account, side)
        carried[key] = carried.get(key, 0) + net
    found = 0
    for region, fund, account, debit, credit in moved:
        if re.match(_ONE_SIDE["credit"], str(account)):
            found += debit - carried.get((region, fund, account, 1), 0) != 0
        elif re.match(_ONE_SIDE["debit"], str(account)):
            found += credit + carried.get((region, fund, account, -1), 0) != 0
    return found
