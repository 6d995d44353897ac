"""银行电子对账单 of the MoF accounting-data standard: an XBRL instance of the `bkrs` taxonomy (banks.md 3).

A month of one account. The opening balance is not printed: it is what the first line's running balance leaves before it, and
the closing balance where there is no line. Some banks print a second tuple of nought beside a movement: it moves nothing.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from adapters.banks.formats.evoucher.bker import CURRENCIES, TAXONOMY, order_in
from adapters.banks.formats.proof import proven
from adapters.banks.formats.xml import day_of, local
from adapters.banks.ports import AccountStatement, Direction, StatedLine
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen

_ACCOUNT: Final = "CustomerSettlementBankAccount"
_TUPLE: Final = "InformationOfReconcileDetailsTuple"
_CLOSING: Final = "AccountBalanceAtTheEndOfReconciliationCycleAmount"
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_SIDES: Final = {"0": Direction.DEBIT, "1": Direction.CREDIT, "借": Direction.DEBIT, "贷": Direction.CREDIT}


def is_bkrs(root: Element) -> bool:
    """Whether `root` is an XBRL instance with the facts of a statement."""
    return local(root) == "xbrl" and any(_is_taxonomy(found) for found in root.iter(f"{{*}}{_ACCOUNT}"))


def read_bkrs(root: Element, order_pattern: str) -> AccountStatement:
    """The statement; raises InvalidInput `bankfile.missing`, `.amount`, `.date`, `.direction`, `.currency`, and what
    `proven` raises.
    """
    head = _facts(root)
    if head.get("Currency", "") not in CURRENCIES:
        raise InvalidInput("bankfile.currency", f"电子对账单币种“{head['Currency'][:10]}”不是人民币")
    year = _need(head, "YearOfBankReconciliationStatement")
    month = _need(head, "MonthOfBankReconciliationStatement")
    first, last = _month(year, month)
    closing = _fen(_need(head, _CLOSING), _CLOSING)
    lines = [
        line
        for n, found in enumerate(root.iter(f"{{*}}{_TUPLE}"), 1)
        if (line := _line(_facts(found), f"{_TUPLE}[{n}]（第{found.sourceline}行）", order_pattern))
    ]
    opening = closing
    if lines:
        opening = (lines[0].balance_fen or 0) - lines[0].effect_fen
    return proven(
        AccountStatement(
            form="bkrs",
            account=_need(head, _ACCOUNT).replace(" ", ""),
            number=f"{year}-{month}",
            sequence=None,
            first_day=first,
            last_day=last,
            opening_fen=opening,
            closing_fen=closing,
            lines=lines,
            where="电子对账单",
        )
    )


def _is_taxonomy(element: Element) -> bool:
    space = etree.QName(element).namespace or ""
    return space.startswith(TAXONOMY) and "bkrs" in space[len(TAXONOMY) :]


def _facts(holder: Element) -> Mapping[str, str]:
    """The leaves right below an element; raises InvalidInput `bankfile.repeated` where two of a name differ."""
    facts: dict[str, str] = {}
    for element in holder:
        value = (element.text or "").strip()
        if len(element) or not _is_taxonomy(element) or not value or element.get(_NIL) in ("true", "1"):
            continue
        if facts.setdefault(local(element), value) != value:
            raise InvalidInput(
                "bankfile.repeated", f"第{element.sourceline}行{local(element)}出现两次且内容不同"
            )
    return facts


def _need(facts: Mapping[str, str], name: str, where: str = "电子对账单") -> str:
    value = facts.get(name, "")
    if not value:
        raise InvalidInput("bankfile.missing", f"{where}缺少{name}", path=name)
    return value


def _month(year: str, month: str) -> tuple[date, date]:
    first = day_of(f"{year:0>4}-{month:0>2}-01", "电子对账单的年月")
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _fen(text: str, where: str) -> int:
    try:
        return parse_fen(text)
    except InvalidInput as refusal:
        raise InvalidInput("bankfile.amount", f"{where}：{refusal.message}", value=text[:40]) from None


def _side(facts: Mapping[str, str], name: str, where: str) -> Direction:
    text = _need(facts, name, where)
    if text not in _SIDES:
        raise InvalidInput("bankfile.direction", f"{where}的{name}“{text[:10]}”不明", value=text[:10])
    return _SIDES[text]


def _line(facts: Mapping[str, str], where: str, order_pattern: str) -> StatedLine | None:
    fen = _fen(facts.get("TransactionAmount", "0"), f"{where}的TransactionAmount")
    if fen == 0:
        return None
    side = _side(facts, "IdentificationOfCreditOrDebit", where)
    if fen < 0:
        side = Direction.CREDIT if side is Direction.DEBIT else Direction.DEBIT
    balance = _fen(_need(facts, "AccountBalance", where), f"{where}的AccountBalance")
    if balance and facts.get("DebitOrCreditOfBalance"):
        overdrawn = _side(facts, "DebitOrCreditOfBalance", where) is Direction.DEBIT
        balance = -abs(balance) if overdrawn else balance
    notes = facts.get("NotesOfBankElectronicReceipt", "")
    return StatedLine(
        booked_on=day_of(_need(facts, "DateOfBookkeeping", where), f"{where}的DateOfBookkeeping"),
        direction=side,
        amount_fen=abs(fen),
        balance_fen=balance,
        bank_reference=facts.get("BusinessSerialNumber", ""),
        receipt_no=facts.get("NumberOfBankElectronicReceipt", ""),
        order_no=order_in(order_pattern, notes),
        other_account=facts.get("AccountOfCounterparty", "").replace(" ", ""),
        other_name=facts.get("NameOfCounterparty", ""),
        text=notes or facts.get("TypesOfBusinessProducts", ""),
        is_reversal=fen < 0,
        where=where,
    )
