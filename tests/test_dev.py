"""`./dev` runs fundledger where its caller stands: a relative path means what the caller sees there."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

DEV = Path(__file__).resolve().parents[1] / "dev"


def run(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [str(DEV), *words], cwd=folder, env=plain | env, capture_output=True, text=True, check=False
    )


def test_relative_paths_are_the_callers(tmp_path: Path) -> None:
    status = run(tmp_path, "db", "status", "--json", FUNDLEDGER_HOME="x")
    assert json.loads(status.stdout)["home"] == str(tmp_path / "x"), status.stderr
    made = run(
        tmp_path, "generate", "--records", "3", "--institutions", "2", "--date", "2026-10-12", "--out", "g"
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "g" / "expected.json").is_file()
    assert run(tmp_path, "python", "-c", "import os; print(os.getcwd())").stdout.strip() == str(tmp_path)
