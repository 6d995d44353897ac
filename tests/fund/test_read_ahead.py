"""Validation beside the storing process gives what validation in it gives, and a lost reader loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ledger.core.errors import Unavailable
from ledger.fund import intake_file
from ledger.fund.generate import generate
from ledger.fund.read_ahead import Chunk, Read, read_ahead
from ledger.fund.record import Refusal
from ledger.fund.validate import IntakeRules


@pytest.fixture(scope="module")
def lines_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = generate(1_200, 30, date(2026, 10, 12), 5, tmp_path_factory.mktemp("ahead"), bad_per_mille=60)
    return made.settlements[0]


def chunks_of(path: Path) -> Iterator[Chunk]:
    with path.open("rb") as file:
        yield from intake_file._chunks(file, 0)


def read_all(path: Path, *, beside: bool) -> list[tuple[Chunk, Read]]:
    with read_ahead(chunks_of(path), IntakeRules(), beside=beside) as chunks:
        return list(chunks)


def test_the_same_lines_in_the_same_order_with_the_same_answers(
    lines_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_file, "LINES_PER_CHUNK", 100)
    here, beside = read_all(lines_file, beside=False), read_all(lines_file, beside=True)
    assert len(here) == 12
    assert beside == here
    answers = [answer for _, read in here for _, answer in read]
    assert any(isinstance(answer, Refusal) for answer in answers)
    assert [line.number for _, read in beside for line, _ in read] == list(range(1, 1_201))


def test_a_reader_that_dies_is_said_so(lines_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_file, "LINES_PER_CHUNK", 100)
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(Unavailable) as refused:
        read_all(lines_file, beside=True)
    assert refused.value.code == "intake.reader_lost"
