"""Periods over HTTP: what may not be posted, closed or reopened is refused with its status and its stable code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.access.keys import joined
from ledger.access.proposals import confirm, propose_key
from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from ledger.closing.seal import seal
from tests.closing.conftest import BOOK, Agency
from tests.scenes.passwords import lend
from tests.scenes.served import served

CLOSINGS = "SELECT n, state, begun_by, closed_by FROM books.closing WHERE fund = 310 ORDER BY n"
CARRIED = "SELECT count(*) FROM books.entry WHERE event = 'CLOSE-M' AND fund = 310"
MONTH = {"book": "420100-310", "period": "202510"}
TODAY = date(2025, 11, 4)
Call = Callable[..., tuple[int, Any]]


@contextmanager
def serving(agency: Agency, home: Path) -> Iterator[Call]:
    """The service on a socket, each person with a key of two administrators' making, so that `verify` passes."""
    lend(agency.settings.home, home)
    made = make_service(agency.settings.model_copy(update={"home": home, "today": TODAY}), Remote)
    keys = {}
    for user in ("li", "qian", "wu"):
        with agency.tx("guan") as tx:
            asked, key = propose_key(tx, user, "test", date(2099, 1, 1), TODAY)
        with agency.tx("shen") as tx:
            _, second = confirm(tx, asked.n, asked.digest, TODAY)
        keys[user] = joined(key.secret, second)
    with (
        served(made),
        httpx.Client(base_url=f"{made.address}/api/v1", timeout=60) as client,
    ):

        def post(user: str, path: str, **values: Any) -> tuple[int, Any]:
            headers = {"authorization": f"Bearer {keys[user]}"}
            if not values:
                return 200, client.get(path, headers=headers).raise_for_status().text
            answer = client.post(path, json=values, headers=headers)
            told = answer.json()
            return answer.status_code, told if answer.status_code == 200 else told["code"]

        yield post


@pytest.fixture
def open_call(agency: Agency, tmp_path: Path) -> Iterator[Call]:
    """POST as a user to the running service (GET where nothing is sent); gives the status, and the code of a refusal or the answer.

    October is open.
    """
    with serving(agency, tmp_path) as post:
        yield post


@pytest.fixture
def call(agency: Agency, open_call: Call) -> Call:
    """The same, October closed."""
    agency.shut()
    return open_call


def act(call: Call, user: str, name: str, **values: Any) -> tuple[int, Any]:
    return call(user, f"/acts/period/{name}", **(MONTH | values))


def void(call: Call) -> bool:
    """Whether October's balance sheet says of itself that its month is not closed."""
    return (
        "202510尚未结账" in call("li", "/books/420100-310/reports/balance-sheet?period=202510&format=html")[1]
    )


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
    # before the book's opening: once accepted, and October then waited for September
    assert post(call, "2025-09-30") == (422, "voucher.before_opening")
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


@pytest.mark.fault(30)
def test_two_closes_of_one_month_at_once_close_it_once(agency: Agency, open_call: Call) -> None:
    """Of closes and of confirmations from several connections at once one does it; the others get its answer or are told why not."""
    with ThreadPoolExecutor(4) as beside:
        asked = list(beside.map(lambda _: act(open_call, "li", "close"), range(4)))
    done = {told["closing"]["digest"] for status, told in asked if status == 200}
    assert len(done) == 1, asked
    assert {answer for answer in asked if answer[0] != 200} <= {
        (409, "period.close_running"),
        (409, "period.not_open"),
    }
    assert agency.rows(CLOSINGS) == [(1, "closing", "li", "")]

    # what the month takes meanwhile: nothing, with its reason; the next month goes on
    assert post(open_call, "2025-10-31") == (409, "period.closing")
    assert post(open_call, "2025-11-04")[0] == 200

    [digest] = done
    assert act(open_call, "li", "confirm", digest=digest) == (403, "access.role_missing")
    assert act(open_call, "qian", "confirm", digest=digest) == (403, "access.role_missing")
    assert act(open_call, "wu", "confirm", digest="0" * 64) == (409, "period.changed")
    assert agency.rows(CARRIED) == [(0,)]
    with ThreadPoolExecutor(4) as beside:
        confirmed = list(beside.map(lambda _: act(open_call, "wu", "confirm", digest=digest), range(4)))
    assert {status for status, _ in confirmed} == {200}, confirmed
    assert sorted(len(told["vouchers"]) for _, told in confirmed) == [0, 0, 0, 4]
    assert act(open_call, "wu", "confirm", digest=digest)[0] == 200  # said again
    assert act(open_call, "wu", "confirm", digest="0" * 64) == (409, "period.not_closing")
    assert (agency.rows(CLOSINGS), agency.rows(CARRIED)) == ([(1, "closed", "li", "wu")], [(4,)])
    assert agency.verify() == []


@pytest.mark.fault(33)
def test_a_month_is_reopened_by_two_and_its_statements_are_void_until_it_closes_again(
    agency: Agency, call: Call
) -> None:
    """Alone, by the wrong post, without a reason, twice, of another month than the last, after the seal: refused."""
    assert act(call, "wu", "reopen", reason="我来") == (403, "access.role_missing")
    assert act(call, "li", "reopen", period="202509", reason="漏记") == (404, "period.unknown")
    assert act(call, "li", "reopen", period="202511", reason="漏记") == (409, "period.not_closed")
    assert act(call, "li", "reopen", reason="漏记一笔保费")[1] == MONTH | {
        "period": 202510,
        "state": "closed",
        "reopening": "asked",
    }
    assert act(call, "li", "reopen") == (403, "access.role_missing")  # nobody agrees to what they asked
    assert agency.state() == "closed"
    assert not void(call)
    assert act(call, "wu", "reopen")[1] == MONTH | {"period": 202510, "state": "open", "reopening": "open"}
    assert act(call, "wu", "reopen") == (409, "period.not_closed")
    assert void(call)
    assert (agency.rows(CARRIED), agency.balance(3001)) == ([(8,)], 0)

    assert post(call, "2025-11-04")[0] == 200
    assert act(call, "wu", "confirm", digest="0" * 64) == (409, "period.not_closing")
    told = act(call, "li", "close")[1]
    assert act(call, "wu", "confirm", digest=told["closing"]["digest"])[0] == 200
    assert (agency.state(), void(call)) == ("closed", False)
    with agency.tx("wu") as tx:
        assert seal(tx, BOOK, 202510, "ab" * 32, "k", TODAY) == "sealed"
    assert act(call, "li", "reopen", reason="漏记") == (409, "period.sealed")
    assert [row[:2] for row in agency.rows(CLOSINGS)] == [(1, "reopened"), (2, "closed")]
    assert agency.verify() == []
