"""Receipts in OFD containers: digests hold, odd containers are refused before they cost anything."""

from __future__ import annotations

import io
import stat
import struct
import time
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import date

import pytest

from adapters.banks.formats.evoucher.ofd import sm3
from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount
from adapters.banks.simulator.messages.ofd import pack, write_ofd
from adapters.banks.simulator.messages.receipt import PrintedReceipt, receipt_name, write_bker
from ledger.core.errors import InvalidInput

BOMB_SECONDS = 1.0
BOMB_BYTES = 64 * 1024 * 1024


@pytest.fixture
def receipt(payer: BankAccount, payee: BankAccount) -> PrintedReceipt:
    day = date(2026, 11, 23)
    return PrintedReceipt(
        "R1", "102521000012", day, day, payer, payee, 100, "S1", "月结", "FL20261121-4201-000001"
    )


@pytest.fixture
def ofd(receipt: PrintedReceipt) -> bytes:
    return write_ofd({receipt_name(receipt): write_bker(receipt)})


def _parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _code(bank_format: Iso20022Format, content: bytes) -> str:
    with pytest.raises(InvalidInput, match=r"文件r\.ofd") as refusal:
        bank_format.decode("r.ofd", content)
    return refusal.value.code.removeprefix("bankfile.")


def test_sm3_is_sm3() -> None:
    # GB/T 32905-2016, example 1.
    assert sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


@pytest.mark.parametrize("namespace", ["http://www.ofdspec.org/2016", "http://www.ofdspec.org"])
@pytest.mark.parametrize("file_loc", [True, False])
def test_same_evidence_as_bare(
    bank_format: Iso20022Format, receipt: PrintedReceipt, namespace: str, file_loc: bool
) -> None:
    xml = write_bker(receipt)
    content = write_ofd({receipt_name(receipt): xml}, namespace=namespace, file_loc=file_loc)
    assert bank_format.decode("r.ofd", content) == bank_format.decode("r.xml", xml)
    assert content == write_ofd({receipt_name(receipt): xml}, namespace=namespace, file_loc=file_loc)


def test_absolute_location(bank_format: Iso20022Format, ofd: bytes) -> None:
    parts = _parts(ofd)
    del parts["Doc_0/Signs/Sign_0/Signature.xml"]
    listing = parts["Doc_0/Attachs/Attachments.xml"]
    parts["Doc_0/Attachs/Attachments.xml"] = listing.replace(b"<FileLoc>", b"<FileLoc>/Doc_0/Attachs/")
    relaxed = replace(bank_format, require_digest=False)
    assert relaxed.decode("r.ofd", pack(parts)) == bank_format.decode("r.ofd", ofd)


def test_one_bad_receipt_of_two_is_set_aside(bank_format: Iso20022Format, receipt: PrintedReceipt) -> None:
    bad = write_bker(replace(receipt, receipt_no="R2", amount_fen=-5))
    decoded = bank_format.decode("r.ofd", write_ofd({"a.xml": bad, "b.xml": write_bker(receipt)}))
    assert [evidence.receipt_no for evidence in decoded.evidence] == ["R1"]
    assert [(r.where, r.code) for r in decoded.rejected] == [("Doc_0/Attachs/a.xml", "bankfile.amount")]


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    "name", ["Doc_0/Pages/Page_0/Content.xml", "Doc_0/Attachs/Attachments.xml", "receipt"]
)
def test_a_changed_part_breaks_its_digest(
    bank_format: Iso20022Format, receipt: PrintedReceipt, ofd: bytes, name: str
) -> None:
    name = f"Doc_0/Attachs/{receipt_name(receipt)}" if name == "receipt" else name
    parts = _parts(ofd)
    assert _code(bank_format, pack({**parts, name: parts[name] + b" "})) == "digest"
    del parts[name]
    assert _code(bank_format, pack(parts)) in ("digest", "attachment")


@pytest.mark.fault(45)
def test_signature_rules(bank_format: Iso20022Format, ofd: bytes) -> None:
    name = "Doc_0/Signs/Sign_0/Signature.xml"
    parts = _parts(ofd)
    other = parts[name].replace(b"1.2.156.10197.1.401", b"1.3.14.3.2.26")
    assert _code(bank_format, pack({**parts, name: other})) == "digest"
    named = parts[name].replace(b"1.2.156.10197.1.401", b"SM3")
    assert bank_format.decode("r.ofd", pack({**parts, name: named})).evidence
    empty = b"<Signature><SignedInfo><References CheckMethod='SM3'/></SignedInfo></Signature>"
    assert _code(bank_format, pack({**parts, name: empty})) == "digest"
    no_base64 = b"<Signature><References CheckMethod='SM3'><Reference FileRef='/OFD.xml'><CheckValue>!</CheckValue></Reference></References></Signature>"
    assert _code(bank_format, pack({**parts, name: no_base64})) == "digest"
    del parts[name]
    assert _code(bank_format, pack(parts)) == "digest_missing"
    assert replace(bank_format, require_digest=False).decode("r.ofd", pack(parts)).evidence


def test_attachments_must_be_there(bank_format: Iso20022Format, ofd: bytes) -> None:
    relaxed = replace(bank_format, require_digest=False)
    listing = "Doc_0/Attachs/Attachments.xml"
    parts = {name: part for name, part in _parts(ofd).items() if not name.startswith("Doc_0/Signs")}
    for location in (b"gone.xml", b"../../OFD.xml", b"/../OFD.xml"):
        changed = b"<Attachments><Attachment Format='xml'>" + location + b"</Attachment></Attachments>"
        assert _code(relaxed, pack({**parts, listing: changed})) == "attachment"
    assert _code(relaxed, pack({**parts, listing: b"<Attachments/>"})) == "attachment"
    to_page = b"<Attachments><Attachment Format='xml'>/OFD.xml</Attachment></Attachments>"
    assert _code(relaxed, pack({**parts, listing: to_page})) == "kind"


@pytest.mark.fault(49)
@pytest.mark.parametrize(
    "name",
    ["../evil.xml", "a/../../evil.xml", "/etc/evil.xml", "a\\evil.xml", "C:evil.xml", "a//b.xml", "./a.xml"],
)
def test_unsafe_names(bank_format: Iso20022Format, ofd: bytes, name: str) -> None:
    assert _code(bank_format, pack({**_parts(ofd), name: b"<a/>"})) == "container_name"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["OFD.xml", "ofd.XML"])
def test_the_same_name_twice(bank_format: Iso20022Format, ofd: bytes, second: str) -> None:
    buffer = io.BytesIO(ofd)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(second, b"<OFD/>")
    assert _code(bank_format, buffer.getvalue()) == "container_name"


@pytest.mark.fault(49)
def test_links_nested_containers_and_odd_methods(bank_format: Iso20022Format, ofd: bytes) -> None:
    link = zipfile.ZipInfo("Doc_0/link.xml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    lzma = zipfile.ZipInfo("Doc_0/odd.xml")
    lzma.compress_type = zipfile.ZIP_LZMA
    for info, data, code in (
        (link, b"/etc/passwd", "container"),
        (lzma, b"<a/>", "container"),
        (zipfile.ZipInfo("Doc_0/inner.bin"), ofd, "container_nested"),
    ):
        buffer = io.BytesIO(ofd)
        with zipfile.ZipFile(buffer, "a") as archive:
            archive.writestr(info, data)
        assert _code(bank_format, buffer.getvalue()) == code


@pytest.mark.fault(41)
@pytest.mark.parametrize("kept", [4, 100, 0.5, 0.99, -1])
def test_truncated(bank_format: Iso20022Format, ofd: bytes, kept: float) -> None:
    size = int(kept * len(ofd)) if isinstance(kept, float) else kept
    assert _code(bank_format, ofd[:size]) == "container"
    assert _code(bank_format, ofd + b"\0") == "container"


def _bomb_by_ratio(ofd: bytes) -> bytes:
    return pack({**_parts(ofd), "Doc_0/big.xml": b"\0" * 50_000_000})


def _bomb_within_the_sum(ofd: bytes) -> bytes:
    # Small enough for the total: only its ratio gives it away.
    return pack({**_parts(ofd), "Doc_0/big.xml": b"\0" * 20_000_000})


def _bomb_by_count(ofd: bytes) -> bytes:
    return pack({**_parts(ofd), **{f"Doc_0/{number}.xml": b"" for number in range(300)}})


def _bomb_by_sum(ofd: bytes) -> bytes:
    # Each entry within its own ratio, all together too much.
    noise = bytes((number * 7919) % 251 for number in range(60_000))
    return pack({**_parts(ofd), **{f"Doc_0/{n}.bin": noise * 15 + b"%d" % n for n in range(200)}})


def _bomb_by_lie(ofd: bytes) -> bytes:
    # The directory says 1,000 bytes, the deflate stream holds 50 million.
    content = bytearray(_bomb_by_ratio(ofd))
    true_size = struct.pack("<I", 50_000_000)
    assert content.count(true_size) == 2
    return bytes(content).replace(true_size, struct.pack("<I", 1_000))


def _bomb_by_overlap(ofd: bytes) -> bytes:
    # Many directory records that all point at one packed entry.
    content = pack({"a.bin": bytes(range(256)) * 100 + ofd})
    directory = int.from_bytes(content[-6:-2], "little")
    record = content[directory:-22]
    records = b"".join(record.replace(b"a.bin", b"%05d" % number) for number in range(200))
    counts = struct.pack("<HHII", 200, 200, len(records), directory)
    return content[:directory] + records + content[-22:-14] + counts + b"\0\0"


@pytest.mark.fault(49)
@pytest.mark.parametrize(
    ("bomb", "code"),
    [
        (_bomb_by_ratio, "container_bomb"),
        (_bomb_within_the_sum, "container_bomb"),
        (_bomb_by_count, "container_bomb"),
        (_bomb_by_sum, "container_bomb"),
        (_bomb_by_lie, "container"),
        (_bomb_by_overlap, "container_bomb"),
    ],
)
def test_bombs_cost_nothing(bank_format: Iso20022Format, ofd: bytes, bomb: object, code: str) -> None:
    assert callable(bomb)
    content = bomb(ofd)
    tracemalloc.start()
    began = time.process_time()
    try:
        assert _code(bank_format, content) == code
        seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < BOMB_SECONDS
    assert peak < BOMB_BYTES


@pytest.mark.fault(49)
def test_a_large_file_and_a_large_directory(bank_format: Iso20022Format, ofd: bytes) -> None:
    assert _code(bank_format, ofd + b"\0" * 17_000_000) == "too_large"
    zip64 = ofd[:-22] + b"PK\x06\x07" + b"\0" * 16 + ofd[-22:]
    assert _code(bank_format, zip64) == "container_bomb"
    huge_directory = ofd[:-10] + struct.pack("<II", 1 << 20, 0) + b"\0\0"
    assert _code(bank_format, huge_directory) == "container_bomb"


@pytest.mark.fault(48)
def test_entities_inside_a_container(bank_format: Iso20022Format, ofd: bytes) -> None:
    parts = {name: part for name, part in _parts(ofd).items() if not name.startswith("Doc_0/Signs")}
    parts["Doc_0/Attachs/Attachments.xml"] = b'<!DOCTYPE a [<!ENTITY x "y">]><Attachments/>'
    assert _code(replace(bank_format, require_digest=False), pack(parts)) == "dtd"
