"""The commands, as people type them: one advance, one refund, one fund request, one person, JSON on the last line."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ledger.cli import advance, cash, refund
from ledger.cli.line.acting import ACTING, close_apps
from ledger.core.errors import LedgerError
from ledger.settings import get_settings

H = "H42010000001"


@pytest.fixture
def command(town: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command as a user and gives its JSON; the refusal's code where it is refused."""
    for name, value in town.month.database.env.items():
        monkeypatch.setenv(name, value)

    def run(app: typer.Typer, user: str, *words: str) -> Any:
        monkeypatch.setattr(ACTING, "user", user)
        get_settings.cache_clear()
        try:
            answer = CliRunner().invoke(app, [*words, "--region", "420100", "--json"])
        finally:
            close_apps()
            get_settings.cache_clear()
        if isinstance(answer.exception, LedgerError):
            return answer.exception.code
        assert answer.exit_code == 0, answer.output
        return json.loads(answer.output.splitlines()[-1])

    return run


def test_a_request_is_granted_and_a_person_paid(town: Any, command: Any) -> None:
    town.begin(fen=0)
    person = [
        "person",
        "--fund",
        "310",
        "--kind",
        "reimbursement",
        "--psn",
        "42010000000077",
        "--amount",
        "123.45",
    ]
    person += [
        "--payee",
        "王小明",
        "6217000000000123",
        "模拟银行",
        "102421000009",
        "--document",
        "报1",
        "--year",
        "2026",
    ]
    person += ["--term", "202610", "--category", "inpatient", "--date", "2026-10-13"]
    made = command(cash.app, "zhao", *person)
    assert (made["amount_fen"], made["payee_name"], made["psn_no"]) == ("12345", "王**", "42********0077")
    assert (
        command(cash.app, "zhao", "approve-person", made["payment"], "--date", "2026-10-13")
        == "access.role_missing"
    )
    command(cash.app, "qian", "approve-person", made["payment"], "--date", "2026-10-13")
    days = ["--fund", "310", "--date", "2026-10-13", "--upto", "2026-10-13"]
    assert command(cash.app, "zhao", "forecast", *days)["total_fen"] == "12345"
    asked = command(cash.app, "zhao", "request", *days)
    assert (asked["amount_fen"], asked["state"]) == ("12345", "requested")
    command(cash.app, "qian", "approve", asked["request"], "--date", "2026-10-13")
    paper = ["--amount", "123.45", "--receipt", "CZ1", "--received", "2026-10-13", "--date", "2026-10-13"]
    assert command(cash.app, "li", "grant", asked["request"], *paper)["state"] == "granted"
    ordered = command(cash.app, "zhao", "order-persons", "--fund", "310", "--date", "2026-10-13")
    assert [batch["total_fen"] for batch in ordered["batches"]] == ["12345"]
    interest = ["move", "--fund", "310", "--kind", "interest", "--amount", "1.00", "--booked", "2026-10-13"]
    moved = command(cash.app, "zhao", *interest, "--receipt", "LX1", "--date", "2026-10-13")
    assert (
        command(cash.app, "qian", "approve-move", moved["move"], "--date", "2026-10-13")["state"]
        == "approved"
    )
    listed = command(cash.app, "zhou", "list")
    assert [len(listed[name]) for name in ("requests", "moves", "persons")] == [1, 1, 1]
    assert town.balance(1004) == 12_445


def test_an_advance_is_asked_for_ordered_given_back_and_listed(town: Any, bill: Any, command: Any) -> None:
    town.begin("P2", income_fen=3_000_000)
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    what = [
        "request",
        "--fund",
        "310",
        "--institution",
        H,
        "--kind",
        "prepayment",
        "--document",
        "预1",
        "--year",
        "2027",
    ]
    assert (
        command(advance.app, "zhao", *what, "--amount", "600.01", "--date", "2026-11-03")
        == "advance.above_quota"
    )
    made = command(advance.app, "zhao", *what, "--amount", "400.00", "--date", "2026-11-03")
    command(advance.app, "qian", "approve", made["advance"], "--date", "2026-11-03")
    ordered = command(advance.app, "zhao", "order", "--fund", "310", "--date", "2026-11-03")
    assert [batch["total_fen"] for batch in ordered["batches"]] == ["40000"]
    back = [
        "return",
        made["advance"],
        "--account",
        "4200000000001003",
        "--received",
        "2026-11-03",
        "--amount",
        "1.00",
    ]
    back += ["--document", "退1", "--receipt", "JK1", "--date", "2026-11-03"]
    assert command(advance.app, "zhao", *back) == "advance.not_paid"
    assert command(advance.app, "zhou", "reconcile", "--fund", "310", "--year", "2027")["agrees"] is True
    [listed] = command(advance.app, "zhou", "list", "--institution", H)["advances"]
    assert (listed["state"], listed["order_state"], listed["left_fen"]) == ("approved", "draft", "0")


def test_a_refund_is_handed_in_refused_and_listed(town: Any, command: Any) -> None:
    town.begin()
    asked = [
        "request",
        "--fund",
        "310",
        "--institution",
        H,
        "--kind",
        "penalty",
        "--by",
        "agreement",
        "--amount",
        "80.00",
    ]
    asked += ["--received", "2026-10-13", "--document", "违1", "--receipt", "JK1", "--date", "2026-10-13"]
    assert command(refund.app, "zhao", *asked, "--account", "4200000000001004") == "refund.wrong_door"
    made = command(refund.app, "zhao", *asked, "--account", "4200000000001003")
    assert (
        command(refund.app, "zhao", *asked, "--account", "4200000000001003", "--line", "x") == "refund.lines"
    )
    refused = command(
        refund.app, "qian", "approve", made["refund"], "--date", "2026-10-13", "--refuse", "凭证不清"
    )
    assert refused["state"] == "refused"
    assert [one["state"] for one in command(refund.app, "zhou", "list")["refunds"]] == ["refused"]
