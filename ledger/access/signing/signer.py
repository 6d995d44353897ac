"""Who signs for the acting person: a key at hand, or signatures that came with a request.

`Holder` is the shape of whatever keeps a key: a file (`KeyPair`), the agent (`agent.Held`), or a device behind PKCS#11, which
would give the same four (docs/adr/0027).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from ledger.access.signing.statement import SignedStatement, ToSign, canonical, read_statement
from ledger.core.dates import machine_moment
from ledger.core.errors import InvalidInput

HEADER: Final = "fundledger-signature"
"""Of a request over HTTP: one or more signatures, each base64 of JSON, commas between them."""
HEADER_MAX: Final = 16_000


class Holder(Protocol):
    """What keeps a private key and signs with it."""

    @property
    def public(self) -> str:
        """The raw public key in hex."""

    @property
    def id(self) -> str:
        """Its fingerprint."""

    def sign(self, data: bytes) -> str:
        """The signature in hex, 64 bytes."""


class Signer(Protocol):
    """Gives the signature an act asks for."""

    def signature(self, wanted: ToSign) -> SignedStatement | None:
        """None where there is no key to sign with: the database then says whether that will do."""


class WithKey:
    """Signs with a key that is opened when it is first needed; `opening` gives None where no key was named."""

    def __init__(self, opening: Callable[[], Holder | None]) -> None:
        self._opening = opening
        self._holder: Holder | None = None

    def signature(self, wanted: ToSign) -> SignedStatement | None:
        """Sign now. Raises what opening the key raises."""
        self._holder = self._holder or self._opening()
        return None if self._holder is None else sign_with(self._holder, wanted)


class Carried:
    """Signatures made elsewhere, as a request brought them. `asks`: whoever sent it has a key at hand and is asked for what is
    missing, whether the region demands it or not (`signing.require_asked`)."""

    def __init__(self, signatures: Sequence[SignedStatement], *, asks: bool = False) -> None:
        self._signatures = signatures
        self.asks = asks

    def signature(self, wanted: ToSign) -> SignedStatement | None:
        """The one made for this act on this object; whether it says the rest is asked where it is stored."""
        for one in self._signatures:
            said, _, _ = read_statement(one.statement)
            if (said.act, said.object) == (wanted.act, wanted.object):
                return one
        return None


def sign_with(holder: Holder, wanted: ToSign) -> SignedStatement:
    """Sign at the machine's own moment."""
    statement = wanted.statement(holder.id, machine_moment())
    return SignedStatement(statement, holder.sign(statement.encode()))


def header_of(signatures: Sequence[SignedStatement]) -> str:
    """Signatures as the value of a header."""
    return ",".join(base64.b64encode(canonical(one._asdict()).encode()).decode() for one in signatures)


def read_header(value: str) -> list[SignedStatement]:
    """The signatures of a header; raises InvalidInput `signature.format`."""
    found = []
    try:
        if len(value) > HEADER_MAX:
            raise ValueError
        for part in value.split(",") if value else ():
            told = json.loads(base64.b64decode(part.strip(), validate=True))
            if set(told) != set(SignedStatement._fields) or not all(
                isinstance(text, str) for text in told.values()
            ):
                raise ValueError
            found.append(SignedStatement(**told))
            read_statement(found[-1].statement)
    except (ValueError, TypeError, binascii.Error):
        raise InvalidInput("signature.format", f"请求头{HEADER}不是约定的形状") from None
    return found
