"""The cells of a set turned into amounts, codes and days; what cannot be read or carried is a difference, never dropped."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from ledger.books.chart import Account, chart
from ledger.core.accounts import (
    ADVANCES,
    BENEFITS,
    DAILY_ADVANCE,
    DAILY_PAID,
    IN_FLIGHT,
    OWED,
    PREPAYMENT,
    RECOGNISED,
    REFUNDED,
    RETURNED_MONEY,
    SURPLUS_KEPT,
)
from ledger.core.dates import parse_day, period_of
from ledger.core.entries import Book, Section, section_of
from ledger.core.errors import InvalidInput, LedgerError
from ledger.core.money import parse_fen
from ledger.core.text import bearable
from ledger.fund.cutover.files import read_files
from ledger.fund.cutover.values import (
    OPENED_PARTY,
    AdvanceLine,
    BalanceLine,
    BankLine,
    CutoverSet,
    DeductionLine,
    HistoryLine,
    OrderLine,
    RecordLine,
    SetDifference,
    TrialLine,
)
from ledger.rules.load import rulebook

Value = TypeVar("Value")

_ITEMISED: Final = (DAILY_ADVANCE, RETURNED_MONEY)
"""Statutory accounts proved item by item."""
_ALL_DIMS: Final = 31
_ACCOUNT: Final = re.compile(r"[1-9][0-9]{3,8}", re.ASCII)
_WHOLE: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_NOT_CARRIED: Final = {
    "order": "在途拨付单列入orders",
    str(IN_FLIGHT): "9104由orders得出，不写",
}
_BANK_KINDS: Final = ("statement", "book_in", "book_out", "bank_in", "bank_out")


@dataclass(slots=True)
class _Reading:
    book: Book
    day: date
    found: CutoverSet = field(default_factory=CutoverSet)
    wrong: list[SetDifference] = field(default_factory=list)

    def line(self, file: str, number: int, cells: Mapping[str, str]) -> _Cells:
        return _Cells(self, file, number, cells)


@dataclass(slots=True)
class _Cells:
    """One line's cells, each read by its own reader; a bad one is noted and the line left out."""

    reading: _Reading
    file: str
    number: int
    cells: Mapping[str, str]
    good: bool = True

    def problem(self, heading: str, code: str, message: str) -> None:
        self.good = False
        self.reading.wrong.append(SetDifference(self.file, self.number, heading, code, message))

    def _read(self, heading: str, reader: Callable[[str], Value], instead: Value) -> Value:
        try:
            return reader(self.cells[heading])
        except LedgerError as error:
            self.problem(heading, error.code, error.message)
            return instead

    def fen(self, heading: str) -> int:
        return self._read(heading, parse_fen, 0)

    def whole(self, heading: str, most: int = 209_912) -> int:
        text = self.cells[heading]
        if not _WHOLE.fullmatch(text) or int(text) > most:
            self.problem(heading, "cutover.format", f"{heading}“{text[:20]}”应为整数，不大于{most}")
            return 0
        return int(text)

    def account(self, heading: str = "account") -> int:
        text = self.cells[heading]
        if not _ACCOUNT.fullmatch(text):
            self.problem(heading, "cutover.format", f"科目“{text[:20]}”不合规：应为数字编码")
            return 0
        return int(text)

    def text(self, heading: str) -> str:
        text = self.cells[heading]
        return self._read(heading, lambda value: bearable(value, heading), "") if text else ""

    def day(self, heading: str) -> date:
        return self._read(heading, parse_day, date.min)

    def empty(self, headings: Sequence[str]) -> None:
        for heading in headings:
            if self.cells[heading]:
                self.problem(heading, "cutover.format", f"本行的{heading}应为空")


def read_set(place: Path, book: Book, day: date) -> tuple[CutoverSet, list[SetDifference]]:
    """The set in a folder or zip, and every cell that cannot be read; raises as `read_files`."""
    reading = _Reading(book, day)
    readers = {
        "balances": _balance, "history": _history, "open_items": _item, "records": _record, "orders": _order, "bank": _bank,
        "trial_balance": _trial,
    }  # fmt: skip
    for file, rows in read_files(place).items():
        for number, cells in rows:
            readers[file](reading.line(file, number, cells))
    _compute(reading.found)
    return reading.found, reading.wrong


@cache
def _accounts(fund: int) -> dict[int, Account]:
    return {row.account: row for row in chart(fund)}


@cache
def _key_of(fund: int, account: int) -> tuple[str, str]:
    """Sub-fund and category under which an account of expense or recovered expense stands in places.csv."""
    for (place, of, subfund, category), code in sorted(rulebook().places.items()):
        if of == fund and code == account and place in ("benefit", "recovered"):
            return subfund, category or "inpatient"
    return "pool", "inpatient"


def _balance(line: _Cells) -> None:
    account, party = line.account(), line.text("party")
    amounts = [line.fen(heading) for heading in ("year_open", "debit", "credit", "balance")]
    if not line.good:
        return
    known = _accounts(line.reading.book.fund).get(account)
    key: tuple[str, str, int, int, str] = (party, "", 0, 0, "")
    posted = account not in _ITEMISED
    if known is not None and known.dims == _ALL_DIMS:
        if party:
            line.problem(
                "party",
                "cutover.party_unasked",
                f"科目{account}的期初不按往来单位列示，机构明细列入open_items",
            )
            return
        if posted:
            subfund, category = _key_of(line.reading.book.fund, account)
            key = (OPENED_PARTY, subfund, line.reading.day.year, period_of(line.reading.day), category)
    line.reading.found.lines.append(BalanceLine("balances", line.number, posted, account, *key, *amounts))


def _history(line: _Cells) -> None:
    row = HistoryLine(
        line.number,
        line.whole("period"),
        line.account(),
        line.text("party"),
        line.fen("debit"),
        line.fen("credit"),
    )
    if line.good:
        line.reading.found.history.append(row)


def _item(line: _Cells) -> None:
    item = line.cells["item"]
    if item in _NOT_CARRIED:
        line.problem("item", "cutover.not_carried", _NOT_CARRIED[item])
    elif item in ("deduction", "finding"):
        line.empty(("subfund", "service_year", "category", "quota", "due_on", "recovery"))
        row = DeductionLine(
            line.number,
            line.text("institution"),
            line.whole("term"),
            line.text("reference"),
            line.fen("amount"),
            item == "finding",
        )
        if line.good:
            line.reading.found.deductions.append(row)
    elif item in map(str, ADVANCES):
        _advance(line, int(item))
    else:
        line.empty(("reference", "quota", "due_on", "recovery"))
        found = BalanceLine(
            "open_items", line.number, True, line.account("item"), line.text("institution"), line.text("subfund"),
            line.whole("service_year", 2_099), line.whole("term"), line.text("category"), 0, 0, 0, line.fen("amount"),
        )  # fmt: skip
        if line.good:
            line.reading.found.lines.append(found)


def _advance(line: _Cells, account: int) -> None:
    line.empty(("subfund", "category"))
    year = line.whole("service_year", 2_099)
    # Recovered within its year, as advances asked for here: November's settlement is approved in December.
    term = year * 100 + 11 if account == PREPAYMENT and not line.cells["term"] else line.whole("term")
    row = AdvanceLine(
        line.number, account, line.text("institution"), year, term, line.text("recovery"), line.fen("amount"),
        line.fen("quota"), line.text("reference"), line.day("due_on"),
    )  # fmt: skip
    if line.good:
        line.reading.found.advances.append(row)


def _record(line: _Cells) -> None:
    paid = line.cells["paid"]
    if paid not in ("Y", "N", "S"):
        line.problem("paid", "cutover.format", f"paid“{paid[:10]}”应为Y（已付）、N（未付）或S（在途）")
    elif (paid == "N") != (line.cells["reference"] == ""):
        line.problem(
            "reference", "cutover.record_paid", "已付的须写明原付款凭据，在途的写明在途单号，未付的不写"
        )
    row = RecordLine(
        line.number, line.text("setl_id"), line.text("subfund"), line.fen("fund_amount"), line.fen("daily_amount"),
        paid == "Y", line.text("reference"),
    )  # fmt: skip
    if line.good:
        line.reading.found.records.append(row)


def _order(line: _Cells) -> None:
    source = line.account("source")
    year, term = 0, 0
    if source not in ADVANCES or line.cells["service_year"] + line.cells["term"]:
        year, term = line.whole("service_year", 2_099), line.whole("term")
    if (
        source == BENEFITS
        and ("benefit", line.reading.book.fund, line.cells["subfund"], line.cells["category"])
        not in rulebook().places
    ):
        line.problem("category", "cutover.order_paper", "个人付款的类别须是本基金待遇支出的明细")
    row = OrderLine(
        line.number, line.text("order"), source, line.text("institution"), line.text("subfund"), year, term, line.text("category"), line.fen("amount"), line.text("account"),
        line.text("payee_name"), line.text("payee_number"), line.text("payee_bank"), line.text("payee_cnaps"),
        line.day("sent_on"), line.text("bank_reference"),
    )  # fmt: skip
    if line.good:
        line.reading.found.orders.append(row)


def _bank(line: _Cells) -> None:
    kind = line.cells["kind"]
    if kind not in _BANK_KINDS:
        line.problem("kind", "cutover.format", f"kind“{kind[:20]}”应为{'、'.join(_BANK_KINDS)}之一")
    row = BankLine(
        line.number, line.text("account"), kind, line.day("day"), line.fen("amount"), line.text("reference"), line.text("summary")
    )  # fmt: skip
    if line.good:
        line.reading.found.banks.append(row)


def _trial(line: _Cells) -> None:
    amounts = [line.fen(heading) for heading in ("year_open", "debit", "credit", "balance")]
    row = TrialLine(line.number, line.account(), line.text("name"), *amounts)
    if line.good:
        line.reading.found.trial.append(row)


def _compute(found: CutoverSet) -> None:
    """What follows: 9201 of daily money given as 110105 alone, 9104 of the orders, and 9001, what all of them come to."""
    items = [line for line in found.lines if line.file == "open_items"]
    paid = {line[4:9] for line in items if line.account == DAILY_PAID}
    computed = [
        (DAILY_PAID, line[4:9], line.balance_fen)
        for line in items
        if line.account == DAILY_ADVANCE and line[4:9] not in paid
    ]
    flying: dict[tuple[str, str, int, int, str], int] = defaultdict(int)
    for order in found.orders:
        if order.source in OWED:
            flying[order[3:8]] += order.amount_fen
    computed += [(IN_FLIGHT, key, fen) for key, fen in sorted(flying.items()) if fen]
    total: dict[tuple[str, str, int, int, str], int] = defaultdict(int)
    for account, key, fen in [*((line.account, line[4:9], line.balance_fen) for line in items), *computed]:
        if section_of(account) is Section.MEMORANDUM:
            total[key] += -fen if account in (REFUNDED, SURPLUS_KEPT) else fen
    computed += [(RECOGNISED, key, fen) for key, fen in sorted(total.items()) if fen]
    found.lines += [
        BalanceLine("computed", n, True, account, *key, 0, 0, 0, fen)
        for n, (account, key, fen) in enumerate(computed, 1)
    ]


def require_digest(text: str) -> bytes:
    """A digest as typed; raises InvalidInput `cutover.digest`."""
    if not re.fullmatch(r"[0-9a-f]{64}", text, re.ASCII):
        raise InvalidInput("cutover.digest", "摘要应为64位十六进制", digest=text[:80])
    return bytes.fromhex(text)
