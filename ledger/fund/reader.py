"""The process that validates for another one: chunks of lines in on standard input, their gists out on standard output.

Started by `read_ahead` as `python -m ledger.fund.reader`; ends with its input. A process of its own start, not a
multiprocessing child: that would import the whole program again before its first line.
"""

from __future__ import annotations

import gc
import marshal
import pickle
import signal
import sys
from collections.abc import Sequence
from typing import IO, Any, TypeAlias

from ledger.fund.plain import LineReader
from ledger.fund.validate import IntakeRules

Sent: TypeAlias = tuple[Any, ...]
"""A gist or a refusal as a plain tuple, which `marshal` moves at a tenth of pickle's price."""


def send(pipe: IO[bytes], value: tuple[list[int], list[bytes]] | list[Sent]) -> None:
    """Write one frame: its length in eight bytes, then the value."""
    content = marshal.dumps(value)
    pipe.write(len(content).to_bytes(8, "big"))
    pipe.write(content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one frame; raises EOFError when the other side is gone. `marshal.load` would read a pipe field by field."""
    size = int.from_bytes(pipe.read(8), "big")
    content = pipe.read(size)
    if not size or len(content) < size:
        raise EOFError
    return marshal.loads(content)  # noqa: S302 (written by our own parent or child process)


def gists(numbers: Sequence[int], raws: Sequence[bytes], reader: LineReader) -> list[Sent]:
    """Validate lines; the answer for each as it travels."""
    return [tuple(reader.read(raw, number)) for number, raw in zip(numbers, raws, strict=True)]


def main() -> None:
    """Serve until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the parent's to handle
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    rules: IntakeRules = pickle.load(source)  # noqa: S301 (written by our own parent process)
    reader = LineReader(rules)
    gc.disable()  # nothing here refers to itself, and looking for it costs a tenth
    while True:
        try:
            numbers, raws = receive(source)
        except EOFError:
            return
        send(sink, gists(numbers, raws, reader))


if __name__ == "__main__":
    main()
