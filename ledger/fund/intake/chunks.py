"""A file of settlement records in chunks: lines judged in the order of the file, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final, NamedTuple, TypeAlias

from ledger.fund.intake.quick import LineReader
from ledger.fund.intake.values import Gist
from ledger.fund.record.fields import LINE_BYTES_MAX
from ledger.fund.record.record import Refusal

LINES_PER_CHUNK: Final = 4_000
READ_BYTES: Final = 1 << 20

_KEPT_BYTES: Final = LINE_BYTES_MAX + 2
"""Of a line that is too long; one more than the longest good one with its newline."""


class Chunk(NamedTuple):
    """Lines of a file as they were judged (blank ones left out), the number of the last one and the byte after it."""

    read: list[Gist | Refusal]
    raws: dict[int, bytes]
    """What the refused lines said, by number."""
    starts: list[int]
    """Where each line begins, blank ones included; the last is `last_line`."""
    last_line: int
    end: int


Sent: TypeAlias = tuple[list[tuple[Any, ...]], dict[int, bytes], list[int], int, int]
"""A chunk in plain values, as `marshal` takes it at a tenth of pickle's price."""


def chunks(
    file: BinaryIO, number: int, reader: LineReader, end: int, *, every: int = 1, first: int = 0
) -> Iterator[Chunk]:
    """The chunks from the file's place, which is the start of line `number` + 1, to the byte `end`.

    Of `every` so many chunks the `first` (from 0) and so on, for readers that share a file.
    """
    turn = 0
    while (at := file.tell()) < end:
        chunk = _chunk(file, number, at, end, reader if turn % every == first else None)
        if not chunk.starts:
            return
        if turn % every == first:
            yield chunk
        number, turn = chunk.last_line, turn + 1


def _chunk(file: BinaryIO, number: int, at: int, end: int, reader: LineReader | None) -> Chunk:
    """The next lines, judged unless there is no reader, because they are another's."""
    read: list[Gist | Refusal] = []
    raws: dict[int, bytes] = {}
    starts: list[int] = []
    while at < end and len(starts) < LINES_PER_CHUNK:
        raw = file.readline(_KEPT_BYTES)
        length, whole = _rest(file, raw)
        if not whole and at + length < end:
            break  # the file is shorter than it was: this line is not what it will be
        number += 1
        starts.append(at)
        at += length
        if reader is None or (raw.isspace() and len(raw) < _KEPT_BYTES):
            continue
        result = reader.read(raw, number)
        if result.__class__ is Refusal:
            raws[number] = raw
        read.append(result)
    return Chunk(read, raws, starts, number, at)


def _rest(file: BinaryIO, raw: bytes) -> tuple[int, bool]:
    """How long the whole line is, its rest skipped unread where it is too long, and whether it has its newline."""
    length = len(raw)
    while len(raw) == _KEPT_BYTES and not raw.endswith(b"\n"):
        raw = file.readline(_KEPT_BYTES)
        length += len(raw)
    return length, raw.endswith(b"\n")


def line_of(file: BinaryIO, chunk: Chunk, number: int) -> bytes:
    """A line of the chunk again, as far as one is kept: what a refusal after the first judging quarantines."""
    known = chunk.raws.get(number)
    if known is not None:
        return known
    file.seek(chunk.starts[number - chunk.last_line - 1])
    return file.readline(_KEPT_BYTES)


def to_send(chunk: Chunk) -> Sent:
    """The chunk for another process."""
    return [tuple(result) for result in chunk.read], chunk.raws, chunk.starts, chunk.last_line, chunk.end


def received(sent: Sent) -> Chunk:
    """The chunk from another process."""
    read, raws, starts, last_line, end = sent
    refusal = len(Refusal._fields)
    judged = [Refusal._make(one) if len(one) == refusal else Gist._make(one) for one in read]
    return Chunk(judged, raws, starts, last_line, end)
