"""A large file is judged by processes beside the one that stores, ahead of it, each every second chunk.

They are forks on Linux: such a process begins with everything loaded, where a new one would import for a tenth of a second. It
touches nothing of what it inherits but the code: no connection, no lock, no thread (ADR 20). The order of the file is
kept: a reversal is judged after every line before it.
"""

from __future__ import annotations

import gc
import marshal
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, TypeAlias

from ledger.core.errors import Unavailable
from ledger.fund.intake.chunks import READ_BYTES, Chunk, chunks, received, to_send
from ledger.fund.intake.quick import LineReader
from ledger.fund.record.judge import IntakeRules

PROCESSES: Final = 2
_NO_MORE: Final = b""
_Pipe: TypeAlias = "tuple[Connection, Connection]"


@contextmanager
def read_ahead(
    path: Path, start: int, number: int, end: int, rules: IntakeRules, *, beside: bool
) -> Iterator[Iterator[Chunk]]:
    """The file's chunks from the byte `start`, before which are `number` lines, to the byte `end`; `beside`: by another process, ahead.

    Raises Unavailable `intake.reader_lost` when that process dies; what was stored stays, the load can go on later.
    """
    if not beside:
        with path.open("rb", READ_BYTES) as file:
            file.seek(start)
            yield chunks(file, number, LineReader(rules), end)
        return
    context = get_context("fork") if sys.platform == "linux" else get_context("spawn")
    pipes = [context.Pipe(duplex=False) for _ in range(PROCESSES)]
    sources = [source for source, _ in pipes]
    processes = [
        context.Process(target=_serve, args=(first, pipes, path, start, number, end, rules), daemon=True)
        for first in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for _, sink in pipes:
        sink.close()
    try:
        yield _arriving(sources)
    finally:
        for process in processes:
            process.kill()
            process.join()
            process.close()
        for source in sources:
            source.close()


def _arriving(sources: Sequence[Connection]) -> Iterator[Chunk]:
    """The chunks of all readers in turns, which is the order of the file."""
    for source in cycle(sources):
        try:
            content = source.recv_bytes()
        except (EOFError, OSError) as error:  # OSError: in the middle of a chunk
            raise Unavailable(
                "intake.reader_lost", "校验进程意外终止，已入库的部分有效，请重新执行以继续"
            ) from error
        if content == _NO_MORE:
            return
        yield received(marshal.loads(content))  # noqa: S302 (written by our own child process)


def _serve(
    first: int, pipes: Sequence[_Pipe], path: Path, start: int, number: int, end: int, rules: IntakeRules
) -> None:
    """One of the other processes: send every chunk that is its own, then nothing more. Ends when nobody listens any longer."""
    sink = pipes[first][1]
    for source, other in pipes:
        source.close()  # else this process itself would keep its pipe open after its parent's death
        if other is not sink:
            other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the parent's to handle
    gc.disable()  # nothing here refers to itself, and looking for it costs a tenth
    try:
        with path.open("rb", READ_BYTES) as file:
            file.seek(start)
            for chunk in chunks(file, number, LineReader(rules), end, every=len(pipes), first=first):
                sink.send_bytes(marshal.dumps(to_send(chunk)))
        sink.send_bytes(_NO_MORE)
    except BrokenPipeError:
        pass
