"""Taking files from the inbox: only complete ones, only once, and archived whatever becomes of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from adapters.banks.ports import PaymentBatch
from adapters.banks.simulator.messages.payment_file import read_pain001
from adapters.banks.wire.control import CONTROL_SUFFIX, ControlFile, decode_control
from ledger.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file with its control file in the inbox."""

    name: str
    content: bytes
    control: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hex."""
        return sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class GroupRefusal:
    """The file can be read and is refused as a whole: ISO reason code and text."""

    code: str
    reason: str


def arrivals(inbox: Path) -> Iterator[Arrival]:
    """The complete files, by name; a file without control file is still being written."""
    for control in sorted(inbox.glob(f"*{CONTROL_SUFFIX}")):
        data = control.with_name(control.name.removesuffix(CONTROL_SUFFIX))
        if data.is_file():
            yield Arrival(data.name, data.read_bytes(), control.read_bytes())


def read_arrival(arrival: Arrival) -> tuple[ControlFile, PaymentBatch]:
    """The file and what its control file says.

    Raises InvalidInput `control.*`, `simbank.digest` if the control file is not for these bytes, and
    `bankfile.*` if the bank cannot read them.
    """
    control = decode_control(arrival.name, arrival.control)
    if not control.matches(arrival.content):
        raise InvalidInput("simbank.digest", f"文件“{arrival.name}”与控制文件的长度或摘要不符")
    return control, read_pain001(arrival.content)


def group_refusal(control: ControlFile, batch: PaymentBatch, *, payer_known: bool) -> GroupRefusal | None:
    """Why a readable file is refused as a whole, or None."""
    if control.count != len(batch.instructions):
        return GroupRefusal("AM18", f"控制文件笔数{control.count}与明细{len(batch.instructions)}笔不符")
    total = sum(order.amount_fen for order in batch.instructions)
    if control.total_fen != total:
        return GroupRefusal("AM10", f"控制文件合计{control.total_fen}分与明细合计{total}分不符")
    if not payer_known:
        return GroupRefusal("AC02", f"付款账户{batch.payer.number}不在本行")
    return None


def archive(inbox: Path, target: Path, name: str, *, as_name: str) -> None:
    """Move a file and then its control file away; done again after a crash, it finishes the move.

    The data file goes first: the customer who looks for it finds it in the inbox or in the archive.
    """
    for suffix in ("", CONTROL_SUFFIX):
        source = inbox / (name + suffix)
        if source.exists():
            os.replace(source, target / (as_name + suffix))  # noqa: PTH105 - an archived twin has the same bytes
