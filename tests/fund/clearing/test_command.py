"""`fundledger clear` on a real ledger: every command's JSON, and its words."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger.cli.clearing import app
from ledger.cli.line.acting import ACTING, close_apps

HOSPITAL = "H42010000001"
CLEARING = date(2027, 3, 20)


@pytest.fixture
def run(worked: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command as a user; the JSON object of its last line."""
    for name, value in worked.month.database.env.items():
        if name in ("FUNDLEDGER_HOME", "DATABASE_URL"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("FUNDLEDGER_TODAY", "2027-03-31")

    def make(user: str, command: str, *args: str, ok: bool = True) -> Any:
        ACTING.user = user
        try:
            done = CliRunner().invoke(app, [command, "--region", "420100", *args, "--json"])
            plain = CliRunner().invoke(app, [command, "--region", "420100", *args])
        finally:
            close_apps()
            ACTING.user = ""
        if not ok:
            return done.exception
        assert done.exception is None, done.exception
        assert plain.output.strip()
        return json.loads(done.stdout.strip().splitlines()[-1])

    return make


def test_a_letter_from_the_command_line(worked: Any, run: Any, tmp_path: Path) -> None:
    plan, rates = tmp_path / "plan.json", tmp_path / "rates.json"
    plan.write_text(
        json.dumps({"document": "市医保〔2026〕12号", "budgets": [{"class": "3", "amount": "9000"}]}),
        encoding="utf-8",
    )
    rates.write_text(
        json.dumps(
            {
                "class": "3",
                "method": "DRG",
                "published": "10.00",
                "volumes": [{"institution": "H42010000002", "cases": 1, "units": "900"}],
            }
        ),
        encoding="utf-8",
    )
    year = ("--fund", "310", "--year", "2026")
    shown = run("zhao", "budget", *year, "--file", str(plan))
    assert shown["budgets"] == [{"class": "3", "amount_fen": "900000", "reserve_fen": "0"}]
    priced = run("zhao", "rates", *year, "--file", str(rates))
    assert (priced["rate"], priced["standards_fen"]) == ("10.0000", {"H42010000002": "900000"})
    assert (
        run("qian", "budget", *year, "--approve", priced["digest"], "--date", "2027-03-01")["approved_by"]
        == "qian"
    )
    made = run("zhao", "letter", *year, "--institution", HOSPITAL, "--date", "2027-03-20")
    assert (made["state"], made["rows"]["9"], made["parts"]["pool"]["7"]) == ("draft", "55000", "1014999")
    every = run("zhao", "letter", *year, "--all", "--date", "2027-03-20")
    assert ([one["letter"] for one in every["letters"]], every["refused"]) == ([made["letter"]], [])
    listed = ("--all", *year, "--date", "2027-03-20", "--digest")
    assert run("qian", "approve", *listed, "0" * 64, ok=False).code == "list.changed"
    assert run("qian", "approve", "--digest", "0" * 64, ok=False).code == "usage.missing"
    together = run("qian", "approve", *listed, every["digest"])["letters"]
    assert [one["state"] for one in together] == ["approved"]
    letter = ("--letter", made["letter"], "--date", "2027-03-20")
    assert run("qian", "approve", *letter, "--digest", "zz", ok=False).code == "clearing.digest"
    assert run("qian", "approve", *letter, "--digest", made["digest"])["state"] == "approved"
    out = tmp_path / "letter.txt"
    sent = run("zhao", "send", *letter, "--to", str(out))
    assert (sent["state"], out.read_text(encoding="utf-8")) == ("sent", sent["text"])
    scan = tmp_path / "scan.pdf"
    scan.write_bytes(b"%PDF")
    signed = ("--document", str(scan), "--signed-by", "院长")
    assert run("qian", "confirm", *letter, "--side", "agency", *signed, ok=False).code == "letter.one_side"
    assert run("zhao", "confirm", *letter, "--side", "both", *signed, ok=False).code == "clearing.side"
    done = run("zhao", "confirm", *letter, "--side", "institution", "--digest", made["digest"], *signed)
    assert done["state"] == "confirmed_by_institution"
    worked.confirm(worked.draft(CLEARING), CLEARING)
    ordered = run("zhao", "orders", *year, "--date", "2027-03-26")
    assert (ordered["total_fen"], list(ordered["orders"])) == ("55000", [made["letter"]])
    listed = run("zhao", "list", "--year", "2026", "--paper", made["letter"])
    assert ([one["state"] for one in listed["letters"]], listed["text"]) == (["confirmed"], sent["text"])
    [employee, _] = run("zhao", "targets", "--year", "2026", "--date", "2027-03-26")["targets"]
    assert (employee["share"], employee["target_by"], employee["days_late"], employee["reached_on"]) == (
        "0.0514",
        "2027-04-30",
        -35,
        "",
    )
    assert run("zhao", "void", "--letter", made["letter"], "--reason", "错", ok=False).code == "letter.state"
