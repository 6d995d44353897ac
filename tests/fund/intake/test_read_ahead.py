"""Judging beside the storing process gives what judging in it gives, a lost reader loses nothing, an orphan does not stay."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.core.errors import Unavailable
from ledger.fund.intake.chunks import Chunk, chunks, line_of, received, to_send
from ledger.fund.intake.file import BESIDE_BYTES
from ledger.fund.intake.quick import LineReader
from ledger.fund.intake.read_ahead import PROCESSES, read_ahead
from ledger.fund.intake.values import Gist
from ledger.fund.record.fields import LINE_BYTES_MAX
from ledger.fund.record.judge import IntakeRules
from ledger.fund.record.record import Refusal
from ledger.simulation.platform.day import generate

RULES = IntakeRules()
SIZE = "ledger.fund.intake.chunks.LINES_PER_CHUNK"
BOM = b"\xef\xbb\xbf"


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """A reader that is waited for in vain is a failure, not a test that never ends."""

    def late(_signal: int, _frame: object) -> None:
        raise TimeoutError("still waiting for a reader")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def lines_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = generate(1_250, 30, date(2026, 10, 12), 5, tmp_path_factory.mktemp("ahead"), bad_per_mille=60)
    return made.settlements[0]


def read_all(path: Path, *, beside: bool, start: int = 0, number: int = 0) -> list[Chunk]:
    with read_ahead(path, start, number, path.stat().st_size, RULES, beside=beside) as found:
        return list(found)


def test_the_same_lines_in_the_same_order_with_the_same_answers(
    lines_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIZE, 100)
    here, beside = read_all(lines_file, beside=False), read_all(lines_file, beside=True)
    assert len(here) == 13
    assert beside == here
    answers = [answer for chunk in beside for answer in chunk.read]
    assert {type(answer) for answer in answers} == {Gist, Refusal}
    assert [answer.line for answer in answers] == list(range(1, 1_251))
    lines = lines_file.read_bytes().splitlines(keepends=True)
    reader = LineReader(RULES)
    assert answers == [reader.read(line, number) for number, line in enumerate(lines, 1)]
    refused = {number: raw for chunk in beside for number, raw in chunk.raws.items()}
    assert refused == {
        answer.line: lines[answer.line - 1] for answer in answers if isinstance(answer, Refusal)
    }
    assert [chunk.last_line for chunk in beside] == [*range(100, 1_201, 100), 1_250]
    assert beside[-1].end == lines_file.stat().st_size


@pytest.mark.parametrize("lines", [1, 99, 100, 101, 200, 201, 300])
def test_a_file_of_any_number_of_chunks_ends_where_it_ends(
    lines_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    monkeypatch.setattr(SIZE, 100)
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"".join(lines_file.read_bytes().splitlines(keepends=True)[:lines]))
    here, beside = read_all(path, beside=False), read_all(path, beside=True)
    assert beside == here
    assert [len(chunk.read) for chunk in beside] == [min(100, lines - at) for at in range(0, lines, 100)]
    assert (beside[-1].last_line, beside[-1].end) == (lines, path.stat().st_size)


@pytest.mark.parametrize("beside", [False, True])
def test_from_the_middle_of_a_file_comes_the_same_rest(
    lines_file: Path, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    monkeypatch.setattr(SIZE, 100)
    whole = read_all(lines_file, beside=False)
    for taken in (1, 4, 12):
        last = whole[taken - 1]
        assert read_all(lines_file, beside=beside, start=last.end, number=last.last_line) == whole[taken:]
    assert read_all(lines_file, beside=beside, start=whole[-1].end, number=1_250) == []


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("bom", [b"", BOM])
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_every_line_is_found_again_by_its_number(
    lines_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, bom: bytes, beside: bool
) -> None:
    """After blank lines, after a line without end, at the end without newline: of a line as much as is ever kept."""
    monkeypatch.setattr(SIZE, size)
    good = [line for line in lines_file.read_bytes().splitlines(keepends=True) if is_good(line)][:4]
    long = b'{"setlinfo":{"x":"' + b"a" * (3 * LINE_BYTES_MAX) + b'"}}\n'
    just = good[2].rstrip(b"\n").ljust(LINE_BYTES_MAX - 1) + b"\n"
    lines = [
        good[0],
        b"\n",
        b" \t\r\n",
        good[1],
        long,
        b"\n",
        just,
        long,
        b"\r\n",
        b"no record\n",
        good[3].rstrip(b"\n"),
    ]
    path = tmp_path / "x.jsonl"
    path.write_bytes(bom + b"".join(lines))
    found = read_all(path, beside=beside, start=len(bom))
    assert [answer.line for chunk in found for answer in chunk.read] == [1, 4, 5, 7, 8, 10, 11]
    codes = {one.line: one.code for chunk in found for one in chunk.read if isinstance(one, Refusal)}
    assert codes == {5: "record.too_long", 8: "record.too_long", 10: "record.json"}
    with path.open("rb") as file:
        for chunk in found:
            for number in range(chunk.last_line - len(chunk.starts) + 1, chunk.last_line + 1):
                kept = line_of(file, chunk, number)
                assert kept == lines[number - 1][: LINE_BYTES_MAX + 2]
                assert chunk.starts[number - chunk.last_line - 1] == len(bom) + len(
                    b"".join(lines[: number - 1])
                )
                if number in chunk.raws:
                    assert chunk.raws[number] == kept
    assert found[-1].end == path.stat().st_size


def is_good(line: bytes) -> bool:
    return isinstance(LineReader(RULES).read(line, 1), Gist)


def test_a_record_behind_a_field_of_blanks_is_refused_and_not_overlooked(
    lines_file: Path, tmp_path: Path
) -> None:
    """Whatever stands in a line gets an outcome: only a line that is blank to its end is none."""
    good = next(line for line in lines_file.read_bytes().splitlines(keepends=True) if is_good(line))
    path = tmp_path / "x.jsonl"
    path.write_bytes(b" " * (2 * LINE_BYTES_MAX) + good + good)
    [chunk] = read_all(path, beside=False)
    assert [(one.line, type(one)) for one in chunk.read] == [(1, Refusal), (2, Gist)]
    [first, _] = chunk.read
    assert isinstance(first, Refusal)
    assert first.code == "record.too_long"


def test_a_chunk_travels_as_it_is(lines_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SIZE, 500)
    with lines_file.open("rb") as file:
        for chunk in chunks(file, 0, LineReader(RULES), lines_file.stat().st_size):
            again = received(to_send(chunk))
            assert again == chunk
            assert [type(one) for one in again.read] == [type(one) for one in chunk.read]


@pytest.mark.parametrize(("size", "when"), [(10, "later"), (400, "later"), (400, "at once")])
@pytest.mark.parametrize("lost", range(PROCESSES))
def test_a_reader_that_dies_is_said_so(
    lines_file: Path, monkeypatch: pytest.MonkeyPatch, size: int, lost: int, when: str
) -> None:
    """Before it said anything and in the middle of a message that does not fit into the pipe: what came before is whole."""
    monkeypatch.setattr(SIZE, size)
    here = read_all(lines_file, beside=False)
    got: list[Chunk] = []
    with (
        pytest.raises(Unavailable) as refused,
        read_ahead(lines_file, 0, 0, lines_file.stat().st_size, RULES, beside=True) as found,
    ):
        if when == "later":
            got.append(next(found))
            time.sleep(0.5)  # by now every pipe is full and its writer waits
        readers = sorted(multiprocessing.active_children(), key=lambda child: child.pid or 0)
        assert len(readers) == PROCESSES
        readers[lost].kill()
        readers[lost].join()
        got.extend(found)
    assert refused.value.code == "intake.reader_lost"
    assert got == here[: len(got)]
    assert len(got) < len(here)
    assert multiprocessing.active_children() == []


def test_no_reader_stays_when_the_chunks_are_not_wanted_any_more(
    lines_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SIZE, 10)
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    with (
        pytest.raises(ZeroDivisionError),
        read_ahead(lines_file, 0, 0, lines_file.stat().st_size, RULES, beside=True) as found,
    ):
        next(found)
        children = [child.pid for child in multiprocessing.active_children()]
        raise ZeroDivisionError
    assert len(children) == PROCESSES
    assert not [pid for pid in children if pid and alive(pid)]
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors


def alive(pid: int) -> bool:
    """Whether there is such a process that has not ended (one that nobody has asked after is a zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def test_a_load_that_is_killed_leaves_no_reader_behind(world: Any, tmp_path: Path) -> None:
    """Its readers are at work or wait to be heard; they end by themselves, and with them their hold on its connection."""
    made = generate(5_000, 30, date(2026, 10, 12), 5, tmp_path)
    path = made.settlements[0]
    assert path.stat().st_size > BESIDE_BYTES
    program = textwrap.dedent(f"""
        import signal
        from pathlib import Path
        from ledger.db.engine import service_engine
        from ledger.fund.intake import chunks
        from ledger.fund.intake.file import load_file
        from ledger.fund.record.judge import IntakeRules
        from ledger.settings import Settings

        def stay(done, total):
            print("first chunk", flush=True)
            signal.pause()

        chunks.LINES_PER_CHUNK = 500
        load_file(service_engine(Settings()), "jieru", Path({str(path)!r}), IntakeRules(), progress=stay)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program], env=world.env, stdout=subprocess.PIPE, text=True
    ) as load:
        assert load.stdout is not None
        assert load.stdout.readline() == "first chunk\n"
        readers = children_of(load.pid)
        assert len(readers) == PROCESSES
        assert all(alive(pid) for pid in readers)
        load.send_signal(signal.SIGKILL)
        assert load.wait() == -signal.SIGKILL
        until = time.monotonic() + 10
        while any(alive(pid) for pid in readers) and time.monotonic() < until:
            time.sleep(0.05)
        left = [pid for pid in readers if alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert left == []


def test_what_comes_after_the_end_of_a_file_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that was added meanwhile belongs to another file."""
    monkeypatch.setattr(SIZE, 100)
    path = tmp_path / "blank.jsonl"
    path.write_bytes(b"  \n" * 250)
    end = path.stat().st_size
    with path.open("ab") as more:
        more.write(b"{}\n")
    with path.open("rb") as file:
        assert [len(chunk.starts) for chunk in chunks(file, 0, LineReader(RULES), end)] == [100, 100, 50]
