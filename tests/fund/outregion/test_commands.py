"""The commands say the same as the functions, in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger.cli.line.acting import ACTING, close_apps
from ledger.cli.outregion.commands import app
from ledger.core.errors import Conflict, InvalidInput
from ledger.settings import get_settings

HERE, THERE, H = "420100", "430100", "H42010000001"
BOOK = ["--region", HERE, "--fund", "310"]
DAY = ["--date", "2026-10-12"]


@pytest.fixture
def said(two: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    get_settings.cache_clear()
    for name, value in two.month.database.env.items():
        monkeypatch.setenv(name, value)

    def run(user: str, *words: str) -> Any:
        monkeypatch.setattr(ACTING, "user", user)
        try:
            done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
        finally:
            close_apps()
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout.splitlines()[-1])

    yield run
    get_settings.cache_clear()


def test_from_the_record_to_the_other_regions_books(two: Any, guest: Any, said: Any) -> None:
    two.take(guest("G1", fund=100_000, cash=20_000), guest("G2", insured="420102"))
    done = said("zhao", "recognise", *BOOK, *DAY)
    assert (done["care"], done["entries"]) == (1, 1)
    assert [one["error"] for one in done["refused"]] == ["outregion.own_region"]
    [total] = said("zhou", "totals", *BOOK, "--term", "202610")["totals"]
    assert (total["counterparty"], total["amount_fen"]) == (430100, "100000")
    made = said("zhao", "order", *BOOK, *DAY, "--of", "hospitals")
    assert (made["hospitals"], made["total_fen"], made["blocked"]) == ([H], "100000", [])
    assert said("zhao", "order", *BOOK, *DAY, "--of", "hospitals", "--term", "202609")["batch"] == ""
    [use] = [one for one in said("zhou", "usage", *BOOK, *DAY)["usage"] if one["direction"] == "received"]
    assert (use["level"], use["used_fen"]) == ("red", "100000")
    [row] = said("zhou", "pull", *BOOK, "--year", "2026", "--month", "10")["rows"]
    assert (row["setl_sn"], row["medfee_sumamt"], row["optins_pay_sumamt"]) == ("G1", "1200.00", "1000.00")
    assert said("zhao", "confirm", "G1", *BOOK, *DAY) == {"confirmed": 1}
    with pytest.raises(Conflict, match=r"outregion\.confirmed_already"):
        said("zhao", "confirm", "G1", *BOOK, *DAY)
    assert said("zhao", "confirm", "G1", *BOOK, *DAY, "--back") == {"rolled_back": 1}
    said("zhao", "confirm", "G1", *BOOK, *DAY)
    made = said("zhao", "bill", *BOOK, "--with", THERE, "--term", "202610", *DAY)
    assert made["amount_fen"] == "100000"
    sent = said("xitong", "deliver", "--region", HERE, "--with", THERE, *DAY)["messages"]
    assert sent == [{"link_id": made["bill"], "outcome": "delivered", "error": ""}]
    ordered = said("zhao", "order", "--region", THERE, "--fund", "310", "--date", "2026-10-13")
    assert (ordered["bills"], ordered["total_fen"]) == ([made["bill"]], "100000")
    [link] = said("zhou", "differences", "--region", HERE, "--date", "2026-10-20")["links"]
    assert (link["link_id"], link["difference_fen"], link["age"]) == (made["bill"], "100000", 8)


def test_money_between_regions(two: Any, said: Any) -> None:
    since = ["--from", "2026-10-01", "--amount", "10.00", "--document", "文件", "--with", THERE]
    for direction in ("paid", "received"):
        answer = said("li", "quota", *BOOK, *since, "--direction", direction)
        assert answer["quota_fen"] == "1000"
    ask = ["--with", THERE, "--amount", "6.00", *DAY]
    coming = said("zhao", "request", *BOOK, *ask, "--kind", "prepaid_in", "--document", "通知")["move"]
    going = said("zhao", "request", *BOOK, *ask, "--kind", "prepaid", "--document", "通知")["move"]
    given_up = said(
        "zhao", "request", *BOOK, *ask[:3], "1.00", *DAY, "--kind", "prepaid", "--document", "误"
    )["move"]
    for move in (coming, going, given_up):
        assert said("qian", "approve", move, "--region", HERE, *DAY)["state"] == "approved"
    assert said("li", "receipt", given_up, "--region", HERE, *DAY, "--cancel")["state"] == "cancelled"
    receipt = ["--region", HERE, *DAY, "--number", "F-1", "--booked", "2026-10-12"]
    with pytest.raises(Conflict, match=r"outregion\.by_order"):
        said("li", "receipt", going, *receipt)
    assert said("li", "receipt", coming, *receipt)["state"] == "done"
    made = said("zhao", "order", *BOOK, *DAY, "--of", "transfers")
    assert (made["transfers"], made["total_fen"]) == ([going], "600")
    with pytest.raises(InvalidInput, match=r"outregion\.order_of"):
        said("zhao", "order", *BOOK, *DAY, "--of", "everything")


def test_a_counterparty_is_confirmed_by_another_person(said: Any) -> None:
    where = ["--region", HERE, "--with", "440100"]
    said("zhao", "counterparty", *where, "--name", "远市", "--payee", "户名|123456|银行|102421000001")
    assert said("qian", "counterparty", *where, "--confirm")["state"] == "confirmed"
