"""Receipt files as evidence, bare or in an OFD."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lxml.etree import _Element as Element

from adapters.banks.formats.evoucher.bker import is_bker, read_bker
from adapters.banks.formats.fields import fitting
from adapters.banks.ports import Decoded, Evidence, Rejected
from ledger.core.errors import InvalidInput


def decode_receipts(
    documents: Mapping[str, Element], own_accounts: Collection[str], order_pattern: str
) -> Decoded:
    """The receipts among `documents` (path in the container: root element), in their order.

    One unreadable receipt among several goes to `rejected`. Raises InvalidInput `bankfile.kind` if none is a
    receipt, and a receipt's own refusal if no receipt can be read.
    """
    receipts = {name: root for name, root in documents.items() if is_bker(root)}
    if not receipts:
        raise InvalidInput("bankfile.kind", "文件内没有银行电子回单（bker）")
    evidence: list[Evidence] = []
    refusals: list[tuple[str, InvalidInput]] = []
    for name, root in receipts.items():
        try:
            evidence.extend(map(fitting, read_bker(root, own_accounts, order_pattern)))
        except InvalidInput as refusal:
            refusals.append((name, refusal))
    if not evidence:
        raise refusals[0][1]
    rejected = tuple(Rejected(name, refusal.code, refusal.message) for name, refusal in refusals)
    return Decoded("bker", evidence=tuple(evidence), rejected=rejected)
