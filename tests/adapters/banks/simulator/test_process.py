"""The bank as its own process, reached over SFTP and stopped politely."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.simulator.books import BankBooks
from adapters.banks.wire.sftp import SftpChannel, SftpConfig
from adapters.banks.wire.sftp.keys import ensure_ed25519_key
from ledger.core.dates import SHANGHAI

PAYER = "42010000000000000010"


@pytest.mark.parametrize(
    ("words", "dated"),
    [
        (["adapters.banks.simulator"], []),
        (["adapters.banks.simulator"], ["2026-11-02"]),
        (["ledger.cli", "bank", "serve"], ["--on", "2026-11-02"]),
    ],
)
def test_process_pays_over_sftp(
    world: Callable[..., Any],
    make_order: Callable[..., Any],
    tmp_path: Path,
    words: list[str],
    dated: list[str],
) -> None:
    today = date.fromisoformat(dated[-1]) if dated else datetime.now(SHANGHAI).date()
    writer = world()
    file = writer.decoder.encode(writer.batch([make_order(1)], day=today))
    account = {
        "name": "江城市医疗保险基金支出户",
        "number": PAYER,
        "bank_name": "江城银行营业部",
        "cnaps": "103100000026",
        "opening_fen": 500_000,
        "day": today.isoformat(),
    }
    settings = {
        "folder": str(tmp_path / "bank"),
        "books": str(tmp_path / "books.db"),
        "keys": str(tmp_path / "keys"),
        "client_key": ensure_ed25519_key(tmp_path / "client"),
        "username": "fund",
        "port": 0,
        "every_seconds": 0.05,
        "accounts": [account],
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", *words, str(tmp_path / "settings.json"), *dated]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        channel = SftpChannel(
            SftpConfig("127.0.0.1", told["port"], "fund", tmp_path / "client", (told["host_key"],))
        )
        channel.deliver(file, count=1, total_fen=1_000_00)
        for _ in range(100):
            if channel.waiting():
                break
            time.sleep(0.05)
        (status,) = channel.waiting()
        assert [s.code for s in writer.decoder.decode(status.name, channel.fetch(status.name)).statuses] == [
            "ACSC",
            "ACSC",
        ]
        channel.close()
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()
    books = BankBooks(tmp_path / "books.db")
    assert books.balance(PAYER) == 500_000 - 1_000_00
    assert [line.movement.day for line in books.statement(PAYER)][-1] == today
    books.check()
    books.close()
