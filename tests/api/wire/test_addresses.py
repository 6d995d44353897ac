"""Whom a proxy speaks for, and TLS files looked at before anything listens."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from ledger.api.wire.proxies import Proxies
from ledger.api.wire.tls import context_of
from ledger.core.errors import InvalidInput
from ledger.settings import Settings
from tests.scenes.served import certificate_in


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("203.0.113.9", [b"10.1.1.1"], "203.0.113.9"),  # a stranger's header says nothing
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b"198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", [b"1.2.3.4, 198.51.100.7"], "198.51.100.7"),  # only our proxy's own word counts
        ("10.0.0.1", [b"1.2.3.4", b"198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", [b"nonsense"], "10.0.0.1"),
        ("10.0.0.1", [b"nonsense, 10.0.0.2"], "10.0.0.2"),
        ("", [b"1.2.3.4"], ""),
    ],
)
def test_only_our_proxies_are_believed(peer: str, forwarded: list[bytes], caller: str) -> None:
    assert Proxies("10.0.0.0/24, ::1").caller(peer, forwarded) == caller


def test_without_proxies_nobody_is() -> None:
    assert Proxies().caller("127.0.0.1", [b"1.2.3.4"]) == "127.0.0.1"


def settings(tmp_path: Path, certificate: Path | None, key: Path | None) -> Settings:
    return Settings(home=tmp_path, tls_certificate=certificate, tls_key=key)


def test_tls_speaks_nothing_older_than_1_2(tmp_path: Path) -> None:
    assert context_of(Settings(home=tmp_path)) is None
    context = context_of(settings(tmp_path, *certificate_in(tmp_path / "a")))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_will_not_do_are_named_at_the_start(tmp_path: Path) -> None:
    certificate, key = certificate_in(tmp_path / "a")
    other = certificate_in(tmp_path / "b")[1]
    late = certificate_in(tmp_path / "c", days=-1)
    open_to_all = certificate_in(tmp_path / "d")
    open_to_all[1].chmod(0o644)
    garbage = tmp_path / "garbage"
    garbage.write_text("no PEM")
    for given, code in (
        ((certificate, None), "tls.incomplete"),
        ((None, key), "tls.incomplete"),
        ((tmp_path / "nowhere", key), "tls.file"),
        ((certificate, tmp_path / "nowhere"), "tls.file"),
        ((garbage, key), "tls.file"),
        ((certificate, other), "tls.pair"),
        (late, "tls.expired"),
        (open_to_all, "tls.key_open"),
    ):
        with pytest.raises(InvalidInput) as refused:
            context_of(settings(tmp_path, *given))
        assert refused.value.code == code
