"""A payout by commands, each person under one's own name, with a bank behind a real SFTP server: states, JSON, refusals."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.banks.simulator.faults import Fault, FaultPlan
from ledger.books.manual import ManualContent
from ledger.bootstrap import App
from ledger.cli.line.acting import ACTING
from ledger.cli.main import main
from ledger.core.entries import FUNDS, Book, Dimensions, credit, debit
from ledger.founding import book_by_hand
from ledger.settings import get_settings
from ledger.simulation.bank import DemoBank, demo_bank
from ledger.simulation.people import EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT
from ledger.simulation.platform.day import generate

REGION = 420100
DAYS = [date(2026, 10, day) for day in (13, 14, 15, 16)]
EVE = date(2026, 10, 12)
GRANTED = 10**11
REFUSED, RETURNED = "FL420100-310-20261013-00002", "FL420100-310-20261013-00003"
FILED = {"batch", "files", "voided", "cancelled", "held", "unbearable"}
A_FILE = {"file", "name", "orders", "total_fen", "sha256", "sm3"}
SENT = {"file", "outcome", "orders", "total_fen", "code", "message"}
NEVER_ANCHORED = "尚未锚定的账套（日拨付后或由worker锚定）"
RECEIVED = {"account", "files", "repeated", "quarantined", "papers", "orders", "problems", "failures"}


@pytest.fixture
def bank(world: Any) -> Iterator[DemoBank]:
    """The bank of the 支出户: one order is refused, one comes back two days later."""
    admin, checker = App(world.settings, "li"), App(world.settings, "qian")
    plan = FaultPlan(named={REFUSED: frozenset({Fault.REJECT_NAME}), RETURNED: frozenset({Fault.RETURN})})
    try:
        with demo_bank(admin, checker, 2 * GRANTED, date(2026, 10, 1), plan) as made:
            yield made
    finally:
        admin.close()
        checker.close()


@pytest.fixture
def run(
    world: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Any]]:
    """`fundledger WORD… --json` as a user on a day, through the program's own `main`; the last line it prints, read."""
    monkeypatch.setenv("FUNDLEDGER_HOME", str(world.settings.home))
    monkeypatch.setenv("DATABASE_URL", world.admin_url)

    def command(user: str, *words: str, code: int = 0, day: date = DAYS[0], region: bool = True) -> Any:
        where = ("--region", str(REGION)) if region else ()
        as_json = () if "--format" in words else ("--json",)
        monkeypatch.setenv("FUNDLEDGER_TODAY", day.isoformat())
        monkeypatch.setattr(sys, "argv", ["fundledger", "--as", user, *words, *where, *as_json])
        get_settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert (ended.value.code or 0) == code, told.out + told.err
        return json.loads(told.out.splitlines()[-1])

    yield command
    ACTING.user = ""
    get_settings.cache_clear()


@pytest.fixture
def batches(world: Any, run: Any, bank: DemoBank, tmp_path: Path) -> list[dict[str, Any]]:
    """Money, institutions and records, and what the maker's daily run drafted of them."""
    own, fiscal = Dimensions(EXPENDITURE_ACCOUNT.number), Dimensions(FISCAL_ACCOUNT.number)
    for fund in FUNDS:
        for summary, legs in (
            ("财政补贴", (debit(1003, GRANTED, fiscal), credit(41010101, GRANTED))),
            ("请款", (debit(1004, GRANTED, own), credit(1003, GRANTED, fiscal))),
        ):
            content = ManualContent(EVE, summary, "缴拨凭证", legs)
            book_by_hand(world.service_engine, "li", "qian", Book(REGION, fund), EVE, content)
    made = generate(60, 12, EVE, 1, tmp_path, region=REGION)
    run("zhao", "institution", "load", str(made.institutions))
    shown = run("qian", "institution", "list", "--open")
    run("qian", "institution", "confirm", "--digest", shown["digest"])
    loaded = run("jieru", "intake", "load", *map(str, made.settlements), region=False)
    assert loaded["accepted"] > 40
    run("zhao", "daily", "run", "--date", DAYS[0].isoformat())
    found: list[dict[str, Any]] = sorted(
        run("zhao", "payments", "list")["batches"], key=lambda batch: int(batch["fund"])
    )
    assert [(batch["fund"], batch["approved_by"]) for batch in found] == [(310, ""), (390, "")]
    return found


def test_from_draft_to_receipt(world: Any, run: Any, batches: list[dict[str, Any]], bank: DemoBank) -> None:
    def states() -> dict[str, int]:
        listed = run("zhou", "payments", "list")["states"]
        return {row["state"]: row["orders"] for row in listed if row["orders"]}

    orders, total = sum(batch["orders"] for batch in batches), sum(int(b["total_fen"]) for b in batches)
    [first, second] = batches
    approve = ("payments", "approve", first["batch"], "--digest", first["digest"])
    assert run("zhao", *approve, code=1)["error"] == "access.role_missing"
    assert run("qian", *approve)["approved_by"] == "qian"
    assert states() == {"draft": second["orders"], "approved": first["orders"]}
    assert run("zhao", "payments", "file", second["batch"], code=1)["error"] == "batch.not_approved"
    run("qian", "payments", "approve", second["batch"], "--digest", second["digest"])

    assert run("sun", "payments", "file", first["batch"], code=1)["error"] == "access.role_missing"
    filed = [run("zhao", "payments", "file", batch["batch"]) for batch in batches]
    for batch, done in zip(batches, filed, strict=True):
        assert set(done) == FILED
        assert [set(file) for file in done["files"]] == [A_FILE]
        assert (done["files"][0]["orders"], done["files"][0]["total_fen"]) == (
            batch["orders"],
            batch["total_fen"],
        )
    assert run("zhao", "payments", "file", first["batch"])["files"] == []
    assert states() == {"filed": orders}

    assert run("zhao", "payments", "send", code=1)["error"] == "access.role_missing"
    sent = run("sun", "payments", "send")["files"]
    assert [(set(file), file["outcome"], file["code"]) for file in sent] == [(SENT, "sent", "")] * 2
    assert sum(int(file["total_fen"]) for file in sent) == total
    inbox = world.settings.home / "demo" / "bank" / "inbox"
    there = {sha256(path.read_bytes()).hexdigest() for path in inbox.iterdir()}
    assert {done["files"][0]["sha256"] for done in filed} <= there
    assert run("sun", "payments", "send") == {"files": []}
    assert states() == {"sent": orders}

    assert run("sun", "payments", "receive", code=1)["error"] == "access.role_missing"
    events = dict.fromkeys(("pay", "reject", "return"), 0)
    for day in DAYS:
        bank.work(day)
        [account] = run("li", "payments", "receive", day=day)["accounts"]
        assert set(account) == RECEIVED
        assert (account["problems"], account["failures"], account["quarantined"]) == ([], [], 0)
        for name in events:
            events[name] += account["orders"].get(name, 0)
    assert events == {"pay": orders - 1, "reject": 1, "return": 1}
    [idle] = run("li", "payments", "receive", day=DAYS[-1])["accounts"]
    assert (idle["files"], idle["orders"]) == (0, {})
    assert states() == {"paid": orders - 2, "rejected": 1, "returned": 1}

    view = run("zhou", "payments", "list", "--order", RETURNED)
    assert [event["to_state"] for event in view["events"]][-2:] == ["paid", "returned"]
    assert [voucher["source_key"].split(":")[:2] for voucher in view["vouchers"]] == [
        [event, RETURNED] for event in ("ORD", "RCV", "RTN")
    ]
    paid = {
        order["order_no"]: int(order["amount_fen"])
        for order in run("zhou", "payments", "list", "--state", "paid")["orders"]
    }
    balance = 0
    for fund in FUNDS:
        book = ("--book", f"{REGION}-{fund}", "--format", "json")
        rows = run("zhou", "report", "trial-balance", *book, region=False)["rows"]
        balance += sum(int(row["closing_fen"]) for row in rows if row["code"] == "1004")
    assert bank.agrees(balance, paid)
    assert run("zhou", "verify", region=False)["verify"] == "clean"


@pytest.mark.fault(50)
def test_a_bank_file_under_an_odd_name_is_a_failure_by_name(
    world: Any, run: Any, batches: list[dict[str, Any]], bank: DemoBank
) -> None:
    outbox = world.settings.home / "demo" / "bank" / "outbox"
    for name in ("中文 名.xml", "x6\n.xml"):
        (outbox / name).write_bytes(b"<Document/>")
        (outbox / (name + ".ok")).write_bytes(b"?")
    told = [account["failures"] for account in run("li", "payments", "receive", code=1)["accounts"]]
    assert [[(one["file"], one["code"]) for one in failures] for failures in told] == [
        [("x6\\n.xml", "bank.file_name"), ("中文 名.xml", "bank.file_name")]
    ]


def test_an_act_whose_anchors_cannot_be_written_is_answered_with_a_warning(
    world: Any, run: Any, batches: list[dict[str, Any]]
) -> None:
    home = world.settings.home
    first = run("zhao", "verify", region=False)
    assert (first["verify"], first["waiting"].get(NEVER_ANCHORED)) == ("clean", None)
    (home / "anchors").rename(home / "kept")
    (home / "anchors").write_text("a file where the folder should be")
    [batch, *_] = batches
    done = run("qian", "payments", "approve", batch["batch"], "--digest", batch["digest"])
    assert (done["batch"], [warning["code"] for warning in done["warnings"]]) == (
        batch["batch"],
        ["anchor.not_written"],
    )
    assert str(home / "anchors" / "anchors.jsonl") in done["warnings"][0]["message"]
    unreadable = run("zhao", "verify", region=False, code=1)["findings"]
    assert ("INV-12", "anchors") in {(one["promise"], one["entry"]) for one in unreadable}
    (home / "anchors").unlink()
    gone = run("zhao", "verify", region=False, code=1)["findings"]
    assert {(one["promise"], one["book"], "锚定文件被删除" in one["message"]) for one in gone} == {
        ("INV-12", chain, True) for chain in ("", f"{REGION}", *(f"{REGION}-{fund}" for fund in FUNDS))
    }
    (home / "kept").rename(home / "anchors")
    assert run("zhao", "verify", region=False)["verify"] == "clean"


def test_a_backup_carries_the_ends_of_the_chains(
    world: Any, run: Any, batches: list[dict[str, Any]], cluster: Any, tmp_path: Path
) -> None:
    home, archive, into = world.settings.home, tmp_path / "books.dump", f"{world.name}_restored"
    run("guan", "db", "backup", "--plain", "--out", str(archive), region=False)
    manifest = json.loads((tmp_path / "books.dump.json").read_text(encoding="utf-8"))
    anchored = [json.loads(line) for line in (home / "anchors" / "anchors.jsonl").read_text().splitlines()]
    ends = {(one["region"], one["fund"]): {**one, "v": None} for one in anchored}
    kept = {(one["region"], one["fund"]): {**one, "v": None} for one in manifest["facts"]["heads"]}
    assert {key: kept[key] for key in kept if key[1]} == {key: ends[key] for key in ends if key[1]}
    assert {key: kept[key]["seq"] >= ends[key]["seq"] for key in kept} == dict.fromkeys(
        ends, True
    )  # acts leave traces
    (home / "anchors").rename(home / "lost")
    restore = ("db", "restore", "--from", str(archive), "--into", into)
    try:
        assert run("guan", *restore, region=False)["verify"] == "clean"
        assert not (home / "anchors").exists()
    finally:
        with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {into} WITH (FORCE)")


@pytest.mark.fault(51)
def test_the_quarantine_list_computes_nothing_in_a_spreadsheet(run: Any, tmp_path: Path) -> None:
    made = generate(40, 4, EVE, 1, tmp_path, region=REGION)
    line = json.loads(made.settlements[0].read_text(encoding="utf-8").splitlines()[0])
    line["setlinfo"]["setl_id"] = "@SUM(1)"
    line["setlinfo"]["setl_time"] = "never"
    path = tmp_path / "=1+1.jsonl"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    told = run("jieru", "intake", "load", str(path), region=False)
    assert told["quarantined"] == 1
    rows = list(csv.reader(Path(told["quarantine"]).read_text(encoding="utf-8-sig").splitlines()))
    assert [row[0] for row in rows] == ["文件", "'=1+1.jsonl"]
    assert rows[1][2].startswith(("'@", "S")) or rows[1][2] == ""
    assert not any(value.startswith(("=", "+", "-", "@", "\t")) for row in rows for value in row)


def test_what_was_not_delivered_ends_with_one_and_is_still_told(
    world: Any, run: Any, batches: list[dict[str, Any]], bank: DemoBank
) -> None:
    for batch in batches:
        run("qian", "payments", "approve", batch["batch"], "--digest", batch["digest"])
        run("zhao", "payments", "file", batch["batch"])
    home = world.settings.home / "demo" / "bank"
    (home / "inbox").rename(home / "away")
    failed = run("sun", "payments", "send", code=1)["files"]
    assert [(file["outcome"], bool(file["code"]), bool(file["message"])) for file in failed] == [
        ("filed", True, True)
    ] * 2
    (home / "away").rename(home / "inbox")
    assert [file["outcome"] for file in run("sun", "payments", "send")["files"]] == ["sent"] * 2


def test_a_normal_day_is_three_acts(
    run: Any, batches: list[dict[str, Any]], bank: DemoBank, world: Any
) -> None:
    """Run, approve all of it under one digest, send: three persons, both books."""
    day = DAYS[0].isoformat()
    shown = run("qian", "day", "show", "--date", day)
    assert [batch["batch"] for batch in shown["batches"]] == [batch["batch"] for batch in batches]
    assert all(order["payee_number"].isdigit() for batch in shown["batches"] for order in batch["orders"])
    assert int(shown["total_fen"]) == sum(int(batch["total_fen"]) for batch in batches)
    by_digest = ("day", "approve", "--date", day, "--digest", shown["digest"])
    assert run("zhao", *by_digest, code=1)["error"] == "access.role_missing"
    one = run("qian", "day", "show", "--date", day, "--without", batches[1]["batch"])
    assert (one["left_out"], one["digest"] != shown["digest"]) == ([batches[1]["batch"]], True)
    stale = run("qian", "day", "approve", "--date", day, "--digest", one["digest"], code=1)
    assert (stale["error"], shown["digest"][:16] in stale["message"]) == ("list.changed", True)
    assert {batch["approved_by"] for batch in run("zhou", "payments", "list")["batches"]} == {""}

    done = run("qian", *by_digest)
    assert [(b["batch"], b["approved_by"]) for b in done["batches"]] == [
        (b["batch"], "qian") for b in batches
    ]
    assert ({f["batch"] for f in done["files"]}, done["failed"]) == ({b["batch"] for b in batches}, [])
    again = run("qian", *by_digest)
    assert (again["digest"], again["batches"], again["failed"]) == (shown["digest"], done["batches"], [])
    sent = run("sun", "day", "send")
    assert {file["outcome"] for file in sent["files"]} == {"sent"}
    assert len(sent["files"]) == len(done["files"])
    bank.work(DAYS[0])
    ran = run("xitong", "day", "run", "--date", DAYS[1].isoformat(), day=DAYS[1])
    assert ran["left"] == []
    assert sum(sum(one["orders"].values()) for one in ran["received"]) > 0
    maker = run("zhao", "day", "run", "--date", DAYS[1].isoformat(), day=DAYS[1])
    assert [one["code"] for one in maker["left"]] == ["access.role_missing"]
    assert maker["left"][0]["message"] == "收银行文件须由会计办理"
    with world.admin_engine.connect() as asked:
        lines = asked.exec_driver_sql(
            "SELECT user_name FROM access.operator_log WHERE action = 'payments.receive' AND outcome = 'refused'"
        ).fetchall()
    assert lines == [], "a normal day refuses nobody"
    assert run("qian", "day", "show", "--date", "2026-10-17")["batches"] == []
    nothing = run("qian", "day", "approve", "--date", "2026-10-17", "--digest", "0" * 64, code=1)
    assert nothing["error"] == "list.nothing"
    assert run("zhou", "verify", region=False)["verify"] == "clean"
