"""The `iso20022` format: pain.001 out; pain.002, camt.054 and MoF electronic receipts (bare or OFD) in.

What an incoming file is, is told by its content: names are the bank's habit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.evoucher.bker import ORDER_PATTERN, is_bker
from adapters.banks.formats.evoucher.container import is_zip
from adapters.banks.formats.evoucher.ofd import read_attachments
from adapters.banks.formats.evoucher.receipts import decode_receipts
from adapters.banks.formats.iso20022 import camt054, pain002
from adapters.banks.formats.iso20022.pain001 import write_pain001
from adapters.banks.formats.iso20022.rules import NAME_BYTES_MAX, PURPOSE_BYTES_MAX, Limits, unbearable
from adapters.banks.formats.xml import elements_named, parse_xml
from adapters.banks.ports import BankAccount, Decoded, OutgoingFile, PaymentBatch
from ledger.core.errors import InvalidInput

_PDF: Final = b"%PDF-"


@dataclass(frozen=True, slots=True)
class Iso20022Format:
    """One bank's files. Raises re.error if `order_pattern` is not a regular expression, LookupError for no `charset`."""

    own_accounts: frozenset[str]
    """Our account numbers at this bank: they decide a receipt's direction, and others' papers are refused."""
    order_pattern: str = ORDER_PATTERN
    """How our order numbers look in a receipt's free text."""
    purpose_bytes_max: int = PURPOSE_BYTES_MAX
    """The bank's limit for 摘要 in GBK bytes."""
    charset: str = "gb18030"
    """The characters the bank's core system holds, as a codec: `gbk` has no rare ones, whatever the file's encoding."""
    name_bytes_max: int = NAME_BYTES_MAX
    """The bank's limit for names in bytes of its characters."""
    require_digest: bool = True
    """Whether an OFD without SM3 digests is refused."""

    def __post_init__(self) -> None:
        re.compile(self.order_pattern)
        "".encode(self.charset)

    def encode(self, batch: PaymentBatch) -> OutgoingFile:
        """`<message_id>.xml`, pain.001.001.09. Raises InvalidInput `bankfile.*`, see `rules.check_batch`."""
        return write_pain001(batch, self._limits)

    def can_bear(self, payee: BankAccount, purpose: str) -> str:
        """Why no file of this bank can hold such an order; "" where one can."""
        return unbearable(payee, purpose, self._limits)

    @property
    def _limits(self) -> Limits:
        return Limits(self.charset, self.name_bytes_max, self.purpose_bytes_max)

    def decode(self, name: str, content: bytes) -> Decoded:
        """What the file says. Raises InvalidInput `bankfile.*` naming the file, with nothing believed."""
        try:
            return self._decode(content)
        except InvalidInput as refusal:
            details = {**refusal.details, "file": name[:200]}
            raise InvalidInput(refusal.code, f"文件{name[:200]}：{refusal.message}", **details) from refusal

    def _decode(self, content: bytes) -> Decoded:
        if is_zip(content):
            documents = read_attachments(content, require_digest=self.require_digest)
            return decode_receipts(documents, self.own_accounts, self.order_pattern)
        if content.startswith(_PDF):
            raise InvalidInput("bankfile.kind", "PDF回单不能作为机读凭据，请向银行索取OFD或XML")
        root = parse_xml(content)
        if is_bker(root):
            return decode_receipts({"": root}, self.own_accounts, self.order_pattern)
        return self._decode_message(root)

    def _decode_message(self, root: Element) -> Decoded:
        readers: dict[str, Callable[[Element], Decoded]] = {
            pain002.MESSAGE: pain002.read_pain002,
            camt054.MESSAGE: lambda message: camt054.read_camt054(message, self.own_accounts),
        }
        found = [
            (element, reader) for word, reader in readers.items() for element in elements_named(root, word)
        ]
        if len(found) != 1:
            raise InvalidInput(
                "bankfile.kind", "文件不是（或不只是）一份状态回执、收付通知或电子回单", messages=len(found)
            )
        message, reader = found[0]
        return reader(message)
