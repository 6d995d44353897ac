"""What can be read, the payout day by HTTP, other regions, problems everywhere, and the description being true."""

from __future__ import annotations

import json
from datetime import date
from importlib.metadata import version
from typing import Any

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks

from ledger.books.journal import post
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.db.identity import carried

REGION = 420100
BOOK = "420100-310"
PAY = "2026-10-13"
URL = "/api/v1/settlements"
VOUCHER = {
    "date": PAY,
    "summary": "请款拨入支出户",
    "evidence": "缴拨凭证3号",
    "lines": [
        {"side": "借", "account": 1004, "amount_fen": "1250", "counterparty": "4200000000001004"},
        {"side": "贷", "account": 1003, "amount_fen": "1250", "counterparty": "4200000000001003"},
    ],
}


def allot(world: Any, fen: int) -> None:
    """Money into the paying account of both books."""
    for fund in (310, 390):
        entry = EntryDraft(
            "ALLOT",
            f"ALLOT:{fund}",
            date(2026, 10, 12),
            "请款",
            (
                debit(1004, fen, Dimensions("4200000000001004")),
                credit(41010101, fen),
            ),
            "ALLOT@1",
            "rule:ALLOT@1",
            "checker",
            b"\x01" * 32,
            "A1",
        )
        with world.tx() as tx:
            from ledger.books.setup import open_period

            open_period(tx, Book(REGION, fund), 202610)
            post(tx, Book(REGION, fund), date(2026, 10, 12), [entry])


@pytest.fixture
def day(world: Any, client: httpx.Client) -> dict[str, Any]:
    """Forty records and their daily run, made by HTTP."""
    allot(world, 10**12)
    body = b'{"records": [' + b",".join(world.originals(40)) + b"]}"
    assert client.post(URL, content=body, headers=world.auth()).json()["accepted"] == 40
    answer = client.post(
        "/api/v1/daily-runs", json={"region": REGION, "date": PAY}, headers=world.auth("maker")
    )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_payout_day(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    owed = world.value("SELECT sum(daily_fen) FROM fund.payable")
    blocked = sum(int(item["amount_fen"]) for item in day["blocked"])
    assert int(day["ordered_fen"]) + blocked == owed
    assert day["orders"] > 0
    [batch, *_] = day["batches"]
    url, reviewer = f"/api/v1/batches/{batch['batch']}", world.auth("reviewer")
    seen = client.get(url, headers=reviewer).json()
    assert (seen["digest"], seen["total_fen"], seen["approved_by"]) == (
        batch["digest"],
        batch["total_fen"],
        "",
    )
    body = {"region": REGION, "digest": batch["digest"]}
    own = client.post(f"{url}/approval", json=body, headers=world.auth("maker"))
    assert own.status_code == 403
    wrong = client.post(f"{url}/approval", json=body | {"digest": "0" * 64}, headers=world.auth("checker"))
    assert (wrong.status_code, wrong.json()["code"]) == (409, "batch.changed")
    headers = {**world.auth("checker"), "idempotency-key": "a1"}
    first = client.post(f"{url}/approval", json=body, headers=headers)
    again = client.post(f"{url}/approval", json=body, headers=headers)
    assert (first.status_code, first.json()["total_fen"]) == (200, batch["total_fen"])
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    reused = client.post(
        f"{url}/approval", json=body | {"region": 420100, "digest": "1" * 64}, headers=headers
    )
    assert (reused.status_code, reused.json()["code"]) == (409, "key_reused")
    outcomes = "SELECT string_agg(outcome, ' ' ORDER BY id) FROM access.operator_log WHERE action = 'payments.approve'"
    assert world.value(outcomes) == "refused refused done refused"
    filed = client.post(f"{url}/files", json={"region": REGION}, headers=world.auth("maker"))
    assert (filed.status_code, filed.json()["code"]) == (409, "bank.no_channel")


def test_a_daily_run_under_a_key_happens_once(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    headers = {**world.auth("maker"), "idempotency-key": "run-2"}
    body = {"region": REGION, "date": PAY}
    first = client.post("/api/v1/daily-runs", json=body, headers=headers)
    again = client.post("/api/v1/daily-runs", json=body, headers=headers)
    assert (first.json()["orders"], first.json()["entries"]) == (0, 0)  # drafted before, not again
    assert again.content == first.content
    assert world.count("access.idempotency", "route = 'POST /api/v1/daily-runs'") == 1


def test_an_act_in_flight(world: Any, client: httpx.Client) -> None:
    with psycopg.connect(world.database.admin_url) as other:
        name = f"access.idempotency {REGION} maker POST /api/v1/daily-runs k"
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
        answer = client.post(
            "/api/v1/daily-runs",
            json={"region": REGION, "date": PAY},
            headers={**world.auth("maker"), "idempotency-key": "k"},
        )
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        409,
        "in_flight",
        "1",
    )


def test_acts_are_refused_with_their_reason(world: Any, client: httpx.Client) -> None:
    def run(user: str, **body: object) -> tuple[int, str]:
        answer = client.post("/api/v1/daily-runs", json=body, headers=world.auth(user))
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()["code"]

    assert run("cashier", region=REGION, date=PAY) == (403, "daily.not_maker")
    assert run("maker", region=REGION, date="2026-10-03") == (422, "daily.not_working_day")
    assert run("maker", region=420200, date=PAY) == (404, "region.unknown")
    assert run("maker", region="420100", date=PAY) == (422, "request.invalid")
    assert run("maker", region=REGION) == (422, "request.invalid")
    assert run("maker", region=REGION, date="2026-02-30") == (422, "date.format")
    assert run("maker", region=REGION, date=PAY, more=1) == (422, "request.invalid")
    answer = client.post(
        "/api/v1/daily-runs",
        content=b"{",
        headers={**world.auth("maker"), "content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "body.json")
    long = client.post("/api/v1/daily-runs", content=b"x" * 70_000, headers=world.auth("maker"))
    assert (long.status_code, long.json()["code"]) == (413, "body.too_large")


def test_orders_page_by_page(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    headers, found, after = world.auth("reviewer"), [], None
    while True:
        query = {"limit": 3} | ({"after": after} if after else {})
        page = client.get("/api/v1/orders", params=query, headers=headers).json()
        found += page["orders"]
        after = page["next"]
        if after is None:
            break
        assert len(page["orders"]) == 3
    assert [o["order"] for o in found] == sorted({o["order"] for o in found})
    assert len(found) == day["orders"]
    assert sum(int(o["amount_fen"]) for o in found) == int(day["ordered_fen"])
    one = found[0]
    for query, expected in (
        ({"institution": one["institution"]}, [o for o in found if o["institution"] == one["institution"]]),
        ({"state": "draft"}, found),
        ({"state": "paid"}, []),
        ({"date": PAY}, found),
        ({"date": "2026-10-14"}, []),
    ):
        assert client.get("/api/v1/orders", params=query, headers=headers).json()["orders"] == expected
    whole = client.get(f"/api/v1/orders/{one['order']}", headers=headers).json()
    assert sum(int(item["amount_fen"]) for item in whole["items"]) == int(one["amount_fen"])
    assert [event["event"] for event in whole["events"]] == ["draft"]
    assert client.get("/api/v1/orders", params={"limit": 501}, headers=headers).status_code == 422


def test_the_books(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    headers = world.auth("reviewer")
    books = client.get("/api/v1/books", headers=headers).json()["books"]
    assert [book["book"] for book in books] == ["420100-310", "420100-390"]
    whole = client.get(f"/api/v1/books/{BOOK}/trial-balance", headers=headers).json()
    assert whole["totals"]["debit_fen"] == whole["totals"]["credit_fen"] != "0"
    row = next(row for row in whole["rows"] if row["code"] == "1004")
    assert row["debit_fen"] == str(10**12)
    moment = whole["known_at"]["recorded_at"]
    assert (
        client.get(f"/api/v1/books/{BOOK}/trial-balance", params={"known_at": moment}, headers=headers).json()
        == whole
    )
    before = client.get(
        f"/api/v1/books/{BOOK}/trial-balance",
        params={"period": "202610", "as_of": "2026-10-01"},
        headers=headers,
    ).json()
    assert before["rows"] == []
    ledger = client.get(
        f"/api/v1/books/{BOOK}/general-ledger", params={"account": "1004"}, headers=headers
    ).json()
    number = next(line["voucher"] for line in ledger["lines"] if line["kind"] == "entry")
    voucher = client.get(f"/api/v1/books/{BOOK}/vouchers/{number}", headers=headers).json()
    assert voucher["voucher"] == number
    assert client.get(f"/api/v1/books/{BOOK}/vouchers/{voucher['seq']}", headers=headers).json() == voucher
    missing = client.get(f"/api/v1/books/{BOOK}/vouchers/99999", headers=headers)
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.fault(60)
def test_another_region_is_not_there(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    order = world.value("SELECT min(order_no) FROM payments.pay_order")
    setl_id = world.value("SELECT min(setl_id) FROM fund.record")
    batch = day["batches"][0]["batch"]
    paths = [
        f"/api/v1/orders/{order}",
        f"/api/v1/settlements/{setl_id}",
        f"/api/v1/batches/{batch}",
        f"/api/v1/books/{BOOK}/trial-balance",
        f"/api/v1/books/{BOOK}/general-ledger?account=1004",
        f"/api/v1/books/{BOOK}/vouchers/1",
        f"/api/v1/orders?region={REGION}",
        f"/api/v1/quarantine?region={REGION}",
    ]
    for path in paths:
        assert client.get(path, headers=world.auth("reviewer")).status_code == 200
        answer = client.get(path, headers=world.auth("reviewer2"))
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert client.get(path).status_code == 401
    assert client.get("/api/v1/books", headers=world.auth("reviewer2")).json() == {"books": []}
    assert client.get("/api/v1/orders", headers=world.auth("reviewer2")).json()["orders"] == []
    body = {"region": 420200, "digest": day["batches"][0]["digest"]}
    stolen = client.post(f"/api/v1/batches/{batch}/approval", json=body, headers=world.auth("accountant2"))
    assert (stolen.status_code, stolen.json()["code"]) == (404, "batch.unknown")


def test_settlement_and_quarantine(world: Any, client: httpx.Client, send: Any) -> None:
    record, bad = world.record(), world.record(seed=2)
    assert send(record).status_code == 201
    bad["setlinfo"]["insutype"] = "999"
    unknown = world.record(seed=3)
    unknown["setlinfo"]["fixmedins_code"] = "H99999999999"
    assert [send(bad).status_code, send(unknown).status_code] == [422, 422]
    setl_id = record["setlinfo"]["setl_id"]
    found = client.get(f"{URL}/{setl_id}", headers=world.auth("reviewer"))
    assert found.json()["medfee_sumamt_fen"] == record["setlinfo"]["medfee_sumamt"].replace(".", "").lstrip(
        "0"
    )
    assert record["setlinfo"]["psn_no"] not in found.text
    page = client.get("/api/v1/quarantine", params={"limit": 1}, headers=world.auth("intake")).json()
    rest = client.get(
        "/api/v1/quarantine", params={"after": page["next"]}, headers=world.auth("intake")
    ).json()
    codes = [row["code"] for row in (*page["quarantine"], *rest["quarantine"])]
    assert codes == ["record.unknown_code", "institution.unknown"]
    assert rest["next"] is None
    # What named no region is its sender's; what named the region is the region's.
    others = client.get("/api/v1/quarantine", headers=world.auth("reviewer")).json()["quarantine"]
    assert [row["code"] for row in others] == ["institution.unknown"]


def test_problems_without_a_route(world: Any, client: httpx.Client) -> None:
    for method, path, status, code in (
        ("GET", "/nowhere", 404, "route.unknown"),
        ("DELETE", "/api/v1/orders", 405, "route.method"),
        ("PUT", URL, 405, "route.method"),
        ("GET", URL, 405, "route.method"),
        ("PUT", f"{URL}/S1", 405, "route.method"),
        ("PUT", f"/api/v1/books/{BOOK}/voucher-drafts", 405, "route.method"),
        ("PUT", "/api/v1/books/a/b/c/d", 404, "route.unknown"),
    ):
        answer = client.request(method, path, headers=world.auth())
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["code"] == code
    for method, path, allowed in (
        ("DELETE", "/api/v1/orders", "GET"),
        ("PUT", URL, "POST"),
        ("PUT", f"/api/v1/books/{BOOK}/voucher-drafts", "GET, POST"),
    ):
        assert client.request(method, path, headers=world.auth()).headers["allow"] == allowed
    wrong = client.post(URL, content=b"a=1", headers={**world.auth(), "content-type": "text/plain"})
    assert (wrong.status_code, wrong.json()["code"]) == (415, "content.type")


@pytest.mark.fault(70)
def test_health(world: Any, client: httpx.Client) -> None:
    assert client.get("/health/live").json() == {"status": "live", "version": version("fundledger")}
    assert client.get("/health/ready").json() == {
        "status": "ready",
        "version": version("fundledger"),
        "schema": carried().revision,
    }
    with psycopg.connect(world.database.admin_url, autocommit=True) as admin:
        schema = admin.execute(
            "SELECT table_schema FROM information_schema.tables WHERE table_name LIKE '%version%'"
            " AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchone()
        assert schema is not None
        name = psycopg.sql.Identifier(schema[0])
        admin.execute(psycopg.sql.SQL("ALTER SCHEMA {} RENAME TO hidden").format(name))
        answer = client.get("/health/ready")
        admin.execute(psycopg.sql.SQL("ALTER SCHEMA hidden RENAME TO {}").format(name))
    assert answer.status_code == 503
    assert client.get("/health/live").status_code == 200


def test_the_page_needs_no_other_server(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "POST" in page
    assert "//" not in page.replace("<!--", "")
    assert client.get("/redoc").status_code == 404


@pytest.mark.fault(57)
def test_the_description_is_true(world: Any, client: httpx.Client, day: dict[str, Any]) -> None:
    """Bounded and repeatable: whatever the description allows is answered as described, and never by a 500."""
    document = client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    load_all_checks()
    checks = CHECKS.get_by_names(
        [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_schema_conformance",
            "response_headers_conformance",
        ]
    )
    calls = 0
    order = world.value("SELECT min(order_no) FROM payments.pay_order")
    known = {
        "order": order,
        "book": BOOK,
        "number": "1",
        "batch": day["batches"][0]["batch"],
        "draft": client.post(
            f"/api/v1/books/{BOOK}/voucher-drafts", json=VOUCHER, headers=world.auth("accountant")
        ).json()["draft"],
    }
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=5,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            nonlocal calls
            calls += 1
            user = "intake" if case.path == URL else "accountant" if "drafts" in case.path else "system"
            if calls % 2:  # half of them about things that are there
                case.path_parameters = {
                    name: known.get(name, value) for name, value in (case.path_parameters or {}).items()
                }
            response = case.call(base_url=str(client.base_url), headers=world.auth(user))
            case.validate_response(response, checks=checks)

        run()
    assert calls >= 15 * 10
    assert json.dumps(document).count("urn:fundledger") >= 1


def test_a_code_is_explained_to_anybody(client: httpx.Client) -> None:
    found = client.get("/api/v1/codes/batch.same_person")
    assert (found.status_code, found.json()["statuses"]) == (200, [403])
    assert "第12条" in found.json()["rule"]
    unknown = client.get("/api/v1/codes/no.such")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "codes.unknown")


def test_a_day_is_shown_and_approved_as_one_list(
    world: Any, client: httpx.Client, day: dict[str, Any]
) -> None:
    """The list with its digest, read by anybody of the region; the act refuses who drafts, and another list's digest."""
    when = day["date"]
    shown = client.get(f"/api/v1/payout-days/{when}", headers=world.auth("system")).json()
    assert {batch["batch"] for batch in shown["batches"]} >= {batch["batch"] for batch in day["batches"]}
    assert all(order["payee_number"] for batch in shown["batches"] for order in batch["orders"])
    name = shown["batches"][0]["batch"]
    less = client.get(
        f"/api/v1/payout-days/{when}", params={"without": name}, headers=world.auth("system")
    ).json()
    assert (less["left_out"], less["digest"] != shown["digest"]) == ([name], True)
    wrong = client.get(f"/api/v1/payout-days/{when}", params={"without": "D1"}, headers=world.auth("system"))
    assert (wrong.status_code, wrong.json()["code"]) == (404, "batch.unknown")
    for user, digest, code in (
        ("system", shown["digest"], "access.role_missing"),
        ("checker", "0" * 64, "list.changed"),
    ):
        body = {"region": "420100", "date": when, "digest": digest}
        refused = client.post("/api/v1/acts/day/approve", json=body, headers=world.auth(user))
        assert refused.json()["code"] == code
