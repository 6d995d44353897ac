"""The payment file: valid to the official schema, readable by a bank, and never written when a rule is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import PaymentBatch
from adapters.banks.simulator.messages.payment_file import read_pain001
from ledger.core.errors import InvalidInput


def test_official_schema_accepts_it(
    bank_format: Iso20022Format, batch: PaymentBatch, schema_errors: Callable[[str, bytes], list[str]]
) -> None:
    file = bank_format.encode(batch)
    assert file.name == "FLM20261121-4201-01.xml"
    assert schema_errors("pain.001.001.09", file.content) == []
    # The same check does see a fault: an id of 36 characters.
    longer = file.content.replace(b"FL20261121-4201-000001", b"F" * 36)
    assert schema_errors("pain.001.001.09", longer) != []


def test_same_batch_same_bytes(bank_format: Iso20022Format, batch: PaymentBatch) -> None:
    first = bank_format.encode(batch)
    again = bank_format.encode(replace(batch, instructions=list(batch.instructions)))
    assert first == again
    moved = bank_format.encode(replace(batch, message_id="FLM20261121-4201-02"))
    assert moved.content != first.content


def test_the_bank_reads_what_was_meant(bank_format: Iso20022Format, batch: PaymentBatch) -> None:
    content = bank_format.encode(batch).content
    assert read_pain001(content) == batch
    text = content.decode()
    assert text.count("<NbOfTxs>2</NbOfTxs>") == 2
    assert text.count("<CtrlSum>123456.79</CtrlSum>") == 2
    assert "<BtchBookg>false</BtchBookg>" in text
    assert "<MmbId>102521000012</MmbId>" in text
    assert text.count("<Cd>CNAPS</Cd>") == 3


def _with(batch: PaymentBatch, **changes: Any) -> PaymentBatch:
    first, second = batch.instructions
    return replace(batch, instructions=(replace(first, **changes), second))


BROKEN: dict[str, tuple[str, Callable[[PaymentBatch], PaymentBatch]]] = {
    "zero": ("amount", lambda b: _with(b, amount_fen=0)),
    "negative": ("amount", lambda b: _with(b, amount_fen=-1)),
    "15 digits": ("amount", lambda b: _with(b, amount_fen=10**16)),
    "total over 14 digits": ("amount", lambda b: _with(b, amount_fen=10**16 - 1)),
    "empty": ("batch_empty", lambda b: replace(b, instructions=())),
    "same order twice": ("duplicate_order", lambda b: _with(b, order_no=b.instructions[1].order_no)),
    "order of 36": ("id", lambda b: _with(b, order_no="F" * 36)),
    "order in Chinese": ("id", lambda b: _with(b, order_no="指令1")),
    "order in full-width digits": ("id", lambda b: _with(b, order_no="FL１２３")),
    "message with a path": ("id", lambda b: replace(b, message_id="../M1")),
    "message of 36": ("id", lambda b: replace(b, message_id="M" * 36)),
    "no zone": ("created_at", lambda b: replace(b, created_at=datetime(2026, 1, 1))),  # noqa: DTZ001 (the case)
    "cnaps of 11": ("cnaps", lambda b: replace(b, payer=replace(b.payer, cnaps="10252100001"))),
    "cnaps with a letter": (
        "cnaps",
        lambda b: _with(b, payee=replace(b.instructions[0].payee, cnaps="10252100001X")),
    ),
    "account of 35": ("account", lambda b: replace(b, payer=replace(b.payer, number="6" * 35))),
    "name of 141": ("text_length", lambda b: replace(b, payer=replace(b.payer, name="医" * 141))),
    "no name": ("text", lambda b: replace(b, payer=replace(b.payer, name=""))),
    "no branch": ("text", lambda b: replace(b, payer=replace(b.payer, bank_name=" "))),
    "purpose of 141": ("text_length", lambda b: _with(b, purpose="1" * 141)),
    "tab": ("text", lambda b: _with(b, purpose="月结\t职工")),
    "control": ("text", lambda b: _with(b, purpose="月结\x07职工")),
    "half character": ("text", lambda b: _with(b, purpose="月结\ud800")),
    "not a character": ("text", lambda b: _with(b, purpose="月结\uffff")),
    "direction mark": ("text", lambda b: _with(b, purpose="月结\u202e职工")),
    "space behind": ("text", lambda b: _with(b, purpose="月结 ")),
}


@pytest.mark.parametrize("case", BROKEN)
def test_refuses(bank_format: Iso20022Format, batch: PaymentBatch, case: str) -> None:
    code, change = BROKEN[case]
    with pytest.raises(InvalidInput) as refusal:
        bank_format.encode(change(batch))
    assert refusal.value.code == f"bankfile.{code}"


def test_markup_characters_are_text(bank_format: Iso20022Format, batch: PaymentBatch) -> None:
    changed = _with(batch, purpose="<月结>&\"职工'")
    assert read_pain001(bank_format.encode(changed).content) == changed


@pytest.mark.fault(47)
def test_purpose_is_measured_in_the_banks_bytes(batch: PaymentBatch) -> None:
    # 30 GBK bytes for the mandated wording (规程第20条); a bank with 38 takes it, one with 29 does not.
    assert Iso20022Format(own_accounts=frozenset(), purpose_bytes_max=30).encode(batch)
    with pytest.raises(InvalidInput, match="30字节") as refusal:
        Iso20022Format(own_accounts=frozenset(), purpose_bytes_max=29).encode(batch)
    assert refusal.value.code == "bankfile.purpose_length"
    assert refusal.value.details["order_no"] == "FL20261121-4201-000001"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b"<CtrlSum>123456.79<", b"<CtrlSum>123456.78<", "totals"),
        (b"<NbOfTxs>2<", b"<NbOfTxs>3<", "totals"),
        (b'Ccy="CNY">0.01<', b'Ccy="USD">0.01<', "currency"),
        (b'Ccy="CNY">0.01<', b'Ccy="CNY">0.001<', "amount"),
        (b"-000002</EndToEndId>", b"-000001</EndToEndId>", "duplicate_order"),
        (b"<MmbId>102521000012<", b"<MmbId>1025210000<", "cnaps"),
        (b"CstmrCdtTrfInitn", b"CstmrDrctDbtInitn", "kind"),
    ],
)
def test_the_simulated_bank_is_strict(
    bank_format: Iso20022Format, batch: PaymentBatch, old: bytes, new: bytes, code: str
) -> None:
    content = bank_format.encode(batch).content
    assert old in content
    with pytest.raises(InvalidInput) as refusal:
        read_pain001(content.replace(old, new))
    assert refusal.value.code == f"bankfile.{code}"


def test_the_simulated_bank_takes_other_namespaces(bank_format: Iso20022Format, batch: PaymentBatch) -> None:
    content = bank_format.encode(batch).content
    newer = content.replace(b"pain.001.001.09", b"pain.001.001.12")
    bare = content.replace(b' xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"', b"")
    assert newer != content != bare
    assert read_pain001(newer) == read_pain001(bare) == batch
