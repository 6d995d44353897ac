"""Every report over HTTP: its name, its format, its known-at, and nobody else's books."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from ledger.api.routes.printed import ReportName
from reports.catalogue import REPORTS, ReportAsked, build
from tests.api.test_reads_and_acts import BOOK, REGION, day

__all__ = ["day"]
BOOKS = f"/api/v1/books/{BOOK}"
MORE = {
    "sub-ledger": {"account": "9101"},
    "columnar": {"account": "9101"},
    "bank-journal": {"account": "1004"},
}
FORMATS = {"csv": ("text/csv", b""), "html": ("text/html", b"<!doctype html>"), "pdf": ("application/pdf", b"%PDF"),
           "xlsx": ("application/vnd.openxmlformats", b"PK")}  # fmt: skip


def test_the_names_are_those_of_the_catalogue() -> None:
    assert [name.value for name in ReportName] == list(REPORTS)


def test_every_report_in_every_format(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    assert day["orders"] > 0
    who = world.auth("reviewer")
    addresses = {f"{BOOKS}/reports/{name}": {"period": "202610"} | MORE.get(name, {}) for name in REPORTS}
    addresses |= {
        f"{BOOKS}/reports/trial-balance/changes": {"period": "202610", "since": "2026-10-01"},
        f"{BOOKS}/vouchers/1/print": {},
        "/api/v1/reports/find": {"words": "结算"},
        "/api/v1/reports/control": {"month": "202610", "seed": "s"},
    }
    for address, asked in addresses.items():
        plain = client.get(address, params=asked, headers=who)
        assert plain.status_code == 200, (address, plain.text)
        assert plain.headers["content-type"].startswith("application/json")
        for shape, (kind, begins) in FORMATS.items():
            answer = client.get(address, params=asked | {"format": shape}, headers=who)
            assert answer.status_code == 200, (address, shape, answer.text)
            assert answer.headers["content-type"].startswith(kind)
            assert answer.content.startswith(begins)
            if shape == "csv":
                assert len(list(csv.reader(io.StringIO(answer.text)))) >= 2
        assert client.get(address, params=asked).status_code == 401
        stranger = client.get(address, params=asked, headers=world.auth("reviewer2"))  # of another region
        if address.endswith(("find", "control")):
            assert (stranger.json().get("vouchers"), stranger.json().get("region")) in (
                (0, None),
                (None, 420200),
                (None, None),
            )
        else:
            assert stranger.status_code == 404, (address, stranger.text)
        assert "H4201" not in stranger.text


def test_the_answer_is_the_reports_own(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    assert day
    who = world.auth("reviewer")
    with world.tx("reviewer", REGION) as tx:
        from ledger.books.reading import parse_book

        for name in REPORTS:
            asked = MORE.get(name, {})
            built = build(tx, parse_book(BOOK), name, ReportAsked(202610, account=asked.get("account", "")))
            answer = client.get(
                f"{BOOKS}/reports/{name}", params={"period": "202610"} | asked, headers=who
            ).json()
            assert answer == built.document, name
    known = answer["known_at"]["recorded_at"]
    again = client.get(
        f"{BOOKS}/reports/dealings", params={"period": "202610", "known_at": known}, headers=who
    )
    assert again.json() == answer
    early = client.get(
        f"{BOOKS}/reports/dealings", params={"period": "202610", "known_at": "2020-01-01"}, headers=who
    )
    assert early.json()["rows"] == []


@pytest.mark.parametrize(
    ("address", "asked", "code"),
    [
        (f"{BOOKS}/reports/trial-balance", {}, "report.period"),
        (f"{BOOKS}/reports/sub-ledger", {"period": "202610"}, "report.account"),
        (f"{BOOKS}/reports/auxiliary", {"period": "202610", "by": "x"}, "report.by"),
        (f"{BOOKS}/reports/balance-sheet", {"period": "202610", "year": "2026"}, "statement.span"),
        (f"{BOOKS}/reports/journal", {"period": "202610", "known_at": "gestern"}, "known_at.format"),
        ("/api/v1/reports/find", {}, "find.nothing"),
        ("/api/v1/reports/control", {"month": "202609", "signed": "true"}, "control.not_signed"),
        ("/api/v1/reports/find", {"book": "420200-310", "words": "x"}, "region.unknown"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_has_its_code(world: Any, client: httpx.Client, address: str, asked: dict[str, str], code: str) -> None:  # fmt: skip
    answer = client.get(address, params=asked, headers=world.auth("reviewer"))
    assert answer.json()["code"] == code, answer.text
    assert answer.status_code in (404, 422)
