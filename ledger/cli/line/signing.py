"""The acting person's key for this command: the file named, its passphrase asked for; or the agent that holds it."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.cli.line.acting import ACTING
from ledger.core.errors import InvalidInput

if TYPE_CHECKING:  # most commands sign nothing
    from ledger.access.signing.signer import Holder, Signer
    from ledger.settings import Settings


def signer_of(settings: Settings) -> Signer | None:
    """Who signs here: the service what a request brought, a command line the key named; None where there is none."""
    from ledger.access.signing.signer import Carried, WithKey

    if ACTING.answers is not None:
        return Carried(ACTING.signatures, asks=ACTING.asks)
    if not (ACTING.key or settings.key_file or settings.agent_socket):
        return None
    file = Path(ACTING.key).expanduser() if ACTING.key else settings.key_file
    return WithKey(lambda: holder_of(settings, file))


def holder_of(settings: Settings, file: Path | None) -> Holder | None:
    """The key of a file, from the agent where that holds it; without a file the agent's only key.

    Raises InvalidInput `signing_key.*`, Forbidden `signing_key.file_readable`, Unavailable `signing_key.agent`.
    """
    from ledger.access.signing.agent import held
    from ledger.access.signing.keyfile import open_key, read_public

    agents = held(settings.agent_socket) if settings.agent_socket else []
    if file is None:
        if len(agents) > 1:
            raise InvalidInput("signing_key.which", "密钥代理持有多把密钥：请以 --sign-with 指明密钥文件")
        return agents[0] if agents else None
    public = read_public(file)[1]
    for one in agents:
        if one.public == public:
            return one
    return open_key(file, passphrase_of(settings, file))


def passphrase_of(settings: Settings, file: Path, *, again: bool = False) -> str:
    """The passphrase of a key file: from the file the settings name, else asked for (twice for a new one).

    Raises InvalidInput `signing_key.passphrase`, `signing_key.passphrase_missing`.
    """
    from ledger.access.signing.keyfile import read_owned

    if settings.passphrase_file is not None:
        return read_owned(settings.passphrase_file, "口令文件").rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidInput(
            "signing_key.passphrase_missing",
            f"密钥文件{file}需要口令：请在终端输入，或以FUNDLEDGER_PASSPHRASE_FILE指明口令文件",
        )
    found = getpass(f"{file.name}的口令：")
    if again and getpass("再输一遍：") != found:
        raise InvalidInput("signing_key.passphrase", "两次输入的口令不同")
    return found
