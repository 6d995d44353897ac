"""The bank as a process of its own: `python -m adapters.banks.simulator settings.json`.

Settings: `folder` (inbox, outbox, archive), `books` (SQLite file), `keys` (host key), `client_key` (public line),
`username`, `port` (0 for any), `every_seconds`, and `accounts`: name, number, bank_name, cnaps, opening_fen, day.
Prints one JSON line with the port and host key, then works until it is told to stop.
"""

from __future__ import annotations

import json
import signal
import sys
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from adapters.banks.ports import BankAccount
from adapters.banks.simulator.bank import Opening, SimulatedBank
from adapters.banks.simulator.server import DemoServer
from ledger.core.dates import SHANGHAI, parse_day


def _opening(row: dict[str, Any]) -> Opening:
    account = BankAccount(row["name"], row["number"], row["bank_name"], row["cnaps"])
    return Opening(account, int(row["opening_fen"]), parse_day(row["day"]))


def main(settings_file: str) -> None:
    """Serve SFTP and step the bank by the machine's clock until SIGTERM or SIGINT."""
    settings = json.loads(Path(settings_file).read_text(encoding="utf-8"))
    stopping = Event()
    for word in (signal.SIGTERM, signal.SIGINT):
        signal.signal(word, lambda *_: stopping.set())
    folder = Path(settings["folder"])
    openings = [_opening(row) for row in settings["accounts"]]
    with (
        SimulatedBank(folder, Path(settings["books"]), openings) as bank,
        DemoServer(
            folder,
            Path(settings["keys"]),
            settings["username"],
            settings["client_key"],
            port=int(settings["port"]),
        ) as server,
    ):
        sys.stdout.write(json.dumps({"port": server.port, "host_key": server.host_key}) + "\n")
        sys.stdout.flush()
        while not stopping.wait(float(settings["every_seconds"])):
            bank.step(datetime.now(SHANGHAI))


if __name__ == "__main__":
    main(sys.argv[1])
