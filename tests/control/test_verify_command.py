"""`fundledger verify` as a command: exit codes and the JSON line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

CODE = "import typer; from ledger.cli.books.verify import verify; typer.run(verify)"


def run(town: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FUNDLEDGER_HOME": str(town.server_home), "DATABASE_URL": town.admin_url}
    return subprocess.run(
        [sys.executable, "-c", CODE, *arguments], env=env, capture_output=True, text=True, check=False
    )


def test_clean(town: Any) -> None:
    plain = run(town)
    assert (plain.returncode, plain.stdout.splitlines()[-1]) == (0, "clean")
    answer = json.loads(run(town, "--json").stdout.splitlines()[-1])
    assert (answer["verify"], answer["findings"], answer["entries"], answer["lines"]) == ("clean", [], 11, 26)
    assert answer["seconds"] > 0


def test_findings(town: Any) -> None:
    town.break_it("UPDATE books.entry SET summary = '另写' WHERE region = 420100 AND fund = 390 AND seq = 3")
    plain = run(town)
    assert plain.returncode == 1
    assert "INV-12 420100-390 seq 3 (记-202610-3)" in plain.stdout
    told = run(town, "--json")
    assert told.returncode == 1
    answer = json.loads(told.stdout.splitlines()[-1])
    assert answer["verify"] == "findings"
    assert {(f["promise"], f["book"], f["entry"]) for f in answer["findings"]} == {
        ("INV-12", "420100-390", "seq 3 (记-202610-3)"),
        ("INV-05", "420100-390", "seq 3 (记-202610-3)"),
    }
