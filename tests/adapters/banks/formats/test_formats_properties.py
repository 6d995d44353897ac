"""Properties: what one side writes the other reads, and damage is never read as another amount."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount, BankState, Decoded, Direction, Instruction, PaymentBatch
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from adapters.banks.simulator.messages.ofd import write_ofd
from adapters.banks.simulator.messages.payment_file import read_pain001
from adapters.banks.simulator.messages.receipt import PrintedReceipt, receipt_name, write_bker
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus, write_pain002
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput, LedgerError
from ledger.core.text import flaw

QUICK = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
OWN = BankAccount(
    "武汉市医疗保障基金支出户", "3202000129200123456", "中国工商银行武汉分行营业部", "102521000012"
)
FORMAT = Iso20022Format(own_accounts=frozenset({OWN.number}))
DAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)

_plain = st.characters(exclude_categories=("Cn", "Cs")).filter(lambda c: flaw(f"甲{c}乙", "") is None)
texts = st.text(_plain, min_size=1, max_size=40).map(str.strip).filter(bool)
alphanumeric = string.ascii_letters + string.digits
ids = st.text(alphanumeric + "._-", min_size=1, max_size=35).filter(lambda value: value[0] in alphanumeric)
numbers = st.text(alphanumeric + "-", min_size=1, max_size=34)
amounts = st.integers(1, 10**14)
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
moments = st.integers(0, 10**9).map(
    lambda second: datetime(2010, 1, 1, tzinfo=SHANGHAI) + timedelta(seconds=second)
)
accounts = st.builds(BankAccount, texts, numbers, texts, st.text(string.digits, min_size=12, max_size=12))
instructions = st.builds(Instruction, ids, amounts, accounts, texts)
batches = st.builds(
    PaymentBatch,
    message_id=ids,
    created_at=moments,
    execution_date=days,
    payer=accounts,
    instructions=st.lists(instructions, min_size=1, max_size=4, unique_by=lambda order: order.order_no).map(
        tuple
    ),
)


@QUICK
@given(batches)
def test_payment_file_round_trip(batch: PaymentBatch) -> None:
    file = FORMAT.encode(batch)
    assert read_pain001(file.content) == batch
    assert FORMAT.encode(read_pain001(file.content)) == file


@pytest.mark.fault(41)
@QUICK
@given(batches, st.data())
def test_a_payment_file_can_be_cut_nowhere(batch: PaymentBatch, data: st.DataObject) -> None:
    content = FORMAT.encode(batch).content.rstrip()
    with pytest.raises(InvalidInput):
        read_pain001(content[: data.draw(st.integers(0, len(content) - 1))])


transaction_statuses = st.builds(
    TransactionStatus,
    order_no=ids.filter(lambda value: value != "NOTPROVIDED"),
    code=st.sampled_from(["ACSC", "ACCC", "ACSP", "PDNG", "RJCT", "CANC", "BLCK"]),
    amount_fen=amounts,
    reason_code=st.sampled_from(["", "AC01", "BE01", "NARR"]),
    reason=st.one_of(st.just(""), texts),
    bank_reference=st.one_of(st.just(""), ids),
)
reports = st.lists(
    transaction_statuses, min_size=1, max_size=5, unique_by=lambda status: status.order_no
).map(
    lambda found: StatusReport(
        "B1", NOW, "M1", len(found), sum(s.amount_fen for s in found), "PART", "", "", found
    )
)


@QUICK
@given(reports)
def test_status_report_round_trip(report: StatusReport) -> None:
    decoded = FORMAT.decode("s.xml", write_pain002(report))
    assert decoded.rejected == ()
    got = [(s.order_no, s.code, s.reason_code, s.reason, s.bank_reference) for s in decoded.statuses]
    assert got == [
        (s.order_no, s.code, s.reason_code, s.reason, s.bank_reference) for s in report.transactions
    ]


@st.composite
def movements(draw: st.DrawFn) -> NotifiedMovement:
    is_return = draw(st.booleans())
    return NotifiedMovement(
        reference=draw(ids),
        direction=Direction.CREDIT if is_return else draw(st.sampled_from(Direction)),
        amount_fen=draw(amounts),
        booking_date=draw(days),
        other_account=draw(numbers.filter(lambda number: number != OWN.number)),
        other_name=draw(texts),
        order_no=draw(st.one_of(st.just(""), ids.filter(lambda value: value != "NOTPROVIDED"))),
        purpose=draw(texts),
        return_code=draw(st.sampled_from(["AC01", "AC04", "BE01"])) if is_return else "",
        return_reason=draw(texts) if is_return else "",
    )


notifications = st.lists(movements(), max_size=5).map(
    lambda found: Notification("N1", NOW, OWN.number, OWN.name, tuple(found))
)


@QUICK
@given(notifications)
def test_notification_round_trip(notification: Notification) -> None:
    decoded = FORMAT.decode("n.xml", write_camt054(notification))
    assert decoded.rejected == ()
    assert [
        NotifiedMovement(
            e.bank_reference,
            e.direction,
            e.amount_fen,
            e.booking_date,
            e.other_account,
            e.other_name,
            e.order_no,
            m.purpose,
            e.reason_code,
            e.reason,
        )
        for e, m in zip(decoded.evidence, notification.movements, strict=True)
    ] == list(notification.movements)
    assert [e.is_return for e in decoded.evidence] == [bool(m.return_code) for m in notification.movements]


@st.composite
def receipts(draw: st.DrawFn) -> PrintedReceipt:
    other = draw(accounts.filter(lambda account: account.number != OWN.number))
    sides = draw(st.permutations([OWN, other]))
    day = draw(days)
    order_no = draw(st.from_regex(r"FL[0-9A-Z-]{7,31}[0-9A-Z]", fullmatch=True))
    wording = draw(st.sampled_from(["付款{}完成", "{}", "汇款退回：{}", "：{}，户名不符"]))
    return PrintedReceipt(
        draw(ids),
        "102521000012",
        day,
        day,
        sides[0],
        sides[1],
        draw(amounts),
        draw(ids),
        "月结",
        wording.format(order_no),
    )


@QUICK
@given(receipts(), st.booleans(), st.booleans())
def test_receipt_round_trip(receipt: PrintedReceipt, twin: bool, packed: bool) -> None:
    content = write_bker(receipt, twin=twin)
    if packed:
        content = write_ofd({receipt_name(receipt): content})
    (evidence,) = FORMAT.decode("r", content).evidence
    other = receipt.payee if receipt.payer == OWN else receipt.payer
    assert (evidence.receipt_no, evidence.bank_reference) == (receipt.receipt_no, receipt.serial)
    assert (evidence.amount_fen, evidence.booking_date) == (receipt.amount_fen, receipt.booking_date)
    assert (evidence.other_account, evidence.other_name) == (other.number, other.name)
    assert evidence.direction is (Direction.DEBIT if receipt.payer == OWN else Direction.CREDIT)
    assert evidence.order_no in receipt.notes
    assert len(evidence.order_no) >= 10
    assert evidence.is_return is (evidence.direction is Direction.CREDIT and "退回" in receipt.notes)


SAMPLE = Notification(
    "N1",
    NOW,
    OWN.number,
    OWN.name,
    (
        NotifiedMovement("S1", Direction.DEBIT, 12345678, DAY, "42001", "第一医院", "FL20261121-1", "月结"),
        NotifiedMovement(
            "S2", Direction.CREDIT, 907, DAY, "62284", "卫生院", "FL20261121-2", "退汇", "BE01", "户名不符"
        ),
    ),
)
NOTIFICATION = write_camt054(SAMPLE)
REPORT = write_pain002(
    StatusReport(
        "B1",
        NOW,
        "M1",
        2,
        300,
        "PART",
        transactions=(
            TransactionStatus("FL-1", "ACSC", 100),
            TransactionStatus("FL-2", "RJCT", 200, "BE01", "不符"),
        ),
    )
)
RECEIPT = write_bker(
    PrintedReceipt("R1", "102521000012", DAY, DAY, OWN, replace(OWN, number="42001"), 907, "S1", "月结", "")
)
OFD = write_ofd({"bker_issuer.xml": RECEIPT})

MANY = settings(QUICK, max_examples=400)


@st.composite
def damage(draw: st.DrawFn, content: bytes) -> bytes:
    """One byte changed, one run of bytes gone, or the end gone."""
    place = draw(st.integers(0, len(content) - 1))
    how = draw(st.sampled_from(["flip", "drop", "cut"]))
    if how == "flip":
        return content[:place] + bytes([content[place] ^ draw(st.integers(1, 255))]) + content[place + 1 :]
    return content[:place] + (content[place + draw(st.integers(1, 40)) :] if how == "drop" else b"")


def _decode(name: str, content: bytes) -> Decoded | None:
    """What the ledger makes of a file; None if it refuses it by a rule of its own."""
    try:
        return FORMAT.decode(name, content)
    except LedgerError as refusal:
        code = refusal.code
    assert code.startswith("bankfile.")
    return None


@pytest.mark.fault(41)
@MANY
@given(damage(NOTIFICATION))
def test_damage_never_changes_an_amount(content: bytes) -> None:
    decoded = _decode("n.xml", content)
    if decoded is None:
        return
    written = [(movement.direction, movement.amount_fen) for movement in SAMPLE.movements]
    read = [(evidence.direction, evidence.amount_fen) for evidence in decoded.evidence]
    assert len(read) + len(decoded.rejected) == len(written)
    assert set(read) <= set(written)


@MANY
@given(damage(REPORT))
def test_damage_never_settles_a_rejected_order(content: bytes) -> None:
    decoded = _decode("s.xml", content)
    if decoded is None:
        return
    states = [status.state for status in decoded.statuses if status.order_no]
    assert states.count(BankState.SETTLED) <= 1
    assert states.count(BankState.REJECTED) <= 1
    assert len(states) + len(decoded.rejected) <= 2


@MANY
@given(damage(RECEIPT))
def test_damaged_receipts_are_refused_or_read(content: bytes) -> None:
    decoded = _decode("r.xml", content)
    assert decoded is None or decoded.evidence


@MANY
@given(damage(OFD))
def test_a_damaged_ofd_says_the_same_or_nothing(content: bytes) -> None:
    assert _decode("r.ofd", content) in (None, FORMAT.decode("r.ofd", OFD))


@QUICK
@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"<", b"\xef\xbb\xbf<?xml ", b"%PDF-"]))
def test_noise_is_refused(content: bytes, head: bytes) -> None:
    with pytest.raises(InvalidInput):
        FORMAT.decode("x", head + content)
