"""Host-key pinning: the bank's key was agreed on paper; any other key is somebody else."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Final

from paramiko import PKey, SSHException
from paramiko.pkey import UnknownKeyType
from paramiko.transport import Transport

from ledger.core.errors import InvalidInput, Unavailable

_RSA_SIGNATURES: Final = ("rsa-sha2-512", "rsa-sha2-256")


def parse_host_key(line: str) -> PKey:
    """`type base64 [comment]` to a public key; raises InvalidInput `bank.host_key_format`."""
    try:
        kind, encoded = line.split()[:2]
        return PKey.from_type_string(kind, b64decode(encoded, validate=True))
    except (ValueError, IndexError, binascii.Error, SSHException, UnknownKeyType):
        raise InvalidInput(
            "bank.host_key_format", f"银行主机公钥“{line[:60]}”不合规：应为“类型 base64”", value=line[:60]
        ) from None


def prefer_pinned(transport: Transport, pinned: Sequence[PKey]) -> None:
    """Ask for a pinned key type first, but let the server show another: then its key is refused by name."""
    options = transport.get_security_options()
    wanted: list[str] = []
    for key in pinned:
        wanted += _RSA_SIGNATURES if key.get_name() == "ssh-rsa" else (key.get_name(),)
    options.key_types = (
        *dict.fromkeys(wanted),
        *(kind for kind in options.key_types if kind not in wanted),
    )


def check_host_key(transport: Transport, pinned: Sequence[PKey], host: str) -> None:
    """Raises Unavailable `bank.host_key` unless the server has proved one of the pinned keys."""
    shown = transport.get_remote_server_key()
    if any(shown.asbytes() == key.asbytes() for key in pinned):
        return
    raise Unavailable(
        "bank.host_key",
        f"银行服务器“{host}”出示的主机密钥不是约定的那一把，已拒绝连接；请先向银行电话核实，不要改配置放行",
        host=host,
        shown=f"{shown.get_name()} {shown.fingerprint}",
        expected=[f"{key.get_name()} {key.fingerprint}" for key in pinned],
    )
