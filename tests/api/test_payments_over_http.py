"""A payout over HTTP with a bank behind a real SFTP server: draft, approve, file, send, receive, each under one's key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from typer.testing import CliRunner

from adapters.banks.simulator.faults import Fault, FaultPlan
from ledger.access.signing import persons
from ledger.access.signing.keyfile import new_key
from ledger.access.signing.pair import ED25519, KeyPair
from ledger.access.signing.register import make_list, sign_list
from ledger.access.signing.signer import HEADER, header_of, sign_with
from ledger.access.signing.statement import ToSign
from ledger.access.users import Person, found_region
from ledger.api.schemas import SCHEMAS
from ledger.books.manual import ManualContent
from ledger.bootstrap import App
from ledger.cli.installation.keys import app as key_commands
from ledger.cli.line.acting import ACTING
from ledger.control.verify import examine
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.founding import book_by_hand
from ledger.simulation.bank import DemoBank, demo_bank

REGION = 420100
PAY = "2026-10-13"
PAID_ON, NEXT_DAY = date(2026, 10, 13), date(2026, 10, 14)
GRANTED = 10**12
REFUSED = "FL420100-310-20261013-00002"
HATS = (Person("maker.too", "p-maker", "制单人的另一用户", "checker"),)


def grant(world: Any) -> None:
    """Subsidy and allotment by hand, by two persons, so that verify finds nothing to say of them."""
    own, fiscal = Dimensions("4200000000001004"), Dimensions("4200000000001003")
    for fund in (310, 390):
        for summary, legs in (
            ("财政补贴", (debit(1003, GRANTED, fiscal), credit(41010101, GRANTED))),
            ("请款", (debit(1004, GRANTED, own), credit(1003, GRANTED, fiscal))),
        ):
            content = ManualContent(date(2026, 10, 12), summary, "缴拨凭证", legs)
            book_by_hand(
                world.database.service_engine,
                "accountant",
                "checker",
                Book(REGION, fund),
                date(2026, 10, 12),
                content,
            )


@pytest.fixture
def bank(world: Any) -> Iterator[DemoBank]:
    """The bank of the 支出户, which refuses one named order."""
    admin, checker = App(world.settings, "admin"), App(world.settings, "checker")
    plan = FaultPlan(named={REFUSED: frozenset({Fault.REJECT_NAME})})
    try:
        with demo_bank(admin, checker, 2 * GRANTED, date(2026, 10, 1), plan) as made:
            yield made
    finally:
        admin.close()
        checker.close()


@pytest.fixture
def batches(world: Any, client: httpx.Client, bank: DemoBank) -> list[dict[str, Any]]:
    """What the maker's daily run drafted of forty records."""
    grant(world)
    found_region(world.database.admin_engine, REGION, HATS)
    world.keys["maker.too"] = world.new_key("maker.too")
    body = b'{"records": [' + b",".join(world.originals(40)) + b"]}"
    assert client.post("/api/v1/settlements", content=body, headers=world.auth()).json()["quarantined"] == 0
    run = client.post("/api/v1/daily-runs", json={"region": REGION, "date": PAY}, headers=world.auth("maker"))
    found: list[dict[str, Any]] = run.json()["batches"]
    assert [batch["fund"] for batch in found] == [310, 390]
    return found


@pytest.fixture
def act(client: httpx.Client, world: Any) -> Any:
    """POST an act as a user; a good answer has exactly the keys the description promises."""

    def post(path: str, user: str, key: str = "", schema: str = "", **body: object) -> Any:
        headers = world.auth(user) | ({"idempotency-key": key} if key else {})
        answer = client.post(f"/api/v1/{path}", json={"region": REGION} | body, headers=headers)
        if schema:
            assert answer.status_code == 200, answer.text
            assert set(answer.json()) == set(SCHEMAS[schema]["properties"])
        else:
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert set(problem) == {"type", "title", "status", "detail", "code"}
            assert problem["type"] == f"urn:fundledger:error:{problem['code']}"
            assert problem["status"] == answer.status_code
        return answer

    return post


def listed_orders(client: httpx.Client, world: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/orders", params={"limit": 500}, headers=world.auth("reviewer"))
    found: list[dict[str, Any]] = answer.json()["orders"]
    return found


def states(client: httpx.Client, world: Any) -> dict[str, str]:
    return {order["order"]: order["state"] for order in listed_orders(client, world)}


def test_from_draft_to_receipt(
    world: Any, client: httpx.Client, batches: list[dict[str, Any]], act: Any, bank: DemoBank
) -> None:
    total = sum(int(batch["total_fen"]) for batch in batches)
    for batch in batches:
        path, digest = f"batches/{batch['batch']}/approval", batch["digest"]
        own = act(path, "maker", digest=digest)
        assert (own.status_code, own.json()["code"]) == (403, "access.role_missing")
        hat = act(path, "maker.too", digest=digest)
        assert (hat.status_code, hat.json()["code"]) == (403, "batch.same_person")
        done = act(path, "checker", schema="Approval", digest=digest).json()
        assert (done["prepared_by"], done["approved_by"]) == ("maker", "checker")
    assert set(states(client, world).values()) == {"approved"}

    [first, second] = batches
    for user in ("accountant", "cashier"):
        wrong = act(f"batches/{first['batch']}/files", user)
        assert (wrong.status_code, wrong.json()["code"]) == (403, "access.role_missing")
    filed = act(f"batches/{first['batch']}/files", "maker", key="f1", schema="Filing")
    again = act(f"batches/{first['batch']}/files", "maker", key="f1", schema="Filing")
    assert (again.content, again.headers["idempotency-replayed"]) == (filed.content, "true")
    [file] = filed.json()["files"]
    assert (file["orders"], file["total_fen"]) == (first["orders"], first["total_fen"])
    act(f"batches/{second['batch']}/files", "maker", schema="Filing")
    assert set(states(client, world).values()) == {"filed"}
    other = act(f"batches/{second['batch']}/files", "maker", key="f1", schema="Filing")
    assert (
        other.json()["files"] == []
    )  # the key's scope is the route: this is another act, with nothing left to do

    for user in ("maker", "checker"):
        wrong = act("deliveries", user)
        assert (wrong.status_code, wrong.json()["code"]) == (403, "access.role_missing")
    assert set(states(client, world).values()) == {"filed"}
    sent = act("deliveries", "cashier", key="s1", schema="Deliveries")
    assert {entry["outcome"] for entry in sent.json()["files"]} == {"sent"}
    assert sum(int(entry["total_fen"]) for entry in sent.json()["files"]) == total
    replay = act("deliveries", "cashier", key="s1", schema="Deliveries")
    assert (replay.content, replay.headers["idempotency-replayed"]) == (sent.content, "true")
    assert act("deliveries", "cashier", schema="Deliveries").json() == {"files": []}
    assert set(states(client, world).values()) == {"sent"}

    for day in (PAID_ON, NEXT_DAY):
        bank.work(day)
    wrong = act("receptions", "cashier")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "access.role_missing")
    received = act("receptions", "accountant", key="r1", schema="Receptions")
    [account] = received.json()["accounts"]
    paid = len(states(client, world)) - 1
    assert account["outcomes"]["posted"] == paid
    assert (account["events"]["pay"], account["events"]["reject"]) == (paid, 1)
    assert (account["problems"], account["failures"], account["quarantined"]) == (0, 0, 0)
    replay = act("receptions", "accountant", key="r1", schema="Receptions")
    assert (replay.content, replay.headers["idempotency-replayed"]) == (received.content, "true")
    [nothing] = act("receptions", "accountant", schema="Receptions").json()["accounts"]
    assert (nothing["files"], sum(nothing["events"].values())) == (0, 0)

    ended = states(client, world)
    assert ended.pop(REFUSED) == "rejected"
    assert set(ended.values()) == {"paid"}
    amounts = {
        order: int(world.value("SELECT amount_fen FROM payments.pay_order WHERE order_no = %(o)s", o=order))
        for order in ended
    }
    balance = world.value("SELECT sum(debit - credit)::bigint FROM books.balance WHERE account = 1004")
    assert bank.agrees(balance, amounts)
    view = client.get(f"/api/v1/orders/{REFUSED}", headers=world.auth("reviewer")).json()
    assert [event["to"] for event in view["events"]][-2:] == ["sent", "rejected"]
    logged = (
        "SELECT string_agg(outcome, ' ' ORDER BY id) FROM access.operator_log WHERE action = 'payments.send'"
    )
    assert world.value(logged) == "refused refused done done"
    app = App(world.settings, "accountant")
    try:
        found = examine(app.auditor, world.settings.home).breaches
        # keys and a second name of this world are the database administrator's own doing, and verify says so
        assert [one for one in found if one.code != "trace.login"] == []
    finally:
        app.close()


@pytest.mark.fault(39, 70)
def test_a_bank_that_does_not_answer_leaves_the_files_to_be_sent(
    world: Any, client: httpx.Client, batches: list[dict[str, Any]], act: Any
) -> None:
    """The answer says per file what happened; nothing is called sent that was not, and the next delivery goes on."""
    [batch, _] = batches
    act(f"batches/{batch['batch']}/approval", "checker", schema="Approval", digest=batch["digest"])
    [filed] = act(f"batches/{batch['batch']}/files", "maker", schema="Filing").json()["files"]
    inbox = world.settings.home / "demo" / "bank" / "inbox"
    inbox.rename(inbox.with_name("gone"))
    [tried] = act("deliveries", "cashier", schema="Deliveries").json()["files"]
    assert tried["outcome"] in ("filed", "unknown")
    assert tried["code"]
    assert tried["message"]
    assert set(states(client, world).values()) <= {"draft", "filed", "unknown"}
    inbox.with_name("gone").rename(inbox)
    [sent] = act("deliveries", "cashier", schema="Deliveries").json()["files"]
    assert (sent["file"], sent["outcome"]) == (tried["file"], "sent")
    assert filed["sha256"] in {sha256(path.read_bytes()).hexdigest() for path in inbox.iterdir()}


PHRASE = "correct horse battery"


def enrolled(world: Any, file: Path, user: str, by: str) -> KeyPair:
    """A key of `user`, enrolled with `by`, neither signing: the first two of a region."""
    made, life = new_key(file, ED25519, PHRASE), (date(2020, 1, 1), date(2099, 12, 31))
    with world.tx(user) as tx:
        asked = persons.enroll(tx, user, ED25519, made.public, life, PAID_ON)
    with world.tx(by) as tx:
        persons.confirm(tx, made.id, asked.digest, PAID_ON)
    return made


def test_an_approval_over_http_brings_its_person_s_signature(
    world: Any,
    client: httpx.Client,
    batches: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = (("checker", "admin"), ("admin", "checker"))
    keys = {user: enrolled(world, tmp_path / user, user, by) for user, by in pairs}
    with psycopg.connect(
        world.database.admin_url
    ) as admin:  # as `found_region` leaves a region that demands them
        admin.execute(
            "INSERT INTO access.signing_demand (region, digest, asked_by, asked_on, confirmed_on, confirmed_at)"
            " VALUES (%s, '', '', %s, %s, clock_timestamp())",
            [REGION, NEXT_DAY, NEXT_DAY],
        )
    batch, other = batches
    home = world.value("SELECT id FROM access.home")
    person = world.value("SELECT access.person('checker')")

    def header(of: dict[str, Any], key: str) -> dict[str, str]:
        wanted = ToSign(
            home, REGION, "payments.approve", of["batch"], of["digest"], "checker", person, PAID_ON
        )
        return {HEADER: header_of([sign_with(keys[key], wanted)])}

    def approve(signature: dict[str, str]) -> Any:
        return client.post(
            f"/api/v1/batches/{batch['batch']}/approval",
            json={"region": REGION, "digest": batch["digest"]},
            headers=world.auth("checker") | signature,
        )

    for given, status, code in (
        ({}, 403, "signature.missing"),
        (header(other, "checker"), 403, "signature.missing"),
        (header(batch, "admin"), 403, "signature.other_person"),
        ({HEADER: "c2lnbmVk"}, 422, "signature.format"),
    ):
        refused = approve(given)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert set(states(client, world).values()) == {"draft"}
    # as a person does it: what the service asks for is signed on one's own machine, with one's own key file
    with world.tx("checker") as tx:
        listed = make_list(home, REGION, persons.keys_of(tx), PAID_ON)
    for user, made in keys.items():
        sign_list(listed, made, user)
    files = {"list": listed, "asked": approve({}).json()}
    asked = files["asked"]["to_sign"]
    assert [(one["object"], one["digest"]) for one in asked] == [(batch["batch"], batch["digest"])]
    files["other"] = {"to_sign": [asked[0] | {"content": "{}"}]}
    files["foreign"] = {"to_sign": [asked[0] | {"region": 420200}]}
    for name, document in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    (tmp_path / "phrase").write_text(PHRASE, encoding="utf-8")
    (tmp_path / "phrase").chmod(0o600)
    own = world.settings.model_copy(update={"passphrase_file": tmp_path / "phrase"})
    monkeypatch.setattr(ACTING, "settings", own)

    def sign(user: str, *words: str) -> str:
        """The header's value, or the code of the refusal."""
        monkeypatch.setattr(ACTING, "key", str(tmp_path / user))
        line = ["sign", str(tmp_path / "list.json"), *words, "--json"]
        said = CliRunner().invoke(key_commands, line)
        return str(getattr(said.exception, "code", "")) or str(json.loads(said.stdout)["value"])

    assert sign("checker", "--request", str(tmp_path / "other.json")) == "signing_key.request"
    assert sign("checker", "--request", str(tmp_path / "list.json")) == "signing_key.request"
    assert sign("checker", "--request", str(tmp_path / "foreign.json")) == "signature.other_content"
    assert sign("admin", "--request", str(tmp_path / "asked.json")) == "signature.other_content"
    assert sign("checker") == "signing_key.request"
    brought = {HEADER: sign("checker", "--request", str(tmp_path / "asked.json"))}
    for _ in range(2):  # once more is the same answer
        done = approve(brought)
        assert (done.status_code, done.json()["approved_by"]) == (200, "checker")
    assert world.value("SELECT count(*) FROM access.signature WHERE act = 'payments.approve'") == 1
    assert all(isinstance(one["first_payment"], bool) for one in listed_orders(client, world))
