"""How the statements tie: 资产 = 负债 + 净资产, Δ3001 = 本期结余, every account in a row; and which vouchers break it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.books.account_lines import lines
from ledger.books.account_months import AccountMonths
from ledger.books.reading import Cut
from ledger.books.selection import BEFORE_ALL, Selection
from ledger.core.accounts import UNSPLIT_CONTRIBUTIONS, UNSPLIT_INTEREST
from ledger.core.entries import EMPLOYEE_FUND, Book, Side
from ledger.core.entry_kinds import EntryKind
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction
from reports.statements.filling import Filled, is_flow, turnover_in, year_open_fen
from reports.statements.rows import ONE_SIDED, FillRule, Form, Row, rows_of
from reports.statements.span import Span, columns_of

VOUCHERS_NAMED: Final = 50
"""How many vouchers a reason names; how many there are is always said."""
PENDING: Final = (str(UNSPLIT_CONTRIBUTIONS), str(UNSPLIT_INTEREST))

Figures = Mapping[Form, Mapping[str, Filled]]


class Check(NamedTuple):
    """One tie: both sides in fen, and what explains a difference, a sentence each."""

    name: str
    left_fen: int
    right_fen: int
    reasons: Sequence[str] = ()
    codes: Sequence[str] = ()

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return self.left_fen == self.right_fen

    def as_json(self) -> dict[str, object]:
        """Money as strings of integer fen."""
        return {
            "check": self.name,
            "holds": self.holds,
            "left_fen": str(self.left_fen),
            "right_fen": str(self.right_fen),
            "difference_fen": str(self.left_fen - self.right_fen),
            "codes": list(self.codes),
            "reasons": list(self.reasons),
        }


class _Tying(NamedTuple):
    """What every check looks at."""

    tx: Transaction
    book: Book
    span: Span
    as_of: date | None
    known: Cut
    months: AccountMonths
    figures: Figures

    def fen(self, form: Form, key: str, place: int) -> int:
        """A row's figure; 0 where the form has no such row."""
        filled = self.figures[form].get(key)
        return filled.fen[place] if filled else 0

    def vouchers(self, account: int, side: Side | None, first: int, last: int) -> str:
        """The vouchers of ordinary lines on a side of an account (None: on both), by number."""
        chosen = Selection(self.book, str(account), "", [account], None, self.as_of, self.known)
        found = lines(self.tx, chosen, None, BEFORE_ALL, 5_000, months=(first, last))
        numbers = dict.fromkeys(
            line.voucher
            for line in found
            if line.kind is EntryKind.ENTRY and (side is None or line.side == side)
        )
        named = "、".join(list(numbers)[:VOUCHERS_NAMED])
        return named if len(numbers) <= VOUCHERS_NAMED else f"{named}等{len(numbers)}张"


def checks_of(
    tx: Transaction,
    book: Book,
    span: Span,
    as_of: date | None,
    known: Cut,
    months: AccountMonths,
    figures: Figures,
) -> list[Check]:
    """Every tie of both statements, those that hold too."""
    tying = _Tying(tx, book, span, as_of, known, months, figures)
    return [
        *(_sheet_balances(tying, place, title) for place, title in enumerate(("年初", "期末"))),
        *_funds(tying),
        *_pending(tying),
        *_details(tying),
        *_unplaced(tying),
    ]


def _sheet_balances(tying: _Tying, place: int, title: str) -> Check:
    assets, both = tying.fen(Form.SHEET, "assets", place), tying.fen(Form.SHEET, "both", place)
    return Check(f"资产总计 = 负债与净资产总计（{title}）", assets, both)


def _funds(tying: _Tying) -> Iterator[Check]:
    """期末 - 年初 of each fund's balance = its 结余 of the year + what was booked on 3001 directly (only the split of A17 is)."""
    year = 0 if tying.span.yearly else 1
    pairs: tuple[tuple[str, str], ...] = (
        ("balance_pool", "surplus_pool"),
        ("balance_account", "surplus_account"),
    )
    if tying.book.fund != EMPLOYEE_FUND:
        pairs = (("balance", "surplus"),)
    direct = {}
    for balance, surplus in pairs:
        row = tying.figures[Form.SHEET][balance].row
        code = row.codes[0]
        accounts = tying.months.accounts((code,))
        direct[code] = -sum(
            tying.months.turnover(account, tying.span.first, tying.span.last).net_fen for account in accounts
        ) - _moved_before(tying, row)
        growth = tying.fen(Form.SHEET, balance, 1) - tying.fen(Form.SHEET, balance, 0)
        explained = tying.fen(Form.INCOME, surplus, year) + direct[code]
        reasons = list(_other_side(tying, row)) if growth != explained else ()
        name = f"{row.name}期末 - 年初 = {tying.figures[Form.INCOME][surplus].row.name} + 3001直接调整"
        yield Check(name, growth, explained, reasons, row.codes)
    reasons = [
        f"科目{account}不经收入、支出直接记账：{tying.vouchers(account, None, tying.span.first, tying.span.last)}"
        for account in tying.months.accounts(direct)
        if sum(direct.values())
    ]
    yield Check("3001直接调整在各子基金之间相抵", sum(direct.values()), 0, reasons, tuple(direct))


def _moved_before(tying: _Tying, fund: Row) -> int:
    """What the books before these booked on this fund's 3001 in the year, debit-positive, without what their closings carried."""
    taken = tying.months.taken
    if taken is None or taken.year != tying.span.year:
        return 0
    own, *flows = fund.codes
    moved = sum(fen.net_fen for account, fen in taken.moved.items() if str(account).startswith(own))
    return moved + sum(fen for account, fen in taken.closed.items() if str(account).startswith(tuple(flows)))


def _other_side(tying: _Tying, fund: Row) -> Iterator[str]:
    """What stands blue on the other side of one-side rows: in the balance, not in the row."""
    place = 0 if tying.span.yearly else 1
    for filled in tying.figures[Form.INCOME].values():
        row = filled.row
        if row.rule not in ONE_SIDED or not row.codes[0].startswith(fund.codes):
            continue
        other = Side.DEBIT if row.rule is FillRule.CREDIT else Side.CREDIT
        for account in tying.months.accounts(row.codes):
            moved = turnover_in(tying.months, account, columns_of(Form.INCOME, tying.span)[place])
            fen = moved.debit_fen if other is Side.DEBIT else moved.credit_fen
            if fen:
                yield (
                    f"“{row.name}”只取{'贷' if other is Side.DEBIT else '借'}方发生额，科目{account}的"
                    f"{'借' if other is Side.DEBIT else '贷'}方有{yuan(fen)}元，应以红字记在本方："
                    f"{tying.vouchers(account, other, tying.span.first, tying.span.last)}"
                )


def _pending(tying: _Tying) -> Iterator[Check]:
    """待转基金 is the same balance in both statements, and nought at the year's end (4601三, 4602三)."""
    if tying.book.fund != EMPLOYEE_FUND:
        return
    if not tying.span.yearly:
        yield Check(
            "待转基金：资产负债表 = 收支表",
            tying.fen(Form.SHEET, "balance_pending", 1),
            tying.fen(Form.INCOME, "surplus_pending", 0),
        )
    if tying.span.last % 100 == 12:
        accounts = tying.months.accounts(PENDING)
        left = -sum(tying.months.balance_fen(account, tying.span.last) for account in accounts)
        reasons = ["4601、4602年末应全部分配到统筹基金和个人账户基金"] if left else ()
        yield Check("待转基金年末为零", left, 0, reasons, PENDING)


def _details(tying: _Tying) -> Iterator[Check]:
    """The detail rows below 社会保险待遇支出 add up to it: a sub-account without a row of its own is named."""
    whole: Filled | None = None
    parts: list[Filled] = []
    for filled in [*tying.figures[Form.INCOME].values(), None]:
        if filled is not None and "detail" in filled.row.flags:
            parts.append(filled)
            continue
        if whole is not None:
            yield _adds_up(tying, whole, parts)
        whole = filled if filled is not None and "broken_down" in filled.row.flags else None
        parts = []


def _adds_up(tying: _Tying, whole: Filled, parts: Sequence[Filled]) -> Check:
    shown = tuple(code for part in parts for code in part.row.codes)
    missing = [
        account
        for account in tying.months.accounts(whole.row.codes)
        if not str(account).startswith(shown) and any(_moved(tying, account))
    ]
    reasons = [f"科目{account}有金额，在“{whole.row.name}”下没有明细项目" for account in missing]
    name = f"{whole.row.name}（{whole.row.codes[0]}）= 各明细项目之和"
    places = [place for place in range(2) if whole.fen[place] != sum(part.fen[place] for part in parts)]
    place = places[0] if places else 1
    total = sum(part.fen[place] for part in parts)
    return Check(name, whole.fen[place], total, reasons, [str(account) for account in missing])


def _moved(tying: _Tying, account: int) -> Iterator[int]:
    """What an account puts into the columns of the income statement."""
    for column in columns_of(Form.INCOME, tying.span):
        yield from turnover_in(tying.months, account, column)


def _unplaced(tying: _Tying) -> Iterator[Check]:
    """Every account of the statutory section with money stands in a row: the right side is what stands in none."""
    for form in Form:
        shown = rows_of(form, tying.book.fund, yearly=False)
        placed = tuple(code for row in shown if row.counted for code in row.codes)
        lost = {}
        for account in tying.months.all_accounts():
            code = str(account)
            if code[0] == "9" or code.startswith(placed) or (form is Form.INCOME and not is_flow(account)):
                continue
            fen = [
                year_open_fen(tying.months, account, tying.span.first, tying.span.before),
                tying.months.balance_fen(account, tying.span.last),
            ]
            fen += _moved(tying, account) if form is Form.INCOME else []
            if any(fen):
                lost[code] = sum(map(abs, fen))
        reasons = [f"科目{code}有金额而表内没有项目" for code in sorted(lost)]
        yield Check(f"会社保{form}：每个有金额的科目都有项目", sum(lost.values()), 0, reasons, sorted(lost))
