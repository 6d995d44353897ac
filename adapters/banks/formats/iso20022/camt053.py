"""camt.053, the bank's statement of an account: any version, any namespace or none, wrapped or bare.

One line an entry, as the account has it; the payments of a batch entry stand in the notification (camt.054). Direction is
CdtDbtInd alone, as there. Entries not booked (PDNG, INFO) are in no booked balance and are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.iso20022.camt054 import account_of, booked_text, order_of, other_party, side_of
from adapters.banks.formats.iso20022.pages import CLOSING, OPENING, StatementPage, lacks, pages_of
from adapters.banks.formats.iso20022.totals import check_notification
from adapters.banks.formats.proof import proven
from adapters.banks.formats.xml import (
    UNITS,
    count_of,
    day_of,
    first_text,
    many,
    need,
    need_text,
    one,
    text_at,
    text_of,
    units,
)
from adapters.banks.formats.xml import (
    missing as missing_field,
)
from adapters.banks.ports import AccountStatement, Assembled, Direction, StatedLine
from ledger.core.errors import InvalidInput

MESSAGE: Final = "BkToCstmrStmt"
_FLAGS: Final = {"true", "1"}
_RECEIPT_TYPES: Final = {"RECEIPT", "电子回单号", "回单号"}
"""What banks call the number of their electronic receipt among the proprietary references."""


@dataclass(frozen=True, slots=True)
class _Balance:
    """A printed balance in fen, negative where overdrawn, and its day."""

    fen: int
    day: date


def read_camt053(message: Element) -> tuple[AccountStatement, ...]:
    """The statements of a `BkToCstmrStmt` element, in its order; one in pages is one, if all its pages are there.

    Raises InvalidInput `bankfile.missing` (no statement, no opening or closing balance), `.totals` (a summary that does
    not add up), `.pages` (a page is missing, or there twice), `.currency`, `.amount`, `.date`, and what `proven` raises.
    """
    found = assemble([message])
    if found.missing:
        raise InvalidInput("bankfile.pages", "；".join(found.missing))
    return found.statements


def assemble(messages: Sequence[Element]) -> Assembled:
    """The statements of several messages, whose pages may lie in any order and in any of them; raises as `read_camt053`."""
    whole: list[AccountStatement] = []
    missing: list[str] = []
    for pages in pages_of(messages):
        if lacking := lacks(pages):
            missing.append(lacking)
        else:
            whole.append(_statement(pages))
    return Assembled(tuple(whole), tuple(missing))


def _statement(pages: Sequence[StatementPage]) -> AccountStatement:
    first, last = pages[0], pages[-1]
    _check_totals(pages)
    opened, closed = _balances(first.element, first.where), _balances(last.element, last.where)
    code = next((code for code in OPENING if code in opened), "")
    if not code or CLOSING not in closed:
        raise InvalidInput(
            "bankfile.missing",
            f"{first.where}（第{first.element.sourceline}行）缺少期初余额OPBD（或PRCD）或期末余额CLBD",
            path="Bal",
        )
    opening, closing = opened[code], closed[CLOSING]
    lines = [
        line
        for page in pages
        for n, entry in enumerate(many(page.element, "Ntry"), 1)
        if (line := _line(entry, page.element, page.where, n))
    ]
    sequence = first_text(first.element, "ElctrncSeqNb", "LglSeqNb")
    return proven(
        AccountStatement(
            form="camt.053",
            account=account_of(first.element),
            number=text_at(first.element, "Id"),
            sequence=count_of(sequence, f"{first.where}序号") if sequence else None,
            first_day=_first_day(first.element, opening, closing, lines, previous=code == "PRCD"),
            last_day=closing.day,
            opening_fen=opening.fen,
            closing_fen=closing.fen,
            lines=lines,
            where=first.where,
            parts=tuple(page.part for page in pages),
        )
    )


def _check_totals(pages: Sequence[StatementPage]) -> None:
    """Each page's summary is that of its own entries or, as some banks print it on every page, that of all."""
    entries = [entry for page in pages for entry in many(page.element, "Ntry")]
    for page in pages:
        try:
            check_notification(page.element)
        except InvalidInput:
            if len(pages) == 1:
                raise
            check_notification(page.element, entries)


def _first_day(
    element: Element, opening: _Balance, closing: _Balance, lines: list[StatedLine], *, previous: bool
) -> date:
    """Where the statement begins. Some banks date the opening balance by the day before, whose lines it has none of."""
    named = first_text(element, "FrToDt/FrDtTm", "FrToDt/FrDt")
    if named:
        return day_of(named, f"第{element.sourceline}行FrToDt")
    before = opening.day < closing.day and all(line.booked_on > opening.day for line in lines)
    return (
        opening.day + timedelta(days=1) if before or (previous and opening.day < closing.day) else opening.day
    )


def _balances(element: Element, where: str) -> Mapping[str, _Balance]:
    found: dict[str, _Balance] = {}
    for balance in many(element, "Bal"):
        code = first_text(balance, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry")
        if code not in (*OPENING, CLOSING):
            continue
        if code in found:
            raise InvalidInput("bankfile.repeated", f"{where}的余额{code}出现两次", path="Bal")
        amount = need(balance, "Amt")
        fen = _fen(amount, f"第{amount.sourceline}行{code}")
        side = side_of(need_text(balance, "CdtDbtInd"), balance)
        day = first_text(balance, "Dt/Dt", "Dt/DtTm")
        if not day:
            raise missing_field(balance, "Dt")
        found[code] = _Balance(
            fen if side is Direction.CREDIT else -fen, day_of(day, f"第{balance.sourceline}行{code}的日期")
        )
    return found


def _fen(amount: Element, where: str) -> int:
    """An amount in CNY as fen, nought included."""
    if (currency := amount.get("Ccy", "")) != "CNY":
        raise InvalidInput(
            "bankfile.currency", f"{where}币种为“{currency[:10]}”，应为CNY", currency=currency[:10]
        )
    whole = units(text_of(amount), where)
    if whole < 0 or whole % (UNITS // 100):
        raise InvalidInput("bankfile.amount", f"{where}“{text_of(amount)[:40]}”不是以分为最小单位的金额")
    return whole // (UNITS // 100)


def _line(entry: Element, statement: Element, where: str, n: int) -> StatedLine | None:
    """An entry as a line; None where it is not booked, or moves nothing."""
    place = f"{where} Ntry[{n}]（第{entry.sourceline}行）"
    holder = need(entry, "Sts")
    status = first_text(holder, "Cd", "Prtry") if len(holder) else text_of(holder)
    amount = need(entry, "Amt")
    fen = _fen(amount, f"{place}Amt")
    if status != "BOOK" or fen == 0:
        return None
    side = side_of(need_text(entry, "CdtDbtInd"), entry)
    transactions = many(entry, "NtryDtls/TxDtls")
    alone = transactions[0] if len(transactions) == 1 else None
    details = entry if alone is None else alone
    account, name = other_party(details, account_of(statement), side)
    said = [(text.text or "").strip() for text in many(details, "RmtInf/Ustrd")]
    own = "" if alone is None else text_at(alone, "Refs/AcctSvcrRef")
    more = one(entry, "AddtlNtryInf")
    return StatedLine(
        booked_on=day_of(booked_text(entry), f"{place}BookgDt"),
        direction=side,
        amount_fen=fen,
        balance_fen=None,
        bank_reference=text_at(entry, "AcctSvcrRef") or own,
        receipt_no="" if alone is None else _receipt_no(alone),
        order_no="" if alone is None else order_of(alone),
        other_account=account,
        other_name=name,
        text=("；".join(filter(None, said)) or ("" if more is None else text_of(more)))[:500],
        is_reversal=text_at(entry, "RvslInd") in _FLAGS,
        where=place,
    )


def _receipt_no(transaction: Element) -> str:
    for reference in many(transaction, "Refs/Prtry"):
        if text_at(reference, "Tp") in _RECEIPT_TYPES:
            return text_at(reference, "Ref")
    return ""
