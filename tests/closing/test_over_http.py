"""Periods over HTTP: what may not be posted, closed or reopened is refused with its status and its stable code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx
import psycopg
import pytest

from ledger.access.keys import make_key
from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from ledger.closing.seal import seal
from tests.closing.conftest import BOOK, Agency
from tests.scenes.served import served

MONTH = {"book": "420100-310", "period": "202510"}
TODAY = date(2025, 11, 4)
Call = Callable[..., tuple[int, Any]]


@pytest.fixture
def call(agency: Agency, tmp_path: Path) -> Iterator[Call]:
    """POST as a user to the running service; gives the status, and the code of a refusal or the answer."""
    agency.shut()  # before the keys: written by the administrator, they would keep `verify` and so the close from passing
    copytree(agency.settings.home / "secrets", tmp_path / "secrets")
    made = make_service(agency.settings.model_copy(update={"home": tmp_path, "today": TODAY}), Remote)
    keys = {}
    with psycopg.connect(agency.admin_url, autocommit=True) as admin:
        for user in ("li", "qian", "wu"):
            key = make_key()
            keys[user] = key.secret
            admin.execute(
                "INSERT INTO access.api_key VALUES (%s, 420100, %s, 'test', '2099-01-01', false)",
                [key.digest, user],
            )
    with (
        served(made),
        httpx.Client(base_url=f"{made.address}/api/v1", timeout=60) as client,
    ):

        def post(user: str, path: str, **values: Any) -> tuple[int, Any]:
            answer = client.post(path, json=values, headers={"authorization": f"Bearer {keys[user]}"})
            told = answer.json()
            return answer.status_code, told if answer.status_code == 200 else told["code"]

        yield post


def act(call: Call, user: str, name: str, **values: Any) -> tuple[int, Any]:
    return call(user, f"/acts/period/{name}", **(MONTH | values))


def post(call: Call, day: str) -> tuple[int, Any]:
    """A voucher by hand of a day, drafted and approved; a draft that cannot be approved is withdrawn."""
    lines = [
        {"side": side, "account": account, "amount_fen": "100"}
        for side, account in (("借", 1005), ("贷", 400101))
    ]
    drafts = "/books/420100-310/voucher-drafts"
    made = call("li", drafts, date=day, summary="保费", evidence="缴库单9号", lines=lines)
    if made[0] != 200:
        return made
    said = {"date": day, "digest": made[1]["digest"]}
    done = call("qian", f"{drafts}/{made[1]['draft']}/approval", **said)
    call("li", f"{drafts}/{made[1]['draft']}/withdrawal", reason="期间不对", date=TODAY.isoformat())
    return done


def test_a_month_that_is_future_closed_or_sealed_takes_nothing(call: Call, agency: Agency) -> None:
    assert post(call, "2025-12-01") == (422, "voucher.future")
    # before the book's opening: shown accepted, and October then waited for September
    assert post(call, "2025-09-30") == (409, "period.before_opening")
    assert act(call, "li", "close", period="202509") == (404, "period.unknown")
    assert act(call, "li", "close", period="202512") == (404, "period.unknown")
    assert act(call, "li", "close", period="202513") == (422, "period.format")

    assert act(call, "li", "close") == (409, "period.not_open")
    assert post(call, "2025-10-31") == (409, "period.closed")
    assert act(call, "li", "close", period="202511") == (409, "period.not_over")

    assert act(call, "wu", "reopen") == (409, "period.reopen_unasked")
    assert act(call, "li", "reopen", reason="") == (403, "access.role_missing")
    assert act(call, "li", "reopen", reason="漏记")[1]["reopening"] == "asked"
    assert act(call, "li", "reopen", reason="又来") == (409, "period.reopen_asked")
    assert act(call, "qian", "reopen") == (403, "access.role_missing")
    with agency.tx("wu") as tx:
        assert seal(tx, BOOK, 202510, "ab" * 32, "k", TODAY) == "sealed"
    assert act(call, "li", "reopen", reason="漏记") == (409, "period.sealed")
    assert act(call, "wu", "reopen") == (409, "period.sealed")
    assert post(call, "2025-10-31") == (409, "period.sealed")
    assert agency.state() == "sealed"
