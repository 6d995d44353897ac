"""What callers must not get away with over HTTP: SQL as values, fields that are not theirs, lines in the log, a lock held by another."""

from __future__ import annotations

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import httpx
import psycopg
import pytest

from ledger.api.intake.storing import Worker
from ledger.api.limits import RECORDS_MAX
from ledger.api.wire import places
from tests.api.test_keys_and_concurrency import requests
from tests.api.test_voucher_drafts_http import DRAFTS, written

URL = "/api/v1/settlements"
SLEEPS = 3
INJECTED = (
    "' OR '1'='1",
    f"1; SELECT pg_sleep({SLEEPS}) --",
    f"' || pg_sleep({SLEEPS}) || '",
    "'; DROP TABLE books.entry; --",
    "1) UNION SELECT 1 --",
    "entry.vno DESC; --",
    "%s%(region)s{0}$1",
    "\\'",
)


@pytest.mark.fault(57)
def test_sql_in_any_parameter_of_any_read_is_a_value(world: Any, client: httpx.Client) -> None:
    """Every text in a path or a query of every GET the description knows: answered or refused, at once, with no more rows."""
    document = client.get("/openapi.json").json()
    known = {"book": "420100-310", "region": "420100", "period": "202610", "format": "json"}
    tried = 0
    for path, verbs in document["paths"].items():
        for place in verbs.get("get", {}).get("parameters", ()):
            if place["in"] not in ("path", "query"):
                continue
            for text in INJECTED:
                others = {
                    one["name"]: known.get(one["name"], "1")
                    for one in verbs["get"]["parameters"]
                    if one["in"] == "path" or (one["in"] == "query" and one.get("required"))
                }
                values = others | {place["name"]: text}
                address = path
                for name in [one for one in values if f"{{{one}}}" in path]:
                    address = address.replace(f"{{{name}}}", httpx.QueryParams({"x": values.pop(name)})["x"])
                began = time.monotonic()
                answer = client.get(address, params=values, headers=world.auth("accountant"))
                assert answer.status_code < 500, (path, place["name"], text, answer.text)
                assert time.monotonic() - began < SLEEPS, (path, place["name"], text)
                assert "syntax" not in answer.text
                tried += 1
    assert tried > 8 * 40
    assert world.count("books.entry") >= 0  # it is still there


NOT_THEIRS: tuple[dict[str, object], ...] = (
    {"state": "approved"},
    {"approved_by": "checker"},
    {"prepared_by": "checker"},
    {"book_id": "420200-310"},
    {"region": 420200},
    {"voucher": "记-202610-1"},
    {"digest": "0" * 64},
)


@pytest.mark.fault(59)
def test_fields_that_are_not_the_callers_change_nothing(world: Any, client: httpx.Client) -> None:
    """Beside the body's own fields, and inside a line of it."""
    for field in NOT_THEIRS:
        for body in (written(**field), written(lines=[written()["lines"][0] | field, written()["lines"][1]])):  # type: ignore[index]
            answer = client.post(DRAFTS, json=body, headers=world.auth("accountant"))
            assert (answer.status_code, world.count("books.voucher")) == (422, 0), (field, answer.text)


@pytest.mark.fault(59)
def test_a_record_says_nothing_of_its_own_payment(world: Any, send: Any) -> None:
    """What a record brings beside the fields of the standard is kept as it came, and believed nowhere."""
    record = world.record()
    record["setlinfo"] |= {
        "order_no": "FL1",
        "daily_fen": 1,
        "ratio": 10_000,
        "state": "paid",
        "region": 420200,
    }
    record |= {"order_no": "FL1", "approved_by": "checker"}
    answer = send(record)
    assert answer.status_code in (201, 422)
    if answer.status_code == 201:
        assert world.value("SELECT array_agg(DISTINCT region) FROM fund.record") == [420100]
        assert world.value("SELECT count(*) FROM fund.payable WHERE order_no <> '' OR daily_fen = 1") == 0
        assert world.value("SELECT max(ratio) FROM fund.payable") < 10_000


@pytest.mark.fault(58)
def test_what_a_caller_writes_makes_no_line_of_the_log(
    world: Any, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Line ends, terminal codes and JSON in names, agents, keys and paths: none is written as it came, each event is one line."""
    caplog.set_level(logging.DEBUG, "ledger")
    nasty = '\x1b[2J","level":"CRITICAL"}'
    for number in range(3):
        client.get(
            f"/api/v1/books/%0d%0aFORGED{number}%1b[31m",
            headers={
                "user-agent": f"x\t{nasty}",
                "authorization": f"Bearer fl_{nasty}".encode().decode("latin-1"),
            },
        )
        client.post(
            URL,
            content=json.dumps({"setl_id": f"\r\nFORGED {nasty}\u2028\u0085"}),
            headers={**world.auth(), "content-type": "application/json", "idempotency-key": f"k{number}"},
        )
        draft = client.post(
            DRAFTS,
            json=written(summary=f"好\r\nFORGED {nasty}", evidence="\u2028FORGED"),
            headers=world.auth("accountant"),
        )
        assert draft.status_code == 422
    time.sleep(0.2)
    shown = [record.getMessage() for record in caplog.records if record.name.startswith("ledger")]
    assert not any("FORGED" in line or "CRITICAL" in line for line in shown)
    assert all(len(line.splitlines()) <= 1 and line.isprintable() for line in shown), shown
    written_down = world.value(
        "SELECT coalesce(string_agg(object || detail, ''), '') FROM access.operator_log"
    )
    assert "FORGED" in written_down  # it is told, on its line
    assert written_down.isprintable()
    with world.tx("checker") as tx:  # nor by the raw door
        tx.run(
            "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
            " VALUES (420100, 'checker', E'x\\ny', E'\\x1b[2J\\u2028\\u202e', 'done', E'a\\r\\nb　c')"
        )
    assert world.value(
        "SELECT action || object || detail FROM access.operator_log ORDER BY id DESC LIMIT 1"
    ) == ("x?y?[2J??a??b　c")
    assert world.value("SELECT count(*) FROM fund.quarantine WHERE message ~ '[[:cntrl:]]'") == 0


@pytest.mark.fault(69)
def test_a_hundred_thousand_lines_in_one_request_are_refused_soon(world: Any, client: httpx.Client) -> None:
    for body in (b'{"a":1}\n' * 100_000, b"[" + b'{"a":1},' * 99_999 + b'{"a":1}]', b"\n" * 1_000_000):
        began = time.monotonic()
        answer = client.post(
            "/api/v1/settlements/batch",
            content=body,
            headers={**world.auth(), "content-type": "application/json"},
        )
        assert answer.status_code in (400, 413, 422), answer.text
        assert time.monotonic() - began < 3
    lines = [{"side": "借", "account": 1004, "amount_fen": "1", "counterparty": "4200000000001004"}] * 100_000
    began = time.monotonic()
    answer = client.post(DRAFTS, json=written(lines=lines), headers=world.auth("accountant"))
    assert answer.status_code in (413, 422)
    assert time.monotonic() - began < 5
    assert (world.count("fund.record"), world.count("fund.quarantine"), RECORDS_MAX) == (0, 0, 1_000)


@pytest.mark.fault(16)
def test_a_lock_that_another_holds_takes_no_connection_from_who_does_not_need_it(
    world: Any, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty writers of one book behind a foreign lock: each is told within its time, and then all goes on by itself."""
    monkeypatch.setattr(places, "WAIT_SECONDS", 1.0)

    def write(number: int) -> tuple[int, float, str]:
        began = time.monotonic()
        answer = client.post(DRAFTS, json=written(100 + number), headers=world.auth("accountant"), timeout=60)
        return answer.status_code, time.monotonic() - began, answer.headers.get("retry-after", "")

    with psycopg.connect(world.database.admin_url) as held, ThreadPoolExecutor(20) as pool:
        held.execute("LOCK TABLE books.voucher IN ACCESS EXCLUSIVE MODE")
        asked = [pool.submit(write, number) for number in range(20)]
        time.sleep(0.3)
        began = time.monotonic()
        assert client.get("/health/ready").status_code == 200
        assert time.monotonic() - began < 1.5
        done, waiting = wait(asked, timeout=3)
        held.rollback()
        told = [one.result() for one in done]
        late = [one.result(30)[0] for one in waiting]
    assert {(status, after) for status, _, after in told} == {(503, "1")}
    assert len(told) >= 10
    assert set(late) <= {200, 409}
    assert [write(100 + number)[0] for number in range(3)] == [200, 200, 200]


@pytest.mark.fault(19)
def test_conflicts_without_end_are_given_up_with_a_clear_word(world: Any) -> None:
    """The database undoes every attempt at a record (40001): a few attempts, then `db.retry`, and nothing of it stays."""
    with psycopg.connect(world.database.admin_url, autocommit=True) as admin:
        admin.execute("CREATE SEQUENCE meta.attempts; GRANT USAGE ON meta.attempts TO PUBLIC")
        admin.execute(
            "CREATE FUNCTION meta.beaten() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('meta.attempts');"
            " RAISE EXCEPTION USING ERRCODE = '40001', MESSAGE = 'could not serialize access'; END $$"
        )
        admin.execute(
            "CREATE TRIGGER beaten BEFORE INSERT ON fund.record FOR EACH STATEMENT EXECUTE FUNCTION meta.beaten()"
        )
        worker = Worker(world.database.service_engine, lambda: world.settings.today)
        bodies = world.originals(4)
        answers = worker.process(requests(bodies))
        assert [answer.status for answer in answers] == [409] * 4
        assert {json.loads(answer.body)["code"] for answer in answers} == {"db.retry"}
        assert all(dict(answer.headers)[b"retry-after"] for answer in answers)
        assert 2 <= admin.execute("SELECT last_value FROM meta.attempts").fetchone()[0] <= 8
        assert (world.count("fund.record"), world.count("fund.payable"), world.count("fund.quarantine")) == (
            0,
            0,
            0,
        )
        assert world.value("SELECT coalesce(sum(accepted), 0) FROM fund.intake_load") == 0
        admin.execute("DROP TRIGGER beaten ON fund.record")
    assert [answer.status for answer in worker.process(requests(bodies))] == [201] * 4
