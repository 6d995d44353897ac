"""Broken lines, full disks, read-only servers: what is said is what is so."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paramiko.sftp import SFTP_OK
from paramiko.sftp_attr import SFTPAttributes
from paramiko.sftp_handle import SFTPHandle

from adapters.banks.ports import OutgoingFile
from adapters.banks.simulator.server import DemoServer, Folder
from adapters.banks.wire.control import describe, encode_control
from adapters.banks.wire.sftp.hostkeys import parse_host_key
from adapters.banks.wire.sftp.line import SftpLine
from ledger.core.errors import Conflict, Unavailable

FILE = OutgoingFile("pain001_20261102_0001.xml", b"<pay/>" * 2000)


def put(channel: Any, file: OutgoingFile = FILE) -> None:
    channel.deliver(file, count=1, total_fen=100)


def refusal_of(channel: Any, file: OutgoingFile = FILE) -> Unavailable:
    with pytest.raises(Unavailable) as refusal:
        put(channel, file)
    return refusal.value


def children(pid: int) -> list[int]:
    """The processes below `pid`, deepest last."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            child = int(stat.parent.name)
            found += [child, *children(child)]
    return found


@pytest.mark.fault(43)
@pytest.mark.judge("sshd")
def test_session_killed_in_the_middle_of_a_put(openssh: Any) -> None:
    port, pid, host_key = openssh.start()
    site = openssh.site(port, host_key)
    channel = site.channel()
    big = OutgoingFile("big.xml", os.urandom(24 * 1024 * 1024))
    part = site.inbox / "big.xml.part"
    caught: list[Unavailable] = []

    def send() -> None:
        caught.append(refusal_of(channel, big))
        channel.close()

    sender = threading.Thread(target=send)
    sender.start()
    while not (part.exists() and part.stat().st_size > 100_000):
        time.sleep(0.002)
    for process in children(pid):
        os.kill(process, signal.SIGKILL)
    sender.join(20)
    assert [refusal.code for refusal in caught] == ["bank.unreachable"]
    assert 0 < part.stat().st_size < len(big.content)
    assert not (site.inbox / "big.xml").exists()

    put(channel, big)
    assert channel.holds(big)
    assert not part.exists()
    site.close()


@pytest.mark.judge("sshd")
def test_idle_session_killed_then_used_again(openssh: Any) -> None:
    port, pid, host_key = openssh.start()
    site = openssh.site(port, host_key)
    channel = site.channel()
    put(channel)
    for process in children(pid):
        os.kill(process, signal.SIGKILL)
    time.sleep(0.3)
    assert channel.holds(FILE)
    site.close()


@pytest.mark.fault(9, 43)
@pytest.mark.judge("sshd")
def test_disk_full(openssh: Any, openssh_site: Any) -> None:
    openssh.tmpfs(openssh_site.inbox, "256k")
    channel = openssh_site.channel()
    refusal = refusal_of(channel, OutgoingFile("large.xml", b"x" * 600_000))
    assert refusal.code == "bank.disk_full"
    assert list(openssh_site.inbox.iterdir()) == []
    put(channel)
    assert channel.holds(FILE)


class _LyingFolder(Folder):
    """A disk that says yes and keeps only the first 4 kB."""

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> SFTPHandle | int:
        handle = super().open(path, flags, attr)
        if isinstance(handle, SFTPHandle) and flags & os.O_WRONLY:
            write = handle.write

            def forgetful(offset: int, data: Any) -> int:
                return write(offset, data) if offset < 4096 else SFTP_OK

            handle.write = forgetful  # type: ignore[method-assign] # this disk lies
        return handle


class _LyingServer(DemoServer):
    folder = _LyingFolder


@pytest.mark.fault(9, 43)
def test_disk_that_reports_success(make_demo_site: Callable[..., Any]) -> None:
    site = make_demo_site(_LyingServer)
    refusal = refusal_of(site.channel(), OutgoingFile("large.xml", b"x" * 100_000))
    assert refusal.code == "bank.disk_full"
    assert list(site.inbox.iterdir()) == []


@pytest.mark.judge("sshd")
def test_read_only_server(openssh: Any) -> None:
    port, _, host_key = openssh.start(sftp="internal-sftp -R")
    site = openssh.site(port, host_key)
    assert refusal_of(site.channel()).code == "bank.denied"
    assert site.channel().waiting() == []
    site.close()


@pytest.mark.fault(43)
@pytest.mark.judge("sshd")
def test_rename_denied(openssh: Any) -> None:
    port, _, host_key = openssh.start(sftp="internal-sftp -P rename,posix-rename")
    site = openssh.site(port, host_key)
    channel = site.channel()
    assert refusal_of(channel).code == "bank.denied"
    assert list(site.inbox.iterdir()) == []
    assert not channel.holds(FILE)
    site.close()


@pytest.mark.judge("sshd")
def test_reading_denied(openssh_site: Any) -> None:
    put(openssh_site.channel())
    (openssh_site.inbox / FILE.name).chmod(0)
    os.chown(openssh_site.inbox / FILE.name, 0, 0)
    assert refusal_of(openssh_site.channel()).code == "bank.denied"


class _CutAtRename(Folder):
    """Hangs up at the first rename of our file: after it when `done`, before it otherwise."""

    done = True
    cut: Callable[[], None]
    spent = False

    def rename(self, oldpath: str, newpath: str) -> int:
        kind = type(self)
        if kind.spent:
            return super().rename(oldpath, newpath)
        kind.spent = True
        answer = super().rename(oldpath, newpath) if self.done else SFTP_OK
        kind.cut()
        return answer


@pytest.mark.fault(43)
@pytest.mark.parametrize("done", [True, False])
def test_line_cut_at_the_rename(make_demo_site: Callable[..., Any], done: bool) -> None:
    folder_class = type("Cut", (_CutAtRename,), {"done": done})

    class CuttingServer(DemoServer):
        folder = folder_class

        def __enter__(self) -> DemoServer:
            def cut() -> None:
                for transport in self._transports:
                    transport.sock.close()

            folder_class.cut = staticmethod(cut)  # type: ignore[attr-defined] # set per test
            return super().__enter__()

    site = make_demo_site(CuttingServer)
    channel = site.channel()
    assert refusal_of(channel).code == "bank.unknown"
    assert (site.inbox / FILE.name).exists() is done
    assert not channel.holds(FILE)

    put(channel)
    assert channel.holds(FILE)
    assert (site.inbox / FILE.name).read_bytes() == FILE.content


def test_demo_server_keeps_to_its_folder(make_demo_site: Callable[..., Any], tmp_path: Path) -> None:
    site = make_demo_site()
    secret = b"secret"
    for folder, name in ((tmp_path, "secret.xml"), (site.outbox, "link.xml")):
        (folder / (name + ".ok")).write_bytes(encode_control(describe(name, secret)))
    (tmp_path / "secret.xml").write_bytes(secret)
    (site.outbox / "link.xml").symlink_to(tmp_path / "secret.xml")
    (site.inbox.parent / "door").symlink_to(tmp_path)
    for outbox, name, code in (
        ("/../..", "secret.xml", "bank.file_missing"),
        ("/door", "secret.xml", "bank.denied"),
        (site.config.outbox, "link.xml", "bank.refused"),
    ):
        with pytest.raises(Unavailable) as refusal:
            site.channel(outbox=outbox).fetch(name)
        assert refusal.value.code == code


@pytest.mark.fault(43)
@pytest.mark.judge("sshd")
def test_rename_never_overwrites(openssh_site: Any) -> None:
    config = openssh_site.config
    line = SftpLine.open(config, [parse_host_key(config.host_keys[0])])
    line.write(f"{config.inbox}/taken.xml", b"first")
    line.write(f"{config.inbox}/taken.xml.part", b"second")
    with pytest.raises(OSError, match="Failure"):
        line.rename(f"{config.inbox}/taken.xml.part", f"{config.inbox}/taken.xml")
    assert (openssh_site.inbox / "taken.xml").read_bytes() == b"first"
    line.close()


@pytest.mark.parametrize("same", [True, False])
def test_another_delivery_was_faster(make_demo_site: Callable[..., Any], same: bool) -> None:
    """The name is taken between our look and our rename."""

    class Race(Folder):
        def rename(self, oldpath: str, newpath: str) -> int:
            target = site.inbox / Path(newpath).name
            if not target.exists():
                target.write_bytes((site.inbox / Path(oldpath).name).read_bytes() if same else b"other")
            return super().rename(oldpath, newpath)

    class RacingServer(DemoServer):
        folder = Race

    site = make_demo_site(RacingServer)
    channel = site.channel()
    if same:
        put(channel)
        assert channel.holds(FILE)
    else:
        with pytest.raises(Conflict) as refusal:
            put(channel)
        assert refusal.value.code == "bank.name_taken"
    assert not [path for path in site.inbox.iterdir() if path.suffix == ".part"]
