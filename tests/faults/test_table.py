"""Every one of the 74 faults has a test, or stands on the short list of what is open; docs/faults.md is of today."""

from __future__ import annotations

from tests.faults.table import DOC, GROUPS, cases, proofs, still_open, written

OPEN: set[int] = set()
"""What still lacks something. Whoever builds it marks its test and takes the number out, here and in open.tsv."""


def test_there_are_seventy_four_in_their_order() -> None:
    assert [case.number for case in cases()] == list(range(1, 75))
    assert {case.group for case in cases()} == set(GROUPS)
    assert all(case.what and case.must for case in cases())


def test_every_fault_has_a_test_or_is_open() -> None:
    proven = {number for proof in proofs() for number in proof.cases}
    assert proven <= {case.number for case in cases()}
    assert {case.number for case in cases()} - proven <= set(still_open())


def test_what_is_open_is_this_and_says_why() -> None:
    assert set(still_open()) == OPEN
    assert all(len(lacks) > 10 for lacks in still_open().values())


def test_no_fault_is_proven_in_the_long_group_alone() -> None:
    quick = {number for proof in proofs() if not proof.slow for number in proof.cases}
    assert {case.number for case in cases()} - quick <= set(still_open())


def test_the_page_is_current() -> None:
    assert DOC.read_text(encoding="utf-8") == written(), "docs/faults.md: run ./dev format"
