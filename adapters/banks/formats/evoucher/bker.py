"""银行电子回单 of the MoF accounting-data standard: an XBRL instance of the `bker` taxonomy.

The taxonomy's namespace carries a date that differs from bank to bank (2021-11-30, 2023-05-15, ...): elements are
known by the URI's beginning and their local name. Facts stand at the top or inside tuples; some banks print a
second tuple with a zero or nil amount, which is no movement (banks.md 3).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from adapters.banks.formats.xml import day_of, local, positive_fen
from adapters.banks.ports import Direction, Evidence
from ledger.core.errors import InvalidInput

TAXONOMY: Final = "http://xbrl.mof.gov.cn/taxonomy/"

ORDER_PATTERN: Final = "FL[0-9A-Z-]{8,32}"
"""How this system's order numbers look inside a receipt's free text."""

_AMOUNT = "TransactionAmountInFigures"
_UNIT = "the currency of the amount's unit"
_FACTS = frozenset(
    {
        "NumberOfBankElectronicReceipt",
        "TypeOfBankElectronicReceipt",
        "DateOfBookkeeping",
        "AccountNameOfPayer",
        "AccountNumberOfPayer",
        "AccountNameOfPayee",
        "AccountNumberOfPayee",
        "Currency",
        "Usage",
        "Notes",
        "TransactionCode",
        "BusinessSerialNumber",
    }
)
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_RETURN = re.compile("退汇|退票|退回|汇出退回|汇款退回")
_RETURN_CODES = frozenset({"RRTN"})
_ZERO = re.compile(r"-?0+(\.0*)?", re.ASCII)
CURRENCIES = frozenset({"", "CNY", "RMB", "人民币", "人民币元", "156", "01", "001", "10"})
"""What banks print for CNY (banks.md 2.3)."""


def is_bker(root: Element) -> bool:
    """Whether `root` is an XBRL instance with bker facts (and not, say, a bkrs statement or an invoice)."""
    return local(root) == "xbrl" and any(True for _ in _facts_of(root, "NumberOfBankElectronicReceipt"))


def read_bker(
    root: Element, own_accounts: Collection[str], order_pattern: str = ORDER_PATTERN
) -> tuple[Evidence, ...]:
    """The movements of a receipt, nearly always one.

    `order_pattern` is a regular expression for order numbers in Notes or Usage; a text with none, or with two
    different ones, gives an Evidence without order. Raises InvalidInput `bankfile.missing`, `.repeated`,
    `.amount`, `.currency`, `.date`; `.foreign_account` when neither side is ours, `.own_transfer` when both are
    (one receipt cannot tell which account it belongs to).
    """
    found = tuple(_evidence(facts, own_accounts, order_pattern) for facts in _movements(root))
    if not found:
        raise InvalidInput("bankfile.missing", f"电子回单没有非零的{_AMOUNT}", path=_AMOUNT)
    numbers = [evidence.receipt_no for evidence in found]
    if len(set(numbers)) != len(numbers):
        raise InvalidInput(
            "bankfile.repeated", f"电子回单{numbers[0]}含多个非零金额，无法判断哪个为准", path=_AMOUNT
        )
    return found


def _is_taxonomy(element: Element) -> bool:
    name = etree.QName(element)
    return (name.namespace or "").startswith(TAXONOMY) and "bker" in (name.namespace or "")[len(TAXONOMY) :]


def _facts_of(root: Element, name: str) -> Iterator[Element]:
    return (element for element in root.iter(f"{{*}}{name}") if _is_taxonomy(element))


def _movements(root: Element) -> Iterator[Mapping[str, str]]:
    """One set of facts for each non-zero amount: those beside it over those that stand with no amount."""
    holders: dict[Element, str] = {}
    for fact in _facts_of(root, _AMOUNT):
        holder, amount = fact.getparent(), _amount(fact)
        if holder is None:
            continue
        if amount and holders.get(holder):
            raise InvalidInput(
                "bankfile.repeated", f"第{fact.sourceline}行{_AMOUNT}出现两次，无法判断哪个为准", path=_AMOUNT
            )
        holders[holder] = amount or holders.get(holder, "")
    shared = list(root)
    for tuple_ in root.iterdescendants():
        if len(tuple_) and tuple_ not in holders:
            shared.extend(tuple_)
    common = _leaves(shared)
    for holder, amount in holders.items():
        if amount:
            yield common | _leaves(holder) | {_AMOUNT: amount} | _unit(root, holder)


def _unit(root: Element, holder: Element) -> dict[str, str]:
    """The currency of a holder's amount as its XBRL unit says it (`iso4217:CNY`); nothing where it says none."""
    names = {fact.get("unitRef", "") for fact in holder if local(fact) == _AMOUNT} - {""}
    for unit in root.iter("{http://www.xbrl.org/2003/instance}unit"):
        if unit.get("id") in names:
            for measure in unit.iter("{http://www.xbrl.org/2003/instance}measure"):
                prefix, _, currency = _value(measure).rpartition(":")
                if prefix == "iso4217":
                    return {_UNIT: currency}
    return {}


def _amount(fact: Element) -> str:
    """The amount as text, empty if nil or zero: such a twin is no movement."""
    text = _value(fact)
    is_nil = fact.get(_NIL) in ("true", "1")
    return "" if is_nil or _ZERO.fullmatch(text) else text


def _leaves(elements: Iterable[Element]) -> dict[str, str]:
    facts: dict[str, str] = {}
    for element in elements:
        name, value = local(element), _value(element)
        is_wanted = name in _FACTS and len(element) == 0 and _is_taxonomy(element)
        if not is_wanted or not value:
            continue
        if facts.setdefault(name, value) != value:
            raise InvalidInput(
                "bankfile.repeated", f"第{element.sourceline}行{name}出现两次且内容不同", path=name
            )
    return facts


def _value(element: Element) -> str:
    return (element.text or "").strip()


def _need(facts: Mapping[str, str], name: str) -> str:
    value = facts.get(name, "")
    if not value:
        raise InvalidInput("bankfile.missing", f"电子回单缺少{name}", path=name)
    return value


def _evidence(facts: Mapping[str, str], own_accounts: Collection[str], order_pattern: str) -> Evidence:
    receipt_no = _need(facts, "NumberOfBankElectronicReceipt")
    if facts.get("Currency", "") not in CURRENCIES or facts.get(_UNIT, "CNY") != "CNY":
        raise InvalidInput("bankfile.currency", f"电子回单{receipt_no}币种不是人民币", receipt_no=receipt_no)
    direction = _direction(facts, own_accounts, receipt_no)
    own, other = ("Payer", "Payee") if direction is Direction.DEBIT else ("Payee", "Payer")
    notes, usage = facts.get("Notes", ""), facts.get("Usage", "")
    kind, code = facts.get("TypeOfBankElectronicReceipt", ""), facts.get("TransactionCode", "")
    marked = code in _RETURN_CODES or any(_RETURN.search(text) for text in (kind, notes, usage, code))
    is_return = direction is Direction.CREDIT and marked
    return Evidence(
        kind="bker",
        receipt_no=receipt_no,
        direction=direction,
        booking_date=day_of(_need(facts, "DateOfBookkeeping"), f"电子回单{receipt_no}的记账日期"),
        amount_fen=positive_fen(facts[_AMOUNT], f"电子回单{receipt_no}的金额"),
        own_account=_account(facts, own),
        other_account=_account(facts, other),
        other_name=facts.get(f"AccountNameOf{other}", ""),
        order_no=order_in(order_pattern, notes, usage),
        bank_reference=_need(facts, "BusinessSerialNumber"),
        is_return=is_return,
        reason=notes if is_return else "",
    )


def _account(facts: Mapping[str, str], role: str) -> str:
    return facts.get(f"AccountNumberOf{role}", "").replace(" ", "")


def _direction(facts: Mapping[str, str], own_accounts: Collection[str], receipt_no: str) -> Direction:
    payer_is_own = _account(facts, "Payer") in own_accounts
    payee_is_own = _account(facts, "Payee") in own_accounts
    if payer_is_own and payee_is_own:
        raise InvalidInput(
            "bankfile.own_transfer",
            f"电子回单{receipt_no}的收付款双方都是本单位账户，无法判断属于哪个账户",
            receipt_no=receipt_no,
        )
    if not payer_is_own and not payee_is_own:
        raise InvalidInput(
            "bankfile.foreign_account",
            f"电子回单{receipt_no}的收付款账户都不是本单位在该行的账户",
            receipt_no=receipt_no,
        )
    return Direction.DEBIT if payer_is_own else Direction.CREDIT


def order_in(pattern: str, *texts: str) -> str:
    """The one order number that free text names; "" where it names none or two."""
    # A longer run of the same characters is another number, not ours with something behind it.
    whole = re.compile(f"(?<![0-9A-Za-z-])(?:{pattern})(?![0-9A-Za-z-])", re.ASCII)
    found = {match.group() for text in texts for match in whole.finditer(text)}
    found = {text for text in found if not text.endswith("-")}  # what a space or a line end left of one
    return found.pop() if len(found) == 1 else ""
