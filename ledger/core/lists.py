"""Many things approved as one list: one digest over the digests of all, so that who approves answers for exactly what was shown."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from ledger.core.errors import Conflict, InvalidInput


@dataclass(frozen=True, slots=True)
class ShownList:
    """What is approved together: `words` says what it is a list of, `head` what its digest is of; each item's name and digest."""

    words: str
    head: str
    items: tuple[tuple[str, bytes], ...]

    @property
    def digest(self) -> bytes:
        """SHA-256 over the head and each item, in the order of the list."""
        lines = [f"{self.head}\n", *(f"{name}|{digest.hex()}\n" for name, digest in self.items)]
        return sha256("".join(lines).encode()).digest()

    @property
    def shown(self) -> str | None:
        """The digest in hex; None where there is nothing to approve."""
        return self.digest.hex() if self.items else None

    def require(self, given: bytes) -> None:
        """Refuse unless `given` is the digest of the list as it is now.

        Raises InvalidInput `list.nothing`, Conflict `list.changed` (something came, went or was changed since it was shown).
        """
        if not self.items:
            raise InvalidInput("list.nothing", f"没有待审批的{self.words}")
        if self.digest != given:
            raise Conflict(
                "list.changed",
                f"待审批的{self.words}已不是所核对的那一份（现摘要{self.digest.hex()[:16]}…）：请重新列出并核对",
                digest=self.digest.hex(),
                items={name: digest.hex() for name, digest in self.items},
            )
