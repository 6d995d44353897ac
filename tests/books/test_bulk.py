"""Many batches over two connections give the books one connection would have given."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.books.bulk import post_batches
from ledger.core.entries import Dimensions, EntryDraft, credit, debit
from ledger.core.errors import LedgerError


def batches(ledger: Any, count: int, size: int, institution: int = 1) -> list[list[EntryDraft]]:
    """Every batch has a dimension the region has not seen."""
    made = []
    for number in range(count):
        key = Dimensions(f"H4201{institution + number:07d}", "pool", 2026, 202610, "inpatient")
        made.append([ledger.draft(debit(9001, 5, key), credit(9101, 5, key)) for _ in range(size)])
    return made


def post(ledger: Any, work: list[list[EntryDraft]]) -> list[Any]:
    return list(post_batches(ledger.service, "acc", ledger.book, ledger.day, work))


def test_batches_are_numbered_in_their_order(ledger: Any) -> None:
    answers = post(ledger, batches(ledger, 7, 20))
    assert [len(answer) for answer in answers] == [20] * 7
    flat = [posted for answer in answers for posted in answer]
    assert {posted.outcome for posted in flat} == {"posted"}
    assert [posted.seq for posted in flat] == list(range(flat[0].seq, flat[0].seq + 140))
    assert [posted.vno for posted in flat] == list(range(flat[0].vno, flat[0].vno + 140))
    assert [posted.source_key for posted in answers[3]] != [posted.source_key for posted in answers[4]]
    assert ledger.findings() == []


def test_the_whole_again_gives_the_first_answers(ledger: Any) -> None:
    work = batches(ledger, 3, 5, institution=100)
    first = post(ledger, work)
    again = post(ledger, work)
    assert [[(p.seq, p.vno) for p in answer] for answer in again] == [
        [(p.seq, p.vno) for p in answer] for answer in first
    ]
    assert {p.outcome for answer in again for p in answer} == {"replayed"}


def test_a_refused_batch_stops_those_behind_it(ledger: Any) -> None:
    work = batches(ledger, 5, 4, institution=200)
    work[2][1] = ledger.draft(debit(1001, 5), credit(1005, 6))
    before = ledger.count()
    with pytest.raises(LedgerError, match=r"entry\.unbalanced"):
        post(ledger, work)
    assert ledger.count() == before + 8
    work[2][1] = ledger.draft()
    assert [{p.outcome for p in answer} for answer in post(ledger, work)] == [
        {"replayed"}, {"replayed"}, {"posted"}, {"posted"}, {"posted"},
    ]  # fmt: skip
    assert ledger.findings() == []


def test_nothing_to_post_is_nothing(ledger: Any) -> None:
    assert post(ledger, []) == []
