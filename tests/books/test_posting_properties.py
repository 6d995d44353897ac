"""Random batches of balanced entries: the books stay clean, and balances are what a plain addition gives."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.core.entries import Dimensions, EntryDraft, Leg, Side, section_of
from ledger.db.unit_of_work import unit_of_work

INSTITUTIONS = [f"H4201000000{n}" for n in range(1, 4)]
KEYS = st.builds(
    Dimensions, st.sampled_from(INSTITUTIONS), st.sampled_from(["pool", "acct"]), st.just(2026), st.sampled_from([202609, 202610]),
    st.sampled_from(["inpatient", "outpatient"]),
)  # fmt: skip
BARE = st.tuples(st.sampled_from([1001, 1005]), st.just(Dimensions()))
MEMO = st.tuples(st.sampled_from([9002, 9105, 9301, 9303]), KEYS)
AMOUNTS = st.integers(-(10**12), 10**12).filter(bool)


@st.composite
def balanced(draw: Any) -> tuple[Leg, ...]:
    """One to six lines in one section or both, and the line that balances each."""
    legs: list[Leg] = []
    for places in draw(st.sampled_from([(BARE,), (MEMO,), (BARE, MEMO)])):
        own = [
            Leg(account, draw(st.sampled_from(list(Side))), draw(AMOUNTS), dims)
            for account, dims in draw(st.lists(places, min_size=1, max_size=6))
        ]
        rest = -sum(leg.side * leg.amount_fen for leg in own)
        account, dims = draw(places)
        if rest:
            own.append(Leg(account, Side.DEBIT, rest, dims))
        elif len(own) < 2:
            continue
        legs += own
    return tuple(legs)


BATCHES = st.lists(
    st.tuples(st.booleans(), st.integers(0, 2), st.lists(balanced().filter(bool), min_size=1, max_size=5)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(BATCHES)
def test_random_batches(ledger: Any, batches: list[tuple[bool, int, list[tuple[Leg, ...]]]]) -> None:
    before = balances(ledger)
    expected: Counter[tuple[int, int, Dimensions, int]] = Counter()
    day = _last_day(ledger)
    for employee, later, entries in batches:
        book = ledger.book if employee else ledger.other_fund
        day = min(day + timedelta(days=later), date(2026, 10, 31))
        drafts = [ledger.draft(*legs) for legs in entries]
        ledger.post(*drafts, book=book, day=day)
        assert {answer.outcome for answer in ledger.post(*drafts, book=book, day=day)} == {"replayed"}
        for draft in drafts:
            _add(expected, book.fund, draft)
    after = balances(ledger)
    after.subtract(before)
    assert {key: fen for key, fen in after.items() if fen} == {
        key: fen for key, fen in expected.items() if fen
    }
    assert ledger.findings() == []


def _add(expected: Counter[tuple[int, int, Dimensions, int]], fund: int, draft: EntryDraft) -> None:
    totals: Counter[int] = Counter()
    for leg in draft.legs:
        expected[fund, leg.account, leg.dims, int(leg.side)] += leg.amount_fen
        totals[section_of(leg.account)] += leg.side * leg.amount_fen
    assert not any(totals.values())


def balances(ledger: Any) -> Counter[tuple[int, int, Dimensions, int]]:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        rows = tx.rows(
            "SELECT b.fund, b.account, d.counterparty, d.subfund, d.service_year, d.term, d.category, b.debit, b.credit"
            " FROM books.balance b JOIN books.dim d USING (region, dim)"
        )
    found: Counter[tuple[int, int, Dimensions, int]] = Counter()
    for fund, account, *dims, debit, credit in rows:
        found[fund, account, Dimensions(*dims), 1] += debit
        found[fund, account, Dimensions(*dims), -1] += credit
    return found


def _last_day(ledger: Any) -> date:
    with unit_of_work(ledger.service, "acc", 420100) as tx:
        last: date = tx.value("SELECT max(last_date) FROM books.counter")
        return last
