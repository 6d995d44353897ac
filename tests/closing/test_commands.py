"""`fundledger period …` as typed, and the same acts over HTTP's table of commands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from ledger.cli.main import app as main_app
from ledger.cli.remote import acts
from ledger.closing.lines import CODES, link
from ledger.core.entries import Book, credit, debit
from tests.closing.conftest import NOV, Agency
from tests.scenes.line import typed
from tests.scenes.passwords import lend

Typed = Callable[..., Any]
MONTH = ("--book", "420100-310", "--period", "202510")


@pytest.fixture
def said(agency: Agency, tmp_path: Path) -> Typed:
    lend(agency.settings.home, tmp_path)  # anchors lie in a home of its own
    env = {
        **os.environ,
        "FUNDLEDGER_HOME": str(tmp_path),
        "DATABASE_URL": agency.admin_url,
        "FUNDLEDGER_TODAY": "2025-11-04",
    }
    return lambda user, *words: typed("period", *words, "--as", user, "--json", env=env)


def test_a_month_from_its_check_list_to_closed_and_back(agency: Agency, said: Typed) -> None:
    found = said("li", "status", *MONTH).last
    assert (found["state"], [line["code"] for line in found["checks"]]) == ("open", list(CODES))
    assert all(line.keys() >= {"code", "name", "ok", "waived", "items"} for line in found["checks"])
    assert said("li", "status", "--book", "420100-310", "--quick").last["period"] == 202510
    assert said("wu", "confirm", *MONTH, "--digest", "0" * 64).last["error"] == "period.not_closing"
    closed = said("li", "close", *MONTH)
    assert (closed.code, closed.last["state"]) == (0, "closing"), closed
    digest = closed.last["digest"]
    assert said("li", "close", *MONTH).last["digest"] == digest  # goes on where it is: at the chief's word
    assert said("li", "confirm", *MONTH, "--digest", digest).last["error"] == "access.role_missing"
    confirmed = said("wu", "confirm", *MONTH, "--digest", digest)
    assert (confirmed.last["state"], len(confirmed.last["vouchers"])) == ("closed", 4), confirmed
    assert said("li", "close", *MONTH).last["error"] == "period.not_open"
    asked = said("li", "reopen", *MONTH, "--reason", "漏记一笔")
    assert (asked.last["state"], asked.last["reopening"]) == ("closed", "asked")
    assert said("wu", "reopen", *MONTH).last["state"] == "open"
    assert said("wu", "reopen", *MONTH).last["error"] == "period.not_closed"
    assert (
        said("li", "close", "--book", "420100-310", "--period", "202511").last["error"]
        == "period.earlier_open"
    )
    logged = agency.rows(
        "SELECT user_name, action, outcome FROM access.operator_log WHERE action LIKE 'period.%' ORDER BY id"
    )
    assert ("li", "period.close", "done") in logged
    assert ("wu", "period.confirm", "done") in logged
    assert ("wu", "period.reopen", "refused") in logged


def test_each_line_names_a_command_there_is() -> None:
    root = get_command(main_app)
    for code in CODES:
        words = link(code, Book(420100, 310), 202512).split()
        assert words.pop(0) == "fundledger"
        command: Any = root
        while words and not words[0].startswith("--"):
            command = command.get_command(None, words.pop(0))
            assert command is not None, code
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, code
        required = {parameter.opts[0] for parameter in command.params if parameter.required}
        assert required <= set(words), code


def test_a_close_is_given_up_and_a_line_is_waived(agency: Agency, said: Typed) -> None:
    assert said("li", "close", *MONTH).code == 0
    assert said("li", "withdraw", *MONTH, "--reason", "").last["error"] == "period.reason"
    assert said("li", "withdraw", *MONTH, "--reason", "再补一张").last["state"] == "open"
    agency.refuse_line(3)
    refused = said("li", "close", *MONTH).last
    assert refused["error"] == "period.checks_failed"
    assert "第1次接入第3行" in refused["message"]
    assert "见 fundledger bank files --region 420100 --outcome quarantined" in refused["message"]
    [told] = [line for line in said("li", "status", *MONTH, "--quick").last["checks"] if not line["ok"]]
    assert told["command"] == "fundledger bank files --region 420100 --outcome quarantined"
    assert said("li", "waive", "verify", *MONTH, "--reason", "r").last["error"] == "period.waiver_code"
    assert said("li", "waive", "quarantine", *MONTH, "--reason", "平台已知").last["waiver"] == "asked"
    assert said("wu", "waive", "quarantine", *MONTH).last["waiver"] == "granted"
    assert said("li", "close", *MONTH).last["state"] == "closing"


def test_a_year_as_typed(agency: Agency, said: Typed) -> None:
    year = ("year-close", "--book", "420100-310", "--year", "2025")
    assert said("li", *year).last["error"] == "period.unknown"
    agency.shut()
    agency.book(NOV, debit(1005, 7), credit(400101, 7))
    assert said("li", "year-close", "--book", "420100-310", "--year", "1999").last["error"] == "period.year"


def test_every_act_of_it_is_offered_over_http() -> None:
    assert {
        f"period {word}" for word in ("close", "confirm", "withdraw", "waive", "reopen", "year-close")
    } <= set(acts())
