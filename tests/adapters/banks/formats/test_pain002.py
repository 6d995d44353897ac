"""Status reports: what each code means, what is refused whole, and what is only set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankState, OrderStatus
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus, write_pain002
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput

REPORT = StatusReport(
    report_id="BK20261121001",
    created_at=datetime(2026, 11, 21, 9, 0, tzinfo=SHANGHAI),
    message_id="M1",
    count=3,
    total_fen=600,
    code="PART",
    transactions=(
        TransactionStatus("FL20261121-1", "ACSC", 100, bank_reference="S1"),
        TransactionStatus("FL20261121-2", "RJCT", 200, reason_code="BE01", reason="账号户名不符" * 20),
        TransactionStatus("FL20261121-3", "PDNG", 300),
    ),
)


def test_official_schema_accepts_the_banks_report(schema_errors: Callable[[str, bytes], list[str]]) -> None:
    assert schema_errors("pain.002.001.12", write_pain002(REPORT)) == []
    whole = replace(REPORT, code="RJCT", reason_code="AM05", reason="重复", transactions=())
    assert schema_errors("pain.002.001.12", write_pain002(whole)) == []


def test_each_order_gets_its_state(bank_format: Iso20022Format) -> None:
    decoded = bank_format.decode("r.xml", write_pain002(REPORT))
    assert decoded.kind == "pain.002"
    assert decoded.rejected == ()
    assert decoded.evidence == ()
    settled, refused, pending = decoded.statuses
    assert settled == OrderStatus("M1", "FL20261121-1", BankState.SETTLED, "ACSC", bank_reference="S1")
    assert (refused.state, refused.reason_code) == (BankState.REJECTED, "BE01")
    assert refused.reason.replace("；", "") == "账号户名不符" * 20
    assert pending.state is BankState.ACCEPTED


@pytest.mark.parametrize(
    ("code", "state"),
    [
        *((code, BankState.SETTLED) for code in ("ACSC", "ACCC")),
        *(
            (code, BankState.ACCEPTED)
            for code in ["RCVD", "ACTC", "ACCP", "ACSP", "ACWC", "ACFC", "PDNG", "PATC", "ACWP", "ACPD"]
        ),
        ("RJCT", BankState.REJECTED),
        *((code, BankState.UNKNOWN) for code in ["CANC", "BLCK", "CPUC", "PART", "RVNC", "XXXX", "acsc"]),
    ],
)
def test_codes(bank_format: Iso20022Format, code: str, state: BankState) -> None:
    report = replace(REPORT, code="ACTC", transactions=(replace(REPORT.transactions[0], code=code),))
    group, order = bank_format.decode("r.xml", write_pain002(report)).statuses
    assert (group.order_no, group.state) == ("", BankState.ACCEPTED)
    assert (order.state, order.code) == (state, code)


@pytest.mark.parametrize(
    ("code", "state"),
    [("RJCT", BankState.REJECTED), ("ACTC", BankState.ACCEPTED), ("PART", BankState.UNKNOWN)],
)
def test_group_alone_speaks_for_all(bank_format: Iso20022Format, code: str, state: BankState) -> None:
    report = replace(REPORT, code=code, reason_code="AM05", reason="报文重复", transactions=())
    (status,) = bank_format.decode("r.xml", write_pain002(report)).statuses
    assert status == OrderStatus("M1", "", state, code, ("AM05",), "报文重复")


def test_payment_information_level_speaks_too(bank_format: Iso20022Format) -> None:
    content = b"""<Document><CstmrPmtStsRpt><OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId><GrpSts>ACTC</GrpSts>
    </OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>M1</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>
    </OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""
    states = [status.state for status in bank_format.decode("r.xml", content).statuses]
    assert states == [BankState.ACCEPTED, BankState.REJECTED]


@pytest.mark.parametrize("version", ["03", "10", "15"])
def test_any_version_wrapped_or_bare(bank_format: Iso20022Format, version: str) -> None:
    content = write_pain002(REPORT)
    expected = bank_format.decode("r.xml", content)
    other = content.replace(b"pain.002.001.12", f"pain.002.001.{version}".encode())
    body = content.split(b"?>", 1)[1]
    bare = body.replace(b' xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"', b"")
    wrapped = (
        b'<message><AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"/>' + body + b"</message>"
    )
    prefixed = body.replace(b"xmlns=", b"xmlns:p=").replace(b"</", b"</p:")
    prefixed = b"".join(
        b"<" + (part if part.startswith(b"/") else b"p:" + part) for part in prefixed.split(b"<")[1:]
    )
    for variant in (other, bare, wrapped, prefixed):
        assert bank_format.decode("r.xml", variant) == expected


def _replaced(old: str, new: str) -> bytes:
    content = write_pain002(REPORT)
    assert old.encode() in content
    return content.replace(old.encode(), new.encode())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (_replaced("<OrgnlNbOfTxs>3<", "<OrgnlNbOfTxs>2<"), "totals"),
        (_replaced("<OrgnlNbOfTxs>3<", "<OrgnlNbOfTxs>three<"), "count"),
        (_replaced("<OrgnlCtrlSum>6.00<", "<OrgnlCtrlSum>6.01<"), "totals"),
        (_replaced("<GrpSts>PART<", "<GrpSts>RJCT<"), "contradiction"),
        (_replaced("<GrpSts>PART<", "<GrpSts>ACSC<"), "contradiction"),
        (_replaced("FL20261121-2<", "FL20261121-1<"), "contradiction"),
        (_replaced("<OrgnlMsgId>M1<", "<OrgnlMsgId><"), "missing"),
        (_replaced("<GrpSts>PART</GrpSts>", "<GrpSts>PART</GrpSts><GrpSts>ACSC</GrpSts>"), "repeated"),
        (
            _replaced(
                "<GrpSts>PART</GrpSts>",
                "<GrpSts>PART</GrpSts><NbOfTxsPerSts><DtldNbOfTxs>2</DtldNbOfTxs><DtldSts>RJCT</DtldSts></NbOfTxsPerSts>",
            ),
            "totals",
        ),
        (write_pain002(REPORT)[:-40], "malformed"),
    ],
)
def test_refused_whole(bank_format: Iso20022Format, content: bytes, code: str) -> None:
    with pytest.raises(InvalidInput, match=r"r\.xml") as refusal:
        bank_format.decode("r.xml", content)
    assert refusal.value.code == f"bankfile.{code}"


def _per_status(**counts: int) -> bytes:
    blocks = "".join(
        f"<NbOfTxsPerSts><DtldNbOfTxs>{number}</DtldNbOfTxs><DtldSts>{code}</DtldSts></NbOfTxsPerSts>"
        for code, number in counts.items()
    )
    return _replaced("<GrpSts>PART</GrpSts>", f"<GrpSts>PART</GrpSts>{blocks}")


@pytest.mark.parametrize(
    ("counts", "believed"),
    [
        ({"ACSC": 1, "RJCT": 1, "PDNG": 1}, True),
        ({"ACSC": 1, "RJCT": 2}, False),
        ({"ACSC": 1, "RJCT": 1, "PDNG": 1, "CANC": 1}, False),
    ],
)
def test_counts_per_status(bank_format: Iso20022Format, counts: dict[str, int], believed: bool) -> None:
    if believed:
        assert len(bank_format.decode("r.xml", _per_status(**counts)).statuses) == 3
    else:
        with pytest.raises(InvalidInput) as refusal:
            bank_format.decode("r.xml", _per_status(**counts))
        assert refusal.value.code == "bankfile.totals"


def test_some_cannot_be_more_than_all(bank_format: Iso20022Format) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("r.xml", write_pain002(replace(REPORT, count=4, total_fen=500)))
    assert refusal.value.code == "bankfile.totals"


def test_several_payment_groups_are_not_ours(bank_format: Iso20022Format) -> None:
    block = (
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>P</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts></OrgnlPmtInfAndSts>"
    )
    content = _replaced("</CstmrPmtStsRpt>", f"{block}</CstmrPmtStsRpt>")
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("r.xml", content)
    assert refusal.value.code == "bankfile.payment_information"


def test_only_the_rejected_may_be_listed(bank_format: Iso20022Format) -> None:
    report = replace(REPORT, transactions=REPORT.transactions[1:2])
    (status,) = bank_format.decode("r.xml", write_pain002(report)).statuses
    assert status.order_no == "FL20261121-2"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">FL20261121-2<", ">NOTPROVIDED<"),
        (">FL20261121-2<", "><"),
        (">FL20261121-2<", ">指令二<"),
        ("<TxSts>RJCT<", "<TxSts><"),
    ],
)
def test_one_unreadable_transaction_is_set_aside(bank_format: Iso20022Format, old: str, new: str) -> None:
    decoded = bank_format.decode("r.xml", _replaced(old, new))
    assert [status.order_no for status in decoded.statuses] == ["FL20261121-1", "FL20261121-3"]
    (rejected,) = decoded.rejected
    assert rejected.where == "TxInfAndSts[2]"
    assert rejected.code in ("bankfile.id", "bankfile.missing")


@pytest.mark.parametrize("end_to_end", ["", "NOTPROVIDED"])
def test_the_instruction_id_alone_names_the_order(bank_format: Iso20022Format, end_to_end: str) -> None:
    content = _replaced("<OrgnlEndToEndId>FL20261121-2<", f"<OrgnlEndToEndId>{end_to_end}<")
    decoded = bank_format.decode("r.xml", content)
    assert [status.order_no for status in decoded.statuses] == [f"FL20261121-{n}" for n in (1, 2, 3)]


def test_every_reason_counts_wherever_it_stands(bank_format: Iso20022Format) -> None:
    content = b"""<Document><CstmrPmtStsRpt><OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId><GrpSts>RJCT</GrpSts>
    <StsRsnInf><Rsn><Cd>DU01</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>M1</OrgnlPmtInfId>
    <StsRsnInf><Rsn><Prtry>REPEAT</Prtry></Rsn><AddtlInf>in words</AddtlInf></StsRsnInf>
    <TxInfAndSts><OrgnlEndToEndId>FL-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>NARR</Cd></Rsn></StsRsnInf>
    <StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""
    _, order = bank_format.decode("r.xml", content).statuses
    assert (order.reason_codes, order.whole_reason_codes) == (("NARR", "AC04"), ("DU01", "REPEAT"))
    assert order.whole_reason == "in words"


def test_groups_sorted_by_status_and_transactions_beside_the_group(bank_format: Iso20022Format) -> None:
    def said(number: int, code: str) -> str:
        return (
            f"<TxInfAndSts><OrgnlEndToEndId>FL-{number}</OrgnlEndToEndId><TxSts>{code}</TxSts></TxInfAndSts>"
        )

    def group(code: str, inside: str) -> str:
        return f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>M1</OrgnlPmtInfId><PmtInfSts>{code}</PmtInfSts>{inside}</OrgnlPmtInfAndSts>"

    content = (
        "<Document><CstmrPmtStsRpt><OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId></OrgnlGrpInfAndSts>"
        + group("ACSP", said(1, "ACSP"))
        + group("RJCT", said(2, "RJCT"))
        + said(3, "RJCT")
        + "</CstmrPmtStsRpt></Document>"
    )
    found = bank_format.decode("r.xml", content.encode()).statuses
    assert [(s.order_no, s.code) for s in found] == [("FL-1", "ACSP"), ("FL-2", "RJCT"), ("FL-3", "RJCT")]
