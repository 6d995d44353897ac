"""What a paper's fields may hold, whichever format it came in; and numbers for papers to which the bank gave none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Final

from adapters.banks.ports import Evidence
from ledger.core.errors import InvalidInput

LENGTHS: Final = {
    "receipt_no": (80, "回单号"),
    "bank_reference": (80, "银行流水号"),
    "own_account": (40, "本方账号"),
    "other_account": (40, "对方账号"),
    "other_name": (200, "对方户名"),
    "order_no": (80, "指令号"),
    "reason_code": (35, "原因代码"),
    "reason": (2000, "原因"),
}
"""Characters. The standards allow 35 for references, 34 for accounts, 140 for names; a serial may carry an order number."""
UNNUMBERED: Final = "NOREF-"


def fitting(evidence: Evidence) -> Evidence:
    """The same evidence; raises InvalidInput `bankfile.too_long` naming the field that no bank can mean so long."""
    for field, (longest, name) in LENGTHS.items():
        value = getattr(evidence, field)
        if len(value) > longest:
            raise InvalidInput(
                "bankfile.too_long",
                f"{name}“{value[:20]}…”有{len(value)}个字符，超过上限{longest}",
                field=field,
                length=len(value),
            )
    return evidence


def numbered(papers: Iterable[Evidence]) -> tuple[Evidence, ...]:
    """The papers, those without a receipt number under one made of what they say: the same paper has the same number in
    every file, and the second of two that say the same is another one.
    """
    seen: Counter[bytes] = Counter()
    found = []
    for paper in papers:
        if paper.receipt_no:
            found.append(paper)
            continue
        facts = (
            paper.kind, str(paper.direction), paper.booking_date.isoformat(), str(paper.amount_fen), paper.own_account,
            paper.other_account, paper.other_name, paper.order_no, str(paper.is_return), paper.reason_code, paper.reason,
        )  # fmt: skip
        said = sha256("\x1f".join(facts).encode()).digest()
        seen[said] += 1
        found.append(replace(paper, receipt_no=f"{UNNUMBERED}{said.hex()[:16]}-{seen[said]}"))
    return tuple(found)
