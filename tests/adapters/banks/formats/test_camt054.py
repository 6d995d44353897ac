"""Notifications: every booked movement once, its direction right, and no file believed that does not add up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount, Decoded, Direction, Evidence
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput

DAY = date(2026, 11, 23)
DEBIT = NotifiedMovement(
    "S001", Direction.DEBIT, 12345678, DAY, "42001234", "武汉市第一医院", "FL20261121-1", "月结"
)
RETURN = NotifiedMovement(
    "S002",
    Direction.CREDIT,
    200,
    DAY,
    "6228480001",
    "卫生院",
    "FL20261121-2",
    "退汇",
    "BE01",
    "账号户名不符" * 20,
)


@pytest.fixture
def notification(payer: BankAccount) -> Notification:
    created = datetime(2026, 11, 23, 20, 0, tzinfo=SHANGHAI)
    return Notification("N20261123", created, payer.number, payer.name, (DEBIT, RETURN))


def _body(entries: str, summary: str = "", account: str = "3202000129200123456") -> bytes:
    return (
        "<Document><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N1</MsgId></GrpHdr><Ntfctn><Id>N1</Id>"
        f"<Acct><Id><Othr><Id>{account}</Id></Othr></Id></Acct>{summary}{entries}"
        "</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    ).encode()


def _entry(inside: str = "", *, amount: str = "1.00", side: str = "DBIT", extra: str = "", **kw: str) -> str:
    status = kw.get("status", "<Sts>BOOK</Sts>")
    day = kw.get("day", "<BookgDt><Dt>2026-11-23</Dt></BookgDt>")
    reference = kw.get("reference", "<AcctSvcrRef>S9</AcctSvcrRef>")
    currency = kw.get("currency", "CNY")
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{extra}{status}{day}{reference}'
        f"<NtryDtls>{inside}</NtryDtls></Ntry>"
    )


def _tx(amount: str, order_no: str, reference: str = "") -> str:
    own = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    value = f'<Amt Ccy="CNY">{amount}</Amt>' if amount else ""
    return f"<TxDtls><Refs>{own}<EndToEndId>{order_no}</EndToEndId></Refs>{value}</TxDtls>"


def test_official_schema_accepts_the_banks_notification(
    notification: Notification, schema_errors: Callable[[str, bytes], list[str]]
) -> None:
    assert schema_errors("camt.054.001.08", write_camt054(notification)) == []


def test_debit_and_return(
    bank_format: Iso20022Format, notification: Notification, payer: BankAccount
) -> None:
    decoded = bank_format.decode("n.xml", write_camt054(notification))
    assert (decoded.kind, decoded.statuses, decoded.rejected) == ("camt.054", (), ())
    debit, returned = decoded.evidence
    assert debit == Evidence(
        kind="camt.054",
        receipt_no="S001",
        direction=Direction.DEBIT,
        booking_date=DAY,
        amount_fen=12345678,
        own_account=payer.number,
        other_account="42001234",
        other_name="武汉市第一医院",
        order_no="FL20261121-1",
        bank_reference="S001",
    )
    assert (returned.direction, returned.is_return, returned.reason_code) == (Direction.CREDIT, True, "BE01")
    assert (returned.order_no, returned.amount_fen, returned.other_account) == (
        "FL20261121-2",
        200,
        "6228480001",
    )
    assert returned.reason.replace("；", "") == "账号户名不符" * 20


@pytest.mark.fault(41)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<NbOfNtries>2<", "<NbOfNtries>3<"),
        ("<NbOfNtries>1<", "<NbOfNtries>2<"),
        ("<Sum>123458.78<", "<Sum>123458.79<"),
        ("<Sum>2.00<", "<Sum>-2.00<"),
        ("<Sum>2.00<", "<Sum>NaN<"),
        ('"CNY">123456.78<', '"CNY">123456.79<'),
        ('"CNY">123456.78<', '"CNY">123,456.78<'),
        ("<CdtDbtInd>CRDT<", "<CdtDbtInd>DBIT<"),
    ],
)
def test_totals_decide(bank_format: Iso20022Format, notification: Notification, old: str, new: str) -> None:
    content = write_camt054(notification)
    assert old.encode() in content
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("n.xml", content.replace(old.encode(), new.encode()))
    assert refusal.value.code == "bankfile.totals"


@pytest.mark.parametrize(
    ("net", "believed"),
    [
        ("<TtlNetNtry><Amt>1.00</Amt><CdtDbtInd>DBIT</CdtDbtInd></TtlNetNtry>", True),
        ("<TtlNetNtry><Amt>1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></TtlNetNtry>", False),
        ("<TtlNetNtryAmt>1.00</TtlNetNtryAmt><CdtDbtInd>DBIT</CdtDbtInd>", True),
        ("<TtlNetNtryAmt>0.99</TtlNetNtryAmt><CdtDbtInd>DBIT</CdtDbtInd>", False),
    ],
)
def test_net_total(bank_format: Iso20022Format, net: str, believed: bool) -> None:
    content = _body(_entry(), f"<TxsSummry><TtlNtries>{net}</TtlNtries></TxsSummry>")
    if believed:
        assert len(bank_format.decode("n.xml", content).evidence) == 1
    else:
        with pytest.raises(InvalidInput, match="净额"):
            bank_format.decode("n.xml", content)


@pytest.mark.parametrize(
    ("total", "believed"),
    [
        ("<TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>1</Sum></TtlDbtNtries>", True),
        ("<TtlDbtNtries><NbOfNtries>2</NbOfNtries></TtlDbtNtries>", False),
        ("<TtlDbtNtries><Sum>1.01</Sum></TtlDbtNtries>", False),
        ("<TtlCdtNtries><Sum>1.00</Sum></TtlCdtNtries>", False),
        ("<TtlCdtNtries><NbOfNtries>0</NbOfNtries><Sum>0</Sum></TtlCdtNtries>", True),
    ],
)
def test_total_of_one_side(bank_format: Iso20022Format, total: str, believed: bool) -> None:
    content = _body(_entry(), f"<TxsSummry>{total}</TxsSummry>")
    if believed:
        assert len(bank_format.decode("n.xml", content).evidence) == 1
    else:
        with pytest.raises(InvalidInput) as refusal:
            bank_format.decode("n.xml", content)
        assert refusal.value.code == "bankfile.totals"


def test_one_entry_for_many_payments(bank_format: Iso20022Format) -> None:
    entry = _entry(_tx("0.40", "FL-1", "T1") + _tx("0.60", "FL-2", "T2"))
    decoded = bank_format.decode("n.xml", _body(entry))
    assert [(e.order_no, e.amount_fen, e.bank_reference) for e in decoded.evidence] == [
        ("FL-1", 40, "T1"),
        ("FL-2", 60, "T2"),
    ]


@pytest.mark.parametrize("reference", ["", "S9"])
def test_payments_without_a_serial_of_their_own_stay_apart(
    bank_format: Iso20022Format, reference: str
) -> None:
    entry = _entry(_tx("0.40", "FL-1", reference) + _tx("0.60", "FL-2", reference))
    decoded = bank_format.decode("n.xml", _body(entry))
    assert [e.bank_reference for e in decoded.evidence] == ["S9#FL-1", "S9#FL-2"]
    assert [e.receipt_no for e in decoded.evidence] == ["S9#FL-1", "S9#FL-2"]


def test_entry_without_details_is_a_movement_without_order(bank_format: Iso20022Format) -> None:
    (evidence,) = bank_format.decode("n.xml", _body(_entry(side="CRDT"))).evidence
    assert (evidence.order_no, evidence.direction, evidence.is_return) == ("", Direction.CREDIT, False)


def test_reversal_of_a_debit_comes_in_as_a_return(bank_format: Iso20022Format) -> None:
    # ISO 20022: CRDT with RvslInd means that the original operation was a debit.
    entry = _entry(_tx("", "FL-1"), side="CRDT", extra="<RvslInd>true</RvslInd>")
    (evidence,) = bank_format.decode("n.xml", _body(entry)).evidence
    assert (evidence.direction, evidence.is_return, evidence.order_no) == (Direction.CREDIT, True, "FL-1")


def test_return_by_transaction_code(bank_format: Iso20022Format) -> None:
    code = "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>RRTN</SubFmlyCd></Fmly></Domn></BkTxCd>"
    entry = _entry(_tx("", "FL-1"), side="CRDT", extra=code)
    (evidence,) = bank_format.decode("n.xml", _body(entry)).evidence
    assert (evidence.is_return, evidence.reason_code) == (True, "")


def test_returned_payment_may_keep_its_old_roles(bank_format: Iso20022Format, payer: BankAccount) -> None:
    parties = (
        f"<RltdPties><Dbtr><Nm>{payer.name}</Nm></Dbtr><DbtrAcct><Id><Othr><Id>{payer.number}</Id></Othr></Id></DbtrAcct>"
        "<Cdtr><Nm>卫生院</Nm></Cdtr><CdtrAcct><Id><Othr><Id>62284</Id></Othr></Id></CdtrAcct></RltdPties>"
    )
    tx = f"<TxDtls><Refs><EndToEndId>FL-1</EndToEndId></Refs>{parties}<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf></TxDtls>"
    (evidence,) = bank_format.decode("n.xml", _body(_entry(tx, side="CRDT"))).evidence
    assert (evidence.other_account, evidence.other_name, evidence.is_return) == ("62284", "卫生院", True)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (_entry(status="<Sts>PDNG</Sts>"), "not_booked"),
        (_entry(status="<Sts><Cd>INFO</Cd></Sts>"), "not_booked"),
        (_entry(currency="USD"), "currency"),
        (_entry().replace(">1.00<", ">1<b>.00</b><"), "leaf"),
        (_entry(amount="1.005"), "amount"),
        (_entry(amount="0.00"), "amount"),
        (_entry(amount="-1.00"), "amount"),
        (_entry(amount="1e3"), "amount"),
        (_entry(side="XXXX"), "direction"),
        (_entry(day=""), "missing"),
        (_entry(day="<BookgDt><Dt>2026-02-30</Dt></BookgDt>"), "date"),
        (_entry(extra="<RvslInd>maybe</RvslInd>"), "reversal"),
        (_entry(_tx("", "FL-1"), extra="<RvslInd>true</RvslInd>"), "reversal"),
        (_entry(_tx("0.40", "FL-1") + _tx("0.61", "FL-2")), "totals"),
        (_entry(_tx("0.40", "FL-1") + _tx("", "FL-2")), "missing"),
        (_entry("<Btch><NbOfTxs>3</NbOfTxs></Btch>" + _tx("", "FL-1")), "totals"),
        (_entry('<Btch><TtlAmt Ccy="CNY">1.01</TtlAmt></Btch>' + _tx("", "FL-1")), "totals"),
        (_entry('<TxDtls><Amt Ccy="CNY">1.00</Amt><Amt Ccy="CNY">9.00</Amt></TxDtls>'), "repeated"),
    ],
)
def test_one_bad_entry_is_set_aside_and_the_rest_goes_on(
    bank_format: Iso20022Format, entry: str, code: str
) -> None:
    good = _entry(_tx("", "FL-9"), reference="<AcctSvcrRef>S10</AcctSvcrRef>")
    decoded: Decoded = bank_format.decode("n.xml", _body(entry + good))
    assert [e.order_no for e in decoded.evidence] == ["FL-9"]
    (rejected,) = decoded.rejected
    assert rejected.code == f"bankfile.{code}"
    assert rejected.where.startswith("Ntry[1]")
    assert rejected.message


def test_trailing_zeros_and_instants_are_read(bank_format: Iso20022Format) -> None:
    entry = _entry(amount="1.00000", day="<BookgDt><DtTm>2026-11-22T16:30:00Z</DtTm></BookgDt>")
    (evidence,) = bank_format.decode("n.xml", _body(entry)).evidence
    assert evidence.amount_fen == 100
    assert evidence.booking_date == DAY


@pytest.mark.fault(38)
def test_anothers_account_is_refused(bank_format: Iso20022Format, notification: Notification) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("n.xml", write_camt054(replace(notification, account="999")))
    assert refusal.value.code == "bankfile.foreign_account"


@pytest.mark.parametrize("version", ["02", "04", "14"])
def test_other_versions(bank_format: Iso20022Format, notification: Notification, version: str) -> None:
    content = write_camt054(notification)
    other = content.replace(b"camt.054.001.08", f"camt.054.001.{version}".encode())
    assert bank_format.decode("n.xml", other) == bank_format.decode("n.xml", content)


def test_a_statement_is_not_a_notification(bank_format: Iso20022Format) -> None:
    with pytest.raises(InvalidInput) as refusal:
        bank_format.decode("s.xml", b"<Document><BkToCstmrStmt/></Document>")
    assert refusal.value.code == "bankfile.kind"


def test_an_entry_without_any_serial_is_a_movement_all_the_same(bank_format: Iso20022Format) -> None:
    """Its number is made of what it says: the same in every file, and another for the second of two alike."""
    alike = _tx("0.50", "FL-1") + _tx("0.50", "FL-1")
    first, second = bank_format.decode("n.xml", _body(_entry(alike, reference=""))).evidence
    assert (first.bank_reference, second.bank_reference) == ("", "")
    assert first.receipt_no.removesuffix("-1") == second.receipt_no.removesuffix("-2") != ""
    again = bank_format.decode("m.xml", _body(_entry(alike, reference=""))).evidence
    assert again == (first, second)


def test_somebody_else_s_reference_is_taken_as_sent(bank_format: Iso20022Format) -> None:
    (found,) = bank_format.decode("n.xml", _body(_entry(_tx("", "租金 2026|10")))).evidence
    assert found.order_no == "租金 2026|10"


def test_the_same_batch_in_another_order_has_the_same_serials(bank_format: Iso20022Format) -> None:
    whole = _entry(_tx("0.40", "FL-1") + _tx("0.60", "FL-2"))
    turned = _entry(_tx("0.60", "FL-2") + _tx("0.40", "FL-1"))
    one, other = (bank_format.decode("n.xml", _body(entry)).evidence for entry in (whole, turned))
    assert set(one) == set(other)


def test_a_field_no_bank_can_mean_so_long_is_refused_by_name(bank_format: Iso20022Format) -> None:
    long = _entry(_tx("", "FL-1"), reference=f"<AcctSvcrRef>{'9' * 9000}</AcctSvcrRef>")
    good = _entry(_tx("", "FL-9"), reference="<AcctSvcrRef>S10</AcctSvcrRef>")
    decoded = bank_format.decode("n.xml", _body(long + good))
    assert [e.order_no for e in decoded.evidence] == ["FL-9"]
    assert [(r.code, "银行流水号" in r.message or "回单号" in r.message) for r in decoded.rejected] == [
        ("bankfile.too_long", True)
    ]


@pytest.mark.fault(28)
@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("<Dt>2026-11-23</Dt>", date(2026, 11, 23)),
        ("<DtTm>2026-11-23T23:59:59.999+08:00</DtTm>", date(2026, 11, 23)),
        ("<DtTm>2026-11-23T23:59:59.999</DtTm>", date(2026, 11, 23)),
        ("<DtTm>2026-11-23T15:59:59.999Z</DtTm>", date(2026, 11, 23)),
        ("<DtTm>2026-11-23T16:00:00Z</DtTm>", date(2026, 11, 24)),
        ("<DtTm>2026-12-31T23:59:59.999+08:00</DtTm>", date(2026, 12, 31)),
        ("<DtTm>2026-12-31T16:00:00.000Z</DtTm>", date(2027, 1, 1)),
        ("<DtTm>1988-07-01T15:30:00Z</DtTm>", date(1988, 7, 2)),  # summer time: +09:00
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Shanghai"])
def test_a_movement_is_of_its_day_in_shanghai(
    bank_format: Iso20022Format, monkeypatch: pytest.MonkeyPatch, said: str, day: date, zone: str
) -> None:
    """Whatever the zone of the machine: the bank's day, also in the last millisecond of it."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        content = _body(_entry(_tx("1.00", "FL20261121-1"), day=f"<BookgDt>{said}</BookgDt>"))
        [evidence] = bank_format.decode("n.xml", content).evidence
        assert evidence.booking_date == day
    finally:
        monkeypatch.undo()
        time.tzset()
