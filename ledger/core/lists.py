"""Many things approved as one list: one digest over the digests of all, so that who approves answers for exactly what was shown."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from ledger.core.errors import Conflict, InvalidInput


def list_digest(head: str, items: Sequence[tuple[str, bytes]]) -> bytes:
    """SHA-256 over `head` and each item's name and own digest, in the order of the list."""
    lines = [f"{head}\n", *(f"{name}|{digest.hex()}\n" for name, digest in items)]
    return sha256("".join(lines).encode()).digest()


def require_list(words: str, head: str, items: Sequence[tuple[str, bytes]], given: bytes) -> None:
    """Refuse unless `given` is the digest of the list as it is now; `words` says what it is a list of.

    Raises InvalidInput `list.nothing`, Conflict `list.changed` (something came, went or was changed since it was shown).
    """
    if not items:
        raise InvalidInput("list.nothing", f"没有待审批的{words}")
    now = list_digest(head, items)
    if now != given:
        raise Conflict(
            "list.changed",
            f"待审批的{words}已不是所核对的那一份（现摘要{now.hex()[:16]}…）：请重新列出并核对",
            digest=now.hex(),
        )
