"""Reading the outbox: only what is complete, and nothing that is not what the bank wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.control import describe, encode_control
from adapters.banks.ports import RemoteFile
from ledger.core.errors import InvalidInput, Unavailable


def lay(outbox: Path, name: str, content: bytes) -> None:
    for path, bytes_ in ((name, content), (name + ".ok", encode_control(describe(name, content)))):
        (outbox / path).write_bytes(bytes_)
        (outbox / path).chmod(0o644)


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


def test_gbk_name_does_not_block_the_poll(site: Any) -> None:
    gbk = "回单.xml".encode("gbk")
    with open(os.fsencode(site.outbox) + b"/" + gbk, "wb"):  # noqa: PTH123 - pathlib has no byte names
        pass
    lay(site.outbox, "good.xml", b"good")
    channel = site.channel()
    assert channel.waiting() == [RemoteFile("good.xml", 4)]
    assert channel.unreadable_names == (ascii(gbk.decode("latin-1")),)


def test_utf8_and_control_characters_wait_for_a_person(site: Any) -> None:
    for name in ("回单.xml", "a\nb.xml", "x" * 201 + ".xml"):
        lay(site.outbox, name, b"x")
    channel = site.channel()
    assert channel.waiting() == []
    assert len(channel.unreadable_names) == 6


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
    monkeypatch.setattr("adapters.banks.sftp.line.FILE_BYTES_MAX", 1000)
    lay(site.outbox, "big.xml", b"x" * 1001)
    with pytest.raises(Unavailable) as refusal:
        site.channel().fetch("big.xml")
    assert refusal.value.code == "bank.too_big"


def test_path_in_a_name(site: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        site.channel().fetch("../inbox/x")
    assert refusal.value.code == "bank.file_name"
