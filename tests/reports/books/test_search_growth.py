"""`report find` in a journal of 200,000 entries: by words, an amount and a range within the limit of 100 ms."""

from __future__ import annotations

import time
from datetime import date
from statistics import median

import pytest

from ledger.books.bulk import post_batches
from ledger.books.search import take_in
from ledger.core.entries import Dimensions, EntryDraft, credit, debit
from reports.books.find import Wanted, find
from tests.reports.conftest import BANK, desk

__all__ = ["desk"]
ENTRIES, BATCH = 200_000, 10_000


@pytest.mark.slow
def test_finding_does_not_read_the_journal(desk):
    party = [Dimensions(f"H4201{n:07d}", "pool", 2026, 202608, "inpatient") for n in range(300)]

    def drafts(start: int) -> list[EntryDraft]:
        return [
            EntryDraft("TST", f"g{n}", date(2026, 9, 1), f"20260901日拨付职工医保{party[n % 300][0]}第{n}笔",
                       (debit(110105, 1_000 + 7 * n, party[n % 300]), credit(1004, 1_000 + 7 * n, BANK)), "TST@1", "rule:TST@1", "zhang", evidence=f"rule:TST@1:{n}:")
            for n in range(start, start + BATCH)
        ]  # fmt: skip

    for _ in post_batches(
        desk.engine, "acc", desk.book, date(2026, 9, 1), (drafts(n) for n in range(0, ENTRIES, BATCH))
    ):
        pass
    assert take_in(desk.engine, "acc", desk.book) == ENTRIES
    asked = {
        "words": (Wanted(words="第54321笔"), {54_322}),
        "amount": (Wanted(least_fen=1_000 + 7 * 777), {778}),
        "range": (Wanted(least_fen=1_000 + 7 * 888, most_fen=1_000 + 7 * 890), {889, 890, 891}),
        "paper": (Wanted(evidence="rule:TST@1:54321"), {54_322}),
        "no_paper": (Wanted(evidence="rule:TST@1:x"), set()),
        "no_day": (Wanted(first=date(2026, 9, 2), last=date(2026, 9, 2)), set()),
        "none": (Wanted(words="没有这样的摘要"), set()),
    }
    for name, (wanted, expected) in asked.items():
        took = []
        for _ in range(7):
            with desk.tx() as tx:
                began = time.perf_counter()
                found = {line.seq for line in find(tx, desk.book, wanted)}
                took.append(time.perf_counter() - began)
            assert found == expected, name
        assert median(took) < 0.1, (name, took)
