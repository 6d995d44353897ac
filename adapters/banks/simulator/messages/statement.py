"""The bank writes statements of an account: camt.053.001.08, and the MoF standard's bkrs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.xml import add, new_root, to_bytes
from adapters.banks.ports import Direction
from ledger.core.money import yuan

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
XBRL: Final = "http://www.xbrl.org/2003/instance"
LINK: Final = "http://www.xbrl.org/2003/linkbase"
_INDICATORS: Final = {Direction.DEBIT: "DBIT", Direction.CREDIT: "CRDT"}


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One booked line as printed."""

    reference: str
    direction: Direction
    amount_fen: int
    booked_on: date
    balance_fen: int
    other_account: str = ""
    other_name: str = ""
    order_no: str = ""
    purpose: str = ""
    receipt_no: str = ""


@dataclass(frozen=True, slots=True)
class PrintedStatement:
    """A statement of one account over some days, its lines in booking order."""

    statement_id: str
    sequence: int
    created_at: datetime
    account: str
    account_name: str
    first_day: date
    last_day: date
    opening_fen: int
    lines: Sequence[PrintedLine]

    @property
    def closing_fen(self) -> int:
        """The balance after the last line."""
        return self.lines[-1].balance_fen if self.lines else self.opening_fen


def write_camt053(statement: PrintedStatement, *, namespace: str = NAMESPACE) -> bytes:
    """The statement as UTF-8 XML with its totals; before .04 states are bare codes, and before .08 names stand bare."""
    version = int(namespace.rpartition(".")[2])
    root = new_root("Document", namespace)
    message = add(root, "BkToCstmrStmt")
    created = statement.created_at.isoformat(timespec="seconds")
    header = add(message, "GrpHdr")
    add(header, "MsgId", statement.statement_id)
    add(header, "CreDtTm", created)
    body = add(message, "Stmt")
    add(body, "Id", statement.statement_id)
    add(body, "ElctrncSeqNb", str(statement.sequence))
    add(body, "CreDtTm", created)
    days = add(body, "FrToDt")
    add(days, "FrDtTm", f"{statement.first_day}T00:00:00")
    add(days, "ToDtTm", f"{statement.last_day}T23:59:59")
    account = add(body, "Acct")
    add(account, "Id/Othr/Id", statement.account)
    add(account, "Ccy", "CNY")
    add(account, "Ownr/Nm", statement.account_name)
    _balance(body, "OPBD", statement.opening_fen, statement.first_day)
    _balance(body, "CLBD", statement.closing_fen, statement.last_day)
    _summary(add(body, "TxsSummry"), statement.lines)
    for line in statement.lines:
        _entry(add(body, "Ntry"), statement, line, version)
    return to_bytes(root)


def _balance(body: Element, code: str, fen: int, day: date) -> None:
    balance = add(body, "Bal")
    add(balance, "Tp/CdOrPrtry/Cd", code)
    add(balance, "Amt", yuan(abs(fen))).set("Ccy", "CNY")
    add(balance, "CdtDbtInd", "CRDT" if fen >= 0 else "DBIT")
    add(balance, "Dt/Dt", day.isoformat())


def _summary(summary: Element, lines: Sequence[PrintedLine]) -> None:
    out = [line.amount_fen for line in lines if line.direction is Direction.DEBIT]
    came = [line.amount_fen for line in lines if line.direction is Direction.CREDIT]
    for name, amounts in (("TtlNtries", out + came), ("TtlCdtNtries", came), ("TtlDbtNtries", out)):
        total = add(summary, name)
        add(total, "NbOfNtries", str(len(amounts)))
        add(total, "Sum", yuan(sum(amounts)))


def _entry(entry: Element, statement: PrintedStatement, line: PrintedLine, version: int) -> None:
    add(entry, "Amt", yuan(line.amount_fen)).set("Ccy", "CNY")
    add(entry, "CdtDbtInd", _INDICATORS[line.direction])
    add(entry, "Sts/Cd" if version >= 7 else "Sts", "BOOK")
    add(entry, "BookgDt/Dt", line.booked_on.isoformat())
    add(entry, "ValDt/Dt", line.booked_on.isoformat())
    add(entry, "AcctSvcrRef", line.reference)
    code = add(entry, "BkTxCd/Domn")
    add(code, "Cd", "PMNT")
    family = add(code, "Fmly")
    add(family, "Cd", "ICDT" if line.direction is Direction.DEBIT else "RCDT")
    add(family, "SubFmlyCd", "DMCT")
    details = add(entry, "NtryDtls/TxDtls")
    references = add(details, "Refs")
    add(references, "AcctSvcrRef", line.reference)
    add(references, "EndToEndId", line.order_no or "NOTPROVIDED")
    if line.receipt_no:
        named = add(references, "Prtry")
        add(named, "Tp", "RECEIPT")
        add(named, "Ref", line.receipt_no)
    if version >= 3:
        add(details, "Amt", yuan(line.amount_fen)).set("Ccy", "CNY")
        add(details, "CdtDbtInd", _INDICATORS[line.direction])
    if line.other_account or line.other_name:
        own, other = (statement.account_name, statement.account), (line.other_name, line.other_account)
        parties = add(details, "RltdPties")
        sides = (own, other) if line.direction is Direction.DEBIT else (other, own)
        for role, (name, number) in zip(("Dbtr", "Cdtr"), sides, strict=True):
            add(parties, f"{role}/Pty/Nm" if version >= 8 else f"{role}/Nm", name)
            add(parties, f"{role}Acct/Id/Othr/Id", number)
    if line.purpose:
        add(details, "RmtInf/Ustrd", line.purpose)


def write_bkrs(
    statement: PrintedStatement, *, taxonomy_date: str = "2021-11-30", twin: bool = False
) -> bytes:
    """The statement of a month as an XBRL instance of `bkrs`; with `twin`, a nought tuple beside each line, as one bank does."""
    space = f"http://xbrl.mof.gov.cn/taxonomy/{taxonomy_date}/bkrs"
    root = new_root("xbrl", XBRL)
    reference = new_root("schemaRef", LINK)
    reference.set("{http://www.w3.org/1999/xlink}type", "simple")
    reference.set("{http://www.w3.org/1999/xlink}href", f"bkrs_entry_point_{taxonomy_date}.xsd")
    root.append(reference)
    context = f"As_Of_{statement.last_day:%Y_%m_%d}"
    head = (
        ("Currency", "CNY"),
        ("CustomerSettlementBankAccount", statement.account),
        ("NameOfCustomerAccount", statement.account_name),
        ("YearOfBankReconciliationStatement", f"{statement.first_day:%Y}"),
        ("MonthOfBankReconciliationStatement", f"{statement.first_day:%m}"),
    )
    for name, value in head:
        _fact(root, space, context, name, value)
    for line in statement.lines:
        _details(root, space, context, line)
        if twin:
            empty = new_root("InformationOfReconcileDetailsTuple", space)
            _fact(empty, space, context, "TransactionAmount", "0.00")
            root.append(empty)
    _fact(
        root, space, context, "AccountBalanceAtTheEndOfReconciliationCycleAmount", yuan(statement.closing_fen)
    )
    return to_bytes(root)


def _details(root: Element, space: str, context: str, line: PrintedLine) -> None:
    found = new_root("InformationOfReconcileDetailsTuple", space)
    for name, value in (
        ("DateOfBookkeeping", line.booked_on.isoformat()),
        ("BusinessSerialNumber", line.reference),
        ("NotesOfBankElectronicReceipt", f"{line.purpose} {line.order_no}".strip()),
        ("IdentificationOfCreditOrDebit", "0" if line.direction is Direction.DEBIT else "1"),
        ("TransactionAmount", yuan(line.amount_fen)),
        ("DebitOrCreditOfBalance", "1" if line.balance_fen >= 0 else "0"),
        ("AccountBalance", yuan(abs(line.balance_fen))),
        ("AccountOfCounterparty", line.other_account),
        ("NameOfCounterparty", line.other_name),
        ("NumberOfBankElectronicReceipt", line.receipt_no),
    ):
        if value:
            _fact(found, space, context, name, value)
    root.append(found)


def _fact(parent: Element, space: str, context: str, name: str, value: str) -> None:
    fact = new_root(name, space)
    fact.text = value
    fact.set("contextRef", context)
    parent.append(fact)
