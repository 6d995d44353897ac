"""The bank as a process of its own: `python -m adapters.banks.simulator settings.json [DATE | FILE]`, as `fundledger bank serve`.

Its clock stands at a date, follows a file that names one, or is the one of every other process (`ledger.settings`).
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from threading import Event

from adapters.banks.simulator.serving import read_settings, serve
from ledger.core.dates import Clock, FileClock, FixedClock, parse_day
from ledger.settings import get_settings


def _clock(said: str) -> Clock:
    if not said:
        return get_settings().clock()
    return FileClock(Path(said)) if Path(said).exists() else FixedClock(parse_day(said))


def main(settings_file: str, said: str = "") -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = Event()
    for word in (signal.SIGTERM, signal.SIGINT):
        signal.signal(word, lambda *_: stopping.set())
    serve(read_settings(Path(settings_file)), _clock(said), stopping)


if __name__ == "__main__":
    main(*sys.argv[1:3])
