"""Validation ahead of the database: chunks of a large file are validated by processes beside the one that stores.

The order of the file is kept: a reversal is judged after every line before it. At most `AHEAD` chunks are in
memory beyond the one being stored.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue
from typing import IO, Final, NamedTuple, TypeAlias

from ledger.core.errors import Unavailable
from ledger.fund.outcome import Gist, Line
from ledger.fund.plain import LineReader
from ledger.fund.reader import Sent, receive, send
from ledger.fund.record import Refusal
from ledger.fund.validate import IntakeRules

PROCESSES: Final = 2
AHEAD: Final = 3

Read: TypeAlias = list[tuple[Line, Gist | Refusal]]
_Reader: TypeAlias = "subprocess.Popen[bytes]"


class Chunk(NamedTuple):
    """Lines of a file (blank ones left out), the number of the last one read and the byte after it."""

    lines: Sequence[Line]
    last_line: int
    end: int


@contextmanager
def read_ahead(
    chunks: Iterator[Chunk], rules: IntakeRules, *, beside: bool
) -> Iterator[Iterator[tuple[Chunk, Read]]]:
    """Each chunk with its lines validated, in order; `beside`: by other processes, ahead of being asked for.

    Raises Unavailable `intake.reader_lost` when such a process dies; what was stored stays, the load can go on later.
    """
    if not beside:
        reader = LineReader(rules)
        yield ((chunk, _validated(chunk, reader)) for chunk in chunks)
        return
    readers: list[_Reader] = []
    free: SimpleQueue[_Reader] = SimpleQueue()
    # A thread a process does the waiting on its pipes.
    pool = ThreadPoolExecutor(PROCESSES, "read-ahead")
    try:
        for _ in range(PROCESSES):
            readers.append(_start())
            _teach(readers[-1], rules)
            free.put(readers[-1])
        yield _ahead(pool, free, chunks)
    finally:
        for process in readers:
            process.kill()
        pool.shutdown(cancel_futures=True)
        for process in readers:
            process.communicate()


def _start() -> _Reader:
    command = [sys.executable, "-m", "ledger.fund.reader"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _teach(reader: _Reader, rules: IntakeRules) -> None:
    try:
        pickle.dump(rules, _pipe(reader.stdin))
    except OSError as error:
        raise _lost() from error


def _lost() -> Unavailable:
    return Unavailable("intake.reader_lost", "校验进程意外终止，已入库的部分有效，请重新执行以继续")


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise AssertionError("a reader is started with pipes")
    return pipe


def _validated(chunk: Chunk, reader: LineReader) -> Read:
    return [(line, reader.read(line.raw, line.number)) for line in chunk.lines]


def _ahead(
    pool: ThreadPoolExecutor, free: SimpleQueue[_Reader], chunks: Iterator[Chunk]
) -> Iterator[tuple[Chunk, Read]]:
    waiting: deque[tuple[Chunk, Future[list[Sent]]]] = deque()
    waiting.extend((chunk, pool.submit(_ask, free, chunk)) for chunk in islice(chunks, AHEAD))
    while waiting:
        chunk, answer = waiting.popleft()
        sent = answer.result()
        waiting.extend((following, pool.submit(_ask, free, following)) for following in islice(chunks, 1))
        yield chunk, [(line, _received(item)) for line, item in zip(chunk.lines, sent, strict=True)]


def _ask(free: SimpleQueue[_Reader], chunk: Chunk) -> list[Sent]:
    """Let a reader that has nothing to do validate the chunk."""
    reader = free.get()
    try:
        numbers, raws = [line.number for line in chunk.lines], [line.raw for line in chunk.lines]
        send(_pipe(reader.stdin), (numbers, raws))
        sent: list[Sent] = receive(_pipe(reader.stdout))
    except (OSError, EOFError) as error:
        raise _lost() from error
    finally:
        free.put(reader)
    return sent


def _received(sent: Sent) -> Gist | Refusal:
    return Refusal._make(sent) if len(sent) == len(Refusal._fields) else Gist._make(sent)
