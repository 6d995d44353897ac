"""Electronic receipts as XBRL instances: whose, which way, how much, for which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount, Direction, Evidence
from adapters.banks.simulator.messages.receipt import PrintedReceipt, receipt_name, write_bker
from ledger.core.errors import InvalidInput

DAY = date(2026, 11, 23)


@pytest.fixture
def receipt(payer: BankAccount, payee: BankAccount) -> PrintedReceipt:
    return PrintedReceipt(
        receipt_no="20261123000000000000000000001",
        issuer_cnaps="102521000012",
        booking_date=DAY,
        issue_date=date(2026, 11, 24),
        payer=payer,
        payee=payee,
        amount_fen=12345678,
        serial="HX20261123000042",
        usage="202611月结职工医保H42010000001",
        notes="指令号:FL20261121-4201-000001",
    )


@pytest.mark.parametrize("taxonomy_date", ["2021-11-30", "2023-05-15", "2027-01-01"])
@pytest.mark.parametrize("twin", [False, True])
def test_payment(
    bank_format: Iso20022Format, receipt: PrintedReceipt, taxonomy_date: str, twin: bool
) -> None:
    decoded = bank_format.decode("r.xml", write_bker(receipt, taxonomy_date=taxonomy_date, twin=twin))
    assert (decoded.kind, decoded.rejected, decoded.statuses) == ("bker", (), ())
    assert decoded.evidence == (
        Evidence(
            kind="bker",
            receipt_no="20261123000000000000000000001",
            direction=Direction.DEBIT,
            booking_date=DAY,
            amount_fen=12345678,
            own_account=receipt.payer.number,
            other_account=receipt.payee.number,
            other_name=receipt.payee.name,
            order_no="FL20261121-4201-000001",
            bank_reference="HX20261123000042",
        ),
    )


@pytest.mark.parametrize(
    ("kind", "notes", "usage", "code", "is_return"),
    [
        ("转账汇款回单", "汇出退回 FL20261121-4201-000001 账号户名不符", "", "", True),
        ("退汇回单", "FL20261121-4201-000001", "", "", True),
        ("转账汇款回单", "FL20261121-4201-000001", "汇款退回", "", True),
        ("转账汇款回单", "FL20261121-4201-000001", "", "RRTN", True),
        ("转账汇款回单", "FL20261121-4201-000001", "利息", "1001", False),
    ],
)
def test_credit(
    bank_format: Iso20022Format,
    receipt: PrintedReceipt,
    kind: str,
    notes: str,
    usage: str,
    code: str,
    is_return: bool,
) -> None:
    back = replace(
        receipt,
        payer=receipt.payee,
        payee=receipt.payer,
        kind=kind,
        notes=notes,
        usage=usage,
        transaction_code=code,
    )
    (evidence,) = bank_format.decode("r.xml", write_bker(back)).evidence
    assert evidence.direction is Direction.CREDIT
    assert evidence.is_return is is_return
    assert evidence.order_no == "FL20261121-4201-000001"
    assert evidence.own_account == receipt.payer.number
    assert evidence.other_account == receipt.payee.number


def test_a_debit_is_never_a_return(bank_format: Iso20022Format, receipt: PrintedReceipt) -> None:
    (evidence,) = bank_format.decode("r.xml", write_bker(replace(receipt, usage="退回多收款"))).evidence
    assert (evidence.direction, evidence.is_return) == (Direction.DEBIT, False)


@pytest.mark.parametrize(
    ("notes", "usage", "order_no"),
    [
        ("付款FL20261121-4201-000001已付", "", "FL20261121-4201-000001"),
        ("", "FL20261121-4201-000001", "FL20261121-4201-000001"),
        ("FL20261121-4201-000001", "FL20261121-4201-000001", "FL20261121-4201-000001"),
        ("FL20261121-4201-000001", "FL20261121-4201-000002", ""),
        ("XFL20261121-4201-000001", "", ""),
        ("FL20261121-4201-" + "0" * 30, "", ""),
        ("FL2026", "", ""),
        ("月结职工医保", "", ""),
    ],
)
def test_order_number_by_strict_pattern(
    bank_format: Iso20022Format, receipt: PrintedReceipt, notes: str, usage: str, order_no: str
) -> None:
    (evidence,) = bank_format.decode("r.xml", write_bker(replace(receipt, notes=notes, usage=usage))).evidence
    assert evidence.order_no == order_no


def test_another_pattern(receipt: PrintedReceipt) -> None:
    other = Iso20022Format(own_accounts=frozenset({receipt.payer.number}), order_pattern="P[0-9]{6}")
    (evidence,) = other.decode("r.xml", write_bker(replace(receipt, notes="P202611"))).evidence
    assert evidence.order_no == "P202611"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (">123456.78<", ">-123456.78<", "amount"),
        (">123456.78<", ">123456.785<", "amount"),
        (">123456.78<", ">0.00<", "missing"),
        (">123456.78<", "><", "missing"),
        (">2026-11-23</DateOfBookkeeping", ">2026年11月23日</DateOfBookkeeping", "date"),
        (">HX20261123000042<", "><", "missing"),
        (">3202000129200123456<", ">999<", "foreign_account"),
        (">42001234567890123456<", ">3202000129200123456<", "own_transfer"),
        (">20261123000000000000000000001<", "><", "missing"),
        ("taxonomy/2023-05-15/bker", "taxonomy/2023-05-15/bkrs", "kind"),
        ("http://xbrl.mof.gov.cn/taxonomy/", "http://example.cn/taxonomy/", "kind"),
    ],
)
def test_refused(bank_format: Iso20022Format, receipt: PrintedReceipt, old: str, new: str, code: str) -> None:
    content = write_bker(receipt)
    assert old.encode() in content
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("r.xml", content.replace(old.encode(), new.encode()))
    assert refusal.value.code == f"bankfile.{code}"


PREFIXED = """<?xml version="1.0" encoding="{encoding}"?>
<xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:bker="http://xbrl.mof.gov.cn/taxonomy/2021-11-30/bker">
 <bker:NumberOfBankElectronicReceipt contextRef="c">R1</bker:NumberOfBankElectronicReceipt>
 <bker:DateOfBookkeeping contextRef="c">2026-11-23</bker:DateOfBookkeeping>
 <bker:InformationOfPayerTuple>
  <bker:AccountNameOfPayer contextRef="c">武汉市医疗保障基金支出户</bker:AccountNameOfPayer>
  <bker:AccountNumberOfPayer contextRef="c">3202 0001 2920 0123 456</bker:AccountNumberOfPayer>
 </bker:InformationOfPayerTuple>
 <bker:InformationOfPayeeTuple>
  <bker:AccountNameOfPayee contextRef="c">黄陂区䶮山镇卫生院</bker:AccountNameOfPayee>
  <bker:AccountNumberOfPayee contextRef="c">62284</bker:AccountNumberOfPayee>
 </bker:InformationOfPayeeTuple>
 {amounts}
 <bker:BusinessSerialNumber contextRef="c">S1</bker:BusinessSerialNumber>
</xbrli:xbrl>"""
NIL = '<bker:TransactionAmountInFigures xsi:nil="true"/>'
ZERO = "<bker:TransactionAmountInFigures>0.00</bker:TransactionAmountInFigures>"
ONE = "<bker:TransactionAmountInFigures>1.00</bker:TransactionAmountInFigures>"


@pytest.mark.fault(46)
@pytest.mark.parametrize("encoding", ["UTF-8", "GBK", "GB2312", "GB18030"])
@pytest.mark.parametrize(
    "amounts",
    [
        ONE,
        ONE + ZERO,
        f"<bker:T>{ZERO}</bker:T><bker:T>{ONE}</bker:T>",
        f"<bker:T>{NIL}</bker:T><bker:T>{ONE}</bker:T>",
        f"{NIL}<bker:T>{ONE}</bker:T>",
    ],
)
def test_tuples_twins_and_charsets(bank_format: Iso20022Format, encoding: str, amounts: str) -> None:
    text = PREFIXED.format(encoding=encoding, amounts=amounts)
    content = text.encode("utf-8" if encoding == "UTF-8" else "gb18030")
    (evidence,) = bank_format.decode("r.xml", content).evidence
    assert (evidence.amount_fen, evidence.direction, evidence.order_no) == (100, Direction.DEBIT, "")
    assert evidence.other_name == "黄陂区䶮山镇卫生院"
    assert evidence.own_account == "3202000129200123456"


@pytest.mark.parametrize("amounts", [ONE + ONE, f"{ONE}<bker:T>{ONE}</bker:T>"])
def test_two_amounts_for_one_receipt_decide_nothing(bank_format: Iso20022Format, amounts: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("r.xml", PREFIXED.format(encoding="UTF-8", amounts=amounts).encode())
    assert refusal.value.code == "bankfile.repeated"


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("<bker:AccountNumberOfPayer>999</bker:AccountNumberOfPayer>", "repeated"),
        ("<bker:BusinessSerialNumber>S2</bker:BusinessSerialNumber>", "repeated"),
        ("<bker:Currency>USD</bker:Currency>", "currency"),
    ],
)
def test_facts_that_contradict(bank_format: Iso20022Format, extra: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("r.xml", PREFIXED.format(encoding="UTF-8", amounts=ONE + extra).encode())
    assert refusal.value.code == f"bankfile.{code}"


def test_facts_said_twice_and_others_words(bank_format: Iso20022Format) -> None:
    extra = (
        "<bker:Currency>人民币</bker:Currency><bker:BusinessSerialNumber>S1</bker:BusinessSerialNumber>"
        "<bker:T><bker:DebitOrCredit>0</bker:DebitOrCredit></bker:T><AccountNumberOfPayer>999</AccountNumberOfPayer>"
    )
    content = PREFIXED.format(encoding="UTF-8", amounts=ONE + extra).encode()
    plain = PREFIXED.format(encoding="UTF-8", amounts=ONE).encode()
    assert bank_format.decode("r.xml", content) == bank_format.decode("r.xml", plain)


def test_name_of_the_attachment(receipt: PrintedReceipt) -> None:
    assert receipt_name(receipt) == "bker_issuer_20261124_C110252100001220261123000000000000000000001.xml"
