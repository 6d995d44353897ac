"""Delivering: whole, once, under its own name, whatever the server does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from adapters.banks.ports import OutgoingFile
from ledger.core.errors import Conflict, InvalidInput, Unavailable

FILE = OutgoingFile("pain001_20261102_0001.xml", "<支付>东湖医院</支付>".encode() * 3000)
OTHER = OutgoingFile(FILE.name, FILE.content + b" ")


def put(channel: Any, file: OutgoingFile = FILE) -> None:
    channel.deliver(file, count=2, total_fen=1234567)


def test_file_then_control_file(site: Any) -> None:
    channel = site.channel()
    put(channel)
    assert (site.inbox / FILE.name).read_bytes() == FILE.content
    assert (site.inbox / (FILE.name + ".ctl")).read_text() == (
        f"name={FILE.name}\nbytes={len(FILE.content)}\nsha256={sha256(FILE.content).hexdigest()}\n"
        "count=2\ntotal_fen=1234567\n"
    )
    assert sorted(path.name for path in site.inbox.iterdir()) == [FILE.name, FILE.name + ".ctl"]
    assert channel.holds(FILE)
    assert not channel.holds(OTHER)


@pytest.mark.fault(40, 43)
def test_same_bytes_again_change_nothing(site: Any) -> None:
    put(site.channel())
    before = {path.name: path.stat().st_mtime_ns for path in site.inbox.iterdir()}
    put(site.channel())
    assert {path.name: path.stat().st_mtime_ns for path in site.inbox.iterdir()} == before


@pytest.mark.fault(40)
def test_other_bytes_under_the_name_are_refused(site: Any) -> None:
    channel = site.channel()
    put(channel)
    with pytest.raises(Conflict) as refusal:
        put(channel, OTHER)
    assert refusal.value.code == "bank.name_taken"
    assert (site.inbox / FILE.name).read_bytes() == FILE.content


def test_archived_file_is_delivered(site: Any) -> None:
    channel = site.channel()
    put(channel)
    for path in list(site.inbox.iterdir()):
        path.rename(site.archive / path.name)
    put(channel)
    assert list(site.inbox.iterdir()) == []
    assert channel.holds(FILE)
    assert not channel.holds(OTHER)
    with pytest.raises(Conflict) as refusal:
        put(channel, OTHER)
    assert refusal.value.code == "bank.name_taken"


@pytest.mark.fault(43)
def test_leftover_part_is_overwritten(site: Any) -> None:
    put(site.channel())
    owner = (site.inbox / FILE.name).stat()
    for path in list(site.inbox.iterdir()):
        path.unlink()
    leftover = site.inbox / (FILE.name + ".part")
    leftover.write_bytes(b"x" * 500_000)
    os.chown(leftover, owner.st_uid, owner.st_gid)
    put(site.channel())
    assert (site.inbox / FILE.name).read_bytes() == FILE.content
    assert not leftover.exists()


@pytest.mark.fault(43)
def test_missing_control_file_is_completed(site: Any) -> None:
    channel = site.channel()
    put(channel)
    (site.inbox / (FILE.name + ".ctl")).unlink()
    assert not channel.holds(FILE)
    put(channel)
    assert (site.inbox / (FILE.name + ".ctl")).exists()
    assert channel.holds(FILE)


def test_two_threads_two_files(site: Any) -> None:
    channel = site.channel()
    files = [OutgoingFile(f"batch_{n}.xml", bytes([65 + n]) * 400_000) for n in range(2)]
    threads = [threading.Thread(target=put, args=(channel, file)) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [(site.inbox / file.name).read_bytes() == file.content for file in files] == [True, True]
    assert all(channel.holds(file) for file in files)


def test_empty_file(site: Any) -> None:
    empty = OutgoingFile("empty.xml", b"")
    channel = site.channel()
    put(channel, empty)
    assert channel.holds(empty)


@pytest.mark.fault(50)
@pytest.mark.parametrize("name", ["../x.xml", "a/b.xml", "东湖.xml", "", ".hidden", "a\n.xml", "a" * 201])
def test_other_names_never_leave(make_demo_site: Callable[..., Any], name: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        put(make_demo_site().channel(), OutgoingFile(name, b"x"))
    assert refusal.value.code == "bank.file_name"


def test_missing_inbox(site: Any) -> None:
    with pytest.raises(Unavailable) as refusal:
        put(site.channel(inbox="/nowhere"))
    assert refusal.value.code == "bank.file_missing"
