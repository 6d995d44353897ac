"""Whom we talk to: pinned host keys, our own key, and no patience without end."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paramiko import Channel
from paramiko.server import ServerInterface

from adapters.banks.simulator.server import DemoServer
from adapters.banks.wire.sftp import SftpChannel, SftpConfig
from adapters.banks.wire.sftp.keys import ensure_ed25519_key
from ledger.core.errors import InvalidInput, Unavailable


def refusal_of(channel: SftpChannel) -> Unavailable:
    with pytest.raises(Unavailable) as refusal:
        channel.waiting()
    return refusal.value


@pytest.mark.fault(44)
def test_another_host_key_is_refused(site: Any, tmp_path: Path) -> None:
    stranger = ensure_ed25519_key(tmp_path / "stranger")
    refusal = refusal_of(site.channel(host_keys=(stranger,)))
    assert refusal.code == "bank.host_key"
    assert str(refusal.details["shown"]).startswith("ssh-ed25519 SHA256:")


def test_one_of_several_pinned_keys_is_enough(site: Any, tmp_path: Path) -> None:
    stranger = ensure_ed25519_key(tmp_path / "stranger")
    assert site.channel(host_keys=(stranger, *site.config.host_keys)).waiting() == []


@pytest.mark.fault(44)
@pytest.mark.judge("sshd")
@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_other_key_type_is_refused_and_can_be_pinned(openssh: Any, kind: str) -> None:
    port, _, host_key = openssh.start(kind=kind)
    ed25519 = " ".join(openssh.host_key("ed25519", "bank").with_suffix(".pub").read_text().split()[:2])
    site = openssh.site(port, ed25519)
    assert refusal_of(site.channel()).code == "bank.host_key"
    assert site.channel(host_keys=(host_key,)).waiting() == []
    site.close()


@pytest.mark.fault(44)
@pytest.mark.judge("sshd")
def test_changed_host_key_on_reconnect(openssh: Any) -> None:
    port, _, host_key = openssh.start(name="old")
    new_port, _, _ = openssh.start(name="new")
    site = openssh.site(port, host_key)
    assert site.channel().waiting() == []
    assert refusal_of(site.channel(port=new_port)).code == "bank.host_key"
    site.close()


def test_other_client_key_is_refused(site: Any, tmp_path: Path) -> None:
    ensure_ed25519_key(tmp_path / "mine")
    assert refusal_of(site.channel(client_key_path=tmp_path / "mine")).code == "bank.login"
    assert refusal_of(site.channel(username="nobody")).code == "bank.login"


def test_configuration_is_checked(tmp_path: Path) -> None:
    good = ensure_ed25519_key(tmp_path / "key")
    for keys, code in (
        ((), "bank.host_key_missing"),
        (("ssh-ed25519",), "bank.host_key_format"),
        (("ssh-ed25519 !!!",), "bank.host_key_format"),
        (("ssh-dss AAAA",), "bank.host_key_format"),
        ((good.replace("AAAA", "AAAB", 1),), "bank.host_key_format"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            SftpChannel(SftpConfig("127.0.0.1", 22, "x", tmp_path / "key", keys))
        assert refusal.value.code == code
    (tmp_path / "broken").write_text("no key")
    for path in ("broken", "absent"):
        channel = SftpChannel(SftpConfig("127.0.0.1", 22, "x", tmp_path / path, (good,)))
        with pytest.raises(InvalidInput) as refusal:
            channel.waiting()
        assert refusal.value.code == "bank.client_key"


def test_nobody_listens(site: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert refusal_of(site.channel(port=port)).code == "bank.unreachable"


def test_silent_server(site: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        started = time.monotonic()
        channel = site.channel(port=listener.getsockname()[1], login_seconds=1)
        assert refusal_of(channel).code == "bank.unreachable"
        assert time.monotonic() - started < 3


class _Sleepy(DemoServer):
    """Lets us in and then never answers the request for SFTP."""

    wake = threading.Event()

    def door(self) -> ServerInterface:
        door = super().door()
        wake = self.wake

        class Sleeper(type(door)):  # type: ignore[misc] # the door's class is private to the server
            def check_channel_subsystem_request(self, channel: Channel, name: str) -> bool:
                wake.wait(20)
                return False

        door.__class__ = Sleeper
        return door


def test_server_that_never_opens_sftp(make_demo_site: Callable[..., Any]) -> None:
    site = make_demo_site(_Sleepy)
    started = time.monotonic()
    refusal = refusal_of(site.channel(login_seconds=1))
    _Sleepy.wake.set()
    assert refusal.code == "bank.unreachable"
    assert time.monotonic() - started < 4
