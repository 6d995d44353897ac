"""What is hashed, and how: canonical lines, SHA-256 and SM3 side by side, the texts behind the digests of the chain.

The texts of `content` and `sealed` are those of `books.digest_contents` and `books.post` (docs/adr/0002), written a third time:
who checks a seal has this file and no database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

SECTIONS: Final = ("account", "dim", "block", "entry", "balance")
"""The parts of a seal between its head and its manifest, in their order."""


def line(document: Mapping[str, Any]) -> bytes:
    """One object as it stands in a seal: keys sorted, no blanks, UTF-8, a line feed."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


class Twice:
    """SHA-256 and SM3 (GB/T 32905) of the same bytes, and how many lines they were."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives import hashes

        self._sha256 = sha256()
        self._sm3 = hashes.Hash(hashes.SM3())
        self.lines = 0

    def update(self, data: bytes) -> None:
        """One line more."""
        self._sha256.update(data)
        self._sm3.update(data)
        self.lines += 1

    def told(self) -> dict[str, str | int]:
        """Both in hex with the number of lines."""
        return {
            "lines": self.lines,
            "sha256": self._sha256.hexdigest(),
            "sm3": self._sm3.copy().finalize().hex(),
        }


def _list(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))


def content_digest(entry: Mapping[str, Any]) -> bytes:
    """Of an entry's business content."""
    fields = (
        *(
            entry[name]
            for name in ("event", "source_key", "business_date", "reverses_seq", "summary", "evidence")
        ),
        *(entry[name] for name in ("evidence_digest", "attachments")),
        *(_list(entry[name]) for name in ("accounts", "dims", "amounts")),
    )
    return sha256("|".join(map(str, fields)).encode()).digest()


def entry_digest(entry: Mapping[str, Any]) -> bytes:
    """Of the content with number, time and signers: what the entry's block holds."""
    names = ("seq", "series", "vno", "voucher_date", "recorded_at", "rule", "prepared_by", "reviewed_by")
    return sha256("|".join(str(entry[name]) for name in names).encode() + content_digest(entry)).digest()


def block_hash(region: int, fund: int, block: Mapping[str, Any]) -> str:
    """Of the previous block's hash, the block's own row and its entries' digests, in hex."""
    names = (
        "block",
        "period",
        "voucher_date",
        "first_seq",
        "last_seq",
        "legs",
        "recorded_at",
        "actor",
        "dim_last",
        "dim_hash",
    )
    header = "|".join(map(str, (region, fund, *(block[name] for name in names)))) + "\n"
    whole = bytes.fromhex(block["prev"]) + header.encode() + bytes.fromhex(block["digests"])
    return sha256(whole).hexdigest()


def dim_start(region: int) -> str:
    """Where a region's chain of dimensions begins, in hex."""
    return sha256(f"fundledger dimensions {region}".encode()).hexdigest()


def dim_hash(previous: str, dim: Mapping[str, Any]) -> str:
    """The link of one dimension, in hex."""
    names = ("dim", "counterparty", "subfund", "service_year", "term", "category")
    return sha256(bytes.fromhex(previous) + "|".join(str(dim[name]) for name in names).encode()).hexdigest()


def digests_of(path: Path) -> tuple[int, str, str]:
    """Size, SHA-256 and SM3 of a file, both in hex."""
    digest, size = Twice(), 0
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
            size += len(part)
    told = digest.told()
    return size, str(told["sha256"]), str(told["sm3"])
