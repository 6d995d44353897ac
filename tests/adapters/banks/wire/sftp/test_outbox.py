"""Reading the outbox: only what is complete, and nothing that is not what the bank wrote."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.ports import RemoteFile
from adapters.banks.wire.control import describe, encode_control
from ledger.core.errors import InvalidInput, Unavailable


def lay(outbox: Path, name: str, content: bytes) -> None:
    for path, bytes_ in ((name, content), (name + ".ok", encode_control(describe(name, content)))):
        (outbox / path).write_bytes(bytes_)
        (outbox / path).chmod(0o644)


@pytest.mark.fault(42)
def test_complete_files_by_name(site: Any) -> None:
    lay(site.outbox, "20261103-2.xml", b"second")
    lay(site.outbox, "20261103-1.ofd", b"first one")
    for unfinished in ("20261103-3.xml", "20261103-4.xml.part", "20261103-5.tmp", "6.xml.ok"):
        (site.outbox / unfinished).write_bytes(b"?")
    channel = site.channel()
    assert channel.waiting() == [RemoteFile("20261103-1.ofd", 9), RemoteFile("20261103-2.xml", 6)]
    assert channel.fetch("20261103-1.ofd") == b"first one"


def test_empty_outbox(site: Any) -> None:
    assert site.channel().waiting() == []


ODD = {
    "中文 名.xml".encode(): "中文 名.xml",
    b"x6\n.xml": r"x6\n.xml",
    "回单.xml".encode("gbk"): r"\xbb\xd8\xb5\xa5.xml",
    b"a\\n.xml": r"a\\n.xml",
    b".hidden.xml": ".hidden.xml",
    b"-rf": "-rf",
    b"x" * 201: "x" * 201,
}


@pytest.mark.fault(50)
@pytest.mark.parametrize("name", ODD, ids=repr)
def test_a_complete_file_under_an_odd_name_is_told_of_and_not_fetched(site: Any, name: bytes) -> None:
    folder = os.fsencode(site.outbox)
    for raw, content in ((name, b"odd"), (name + b".ok", b"?")):
        with open(folder + b"/" + raw, "wb") as file:  # noqa: PTH123 - pathlib has no byte names
            file.write(content)
    lay(site.outbox, "good.xml", b"good")
    channel = site.channel()
    shown = ODD[name]
    assert sorted(channel.waiting(), key=lambda file: file.name == "good.xml") == [
        RemoteFile(shown, 3),
        RemoteFile("good.xml", 4),
    ]
    with pytest.raises(InvalidInput) as refusal:
        channel.fetch(shown)
    assert refusal.value.code == "bank.file_name"
    assert shown[:60] in refusal.value.message
    assert channel.fetch("good.xml") == b"good"


def test_an_odd_name_without_its_control_file_is_unfinished_like_any_other(site: Any) -> None:
    (site.outbox / "中文 名.xml").write_bytes(b"half")
    assert site.channel().waiting() == []


def test_many_files_in_one_listing(site: Any) -> None:
    for n in range(150):
        lay(site.outbox, f"r{n:04d}.xml", b"x" * n)
    assert [file.size for file in site.channel().waiting()] == list(range(150))


@pytest.mark.parametrize("damage", ["cut", "changed", "no_ok", "bad_ok", "other_ok"])
def test_damaged_file_is_not_taken(site: Any, damage: str) -> None:
    content = b"<Document>" + b"0" * 40_000 + b"</Document>"
    lay(site.outbox, "camt.xml", content)
    target, ok = site.outbox / "camt.xml", site.outbox / "camt.xml.ok"
    match damage:
        case "cut":
            target.write_bytes(content[:20_000])
        case "changed":
            target.write_bytes(content.replace(b"0", b"1", 1))
        case "no_ok":
            ok.unlink()
        case "bad_ok":
            ok.write_bytes(b"name=camt.xml\nbytes=ten\n")
        case "other_ok":
            ok.write_bytes(encode_control(describe("other.xml", content)))
    with pytest.raises(Unavailable) as refusal:
        site.channel().fetch("camt.xml")
    assert refusal.value.code == "bank.truncated"


def test_missing_file(site: Any) -> None:
    with pytest.raises(Unavailable) as refusal:
        site.channel().fetch("nothing.xml")
    assert refusal.value.code == "bank.file_missing"


def test_too_big_a_file(site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.banks.wire.sftp.line.FILE_BYTES_MAX", 1000)
    lay(site.outbox, "big.xml", b"x" * 1001)
    with pytest.raises(Unavailable) as refusal:
        site.channel().fetch("big.xml")
    assert refusal.value.code == "bank.too_big"


@pytest.mark.fault(50)
def test_path_in_a_name(site: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        site.channel().fetch("../inbox/x")
    assert refusal.value.code == "bank.file_name"


def test_a_file_written_anew_with_the_same_length_has_another_stamp_and_digest(site: Any) -> None:
    lay(site.outbox, "STATUS.xml", b"ACSP")
    channel = site.channel()
    [before] = channel.waiting()
    assert before.stamp
    assert channel.stated("STATUS.xml") == sha256(b"ACSP").digest()
    assert channel.waiting()[0].stamp == before.stamp
    lay(site.outbox, "STATUS.xml", b"RJCT")
    os.utime(site.outbox / "STATUS.xml.ok", (2_000_000_000, 2_000_000_000))
    [after] = channel.waiting()
    assert (after.size, after.stamp == before.stamp) == (before.size, False)
    assert channel.stated("STATUS.xml") == sha256(b"RJCT").digest()
    assert channel.fetch("STATUS.xml") == b"RJCT"


@pytest.mark.fault(42)
def test_between_the_file_and_its_word_nothing_half_is_taken(site: Any) -> None:
    """The bank has written the new file and not yet its `.ok`: the old word does not speak of it."""
    lay(site.outbox, "STATUS.xml", b"ACSP")
    (site.outbox / "STATUS.xml").write_bytes(b"RJ")
    channel = site.channel()
    assert channel.stated("STATUS.xml") == sha256(b"ACSP").digest()
    with pytest.raises(Unavailable) as refusal:
        channel.fetch("STATUS.xml")
    assert refusal.value.code == "bank.truncated"


@pytest.mark.parametrize("ok", [None, b"name=STATUS.xml\nbytes=ten\n", b"\xff"])
def test_no_word_that_can_be_read_states_no_digest(site: Any, ok: bytes | None) -> None:
    lay(site.outbox, "STATUS.xml", b"ACSP")
    if ok is None:
        (site.outbox / "STATUS.xml.ok").unlink()
    else:
        (site.outbox / "STATUS.xml.ok").write_bytes(ok)
    assert site.channel().stated("STATUS.xml") is None
