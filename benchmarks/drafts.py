"""P1 receipts as the daily payout makes them: two memorandum and two statutory lines, by the rule itself."""

from __future__ import annotations

import itertools
import random
from datetime import date
from hashlib import sha256
from typing import Final

from benchmarks.world import PAY_DAY
from ledger.core.entries import Dimensions, EntryDraft
from ledger.rules import Item, apply
from ledger.simulation.people import EXPENDITURE_ACCOUNT

INSTITUTIONS: Final = 2_000
_ZIPF: Final = 0.8
_CATEGORIES: Final = ("inpatient", "maternity", "chronic", "outpatient", "pharmacy")
_MONTHS: Final = tuple((2026, 202600 + month) for month in range(5, 11))
KEYS: Final = tuple((year, term, category) for year, term in _MONTHS for category in _CATEGORIES)
"""30 keys of 期号 and benefit category. An institution keeps to one: with 3 accounts that makes 6,001 rows of a
trial balance, like the 6,033 accounts of the trials this is compared with."""


class Receipts:
    """A source of receipts, the same for the same seed; institutions Zipf-like (0.8) unless `uniform`."""

    def __init__(self, seed: int = 1, *, uniform: bool = False) -> None:
        self._random = random.Random(seed)  # noqa: S311 (made-up amounts, no secrets)
        self._codes = [f"H42010{number:05d}" for number in range(1, INSTITUTIONS + 1)]
        weights = [1.0 if uniform else 1 / rank**_ZIPF for rank in range(1, INSTITUTIONS + 1)]
        self._weights = list(itertools.accumulate(weights))
        self._series = f"{'U' if uniform else 'Z'}{seed}"
        self._number = 0

    def take(self, count: int, day: date = PAY_DAY) -> list[EntryDraft]:
        """`count` further receipts, each with a key of its own."""
        rand = self._random
        codes = rand.choices(self._codes, cum_weights=self._weights, k=count)
        return [self._draft(code, int(rand.lognormvariate(12, 1.2)) + 1, day) for code in codes]

    def _draft(self, code: str, fen: int, day: date) -> EntryDraft:
        self._number += 1
        order = f"D420100-310-{day:%Y%m%d}-{self._series}-{self._number:08d}"
        item = Item(Dimensions(code, "pool", *KEYS[int(code[-5:]) % len(KEYS)]), fen, source=9101)
        ruled = apply("RCV.daily", "P1", 310, [item], bank_account=EXPENDITURE_ACCOUNT.number, year=day.year)
        return EntryDraft(
            event=ruled.event,
            source_key=f"RCV:{order}",
            business_date=day,
            summary=f"{day:%Y%m%d}日拨付职工医保{code}",
            legs=ruled.legs,
            rule=ruled.rule,
            prepared_by=f"rule:{ruled.rule}",
            reviewed_by="qian",
            evidence_digest=sha256(order.encode()).digest(),
            evidence=f"bker:{order}",
            attachments=1,
        )
