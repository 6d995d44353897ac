"""The commands of `month`, as a person runs them in the demo's home."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger.books.journal import post
from ledger.cli import declare as declare_commands
from ledger.cli import month as month_commands
from ledger.cli.line.acting import ACTING, close_apps
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.core.errors import Conflict, InvalidInput, LedgerError
from ledger.fund.daily.run import run_daily
from ledger.fund.declare.declaration import declare
from ledger.fund.declare.lists import UploadedList, record_lists
from ledger.fund.declare.states import move
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.settings import get_settings
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT

HOSPITAL = "H42010000001"
WHERE = ["--region", "420100", "--fund", "310"]
MONTH = [*WHERE, "--institution", HOSPITAL, "--term", "202610"]


@pytest.fixture
def command(month: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("FUNDLEDGER_HOME", str(month.database.settings.home))
    monkeypatch.setenv("DATABASE_URL", month.database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_TODAY", "2026-12-31")
    get_settings.cache_clear()

    def run(user: str, *words: str, app: Any = month_commands.app) -> Any:
        ACTING.user = user
        try:
            done = CliRunner().invoke(app, [*words], catch_exceptions=False)
        finally:
            ACTING.user = ""
            close_apps()
        assert done.exit_code == 0, done.output
        return json.loads(done.output.splitlines()[-1]) if "--json" in words else done.output

    yield run
    get_settings.cache_clear()


@pytest.fixture
def declared(month: Any, bill: Any) -> Any:
    """One record of 1,000.00, recognised, declared and audited; money in the 支出户."""
    own = Dimensions(EXPENDITURE_ACCOUNT.number)
    with month.tx("li") as tx:
        legs = (debit(1004, 10**7, own), credit(41010101, 10**7))
        day = date(2026, 10, 12)
        post(
            tx,
            Book(DEMO_REGION, 310),
            day,
            [EntryDraft("ALLOT", "A:1", day, "请款", legs, "ALLOT@1", "rule:ALLOT@1", "qian")],
        )
    month.take(bill("S1"))
    run_daily(month.engine, "zhao", DEMO_REGION, date(2026, 10, 13))
    scope, on = ReconcileScope(310, HOSPITAL, 202610, "21"), date(2026, 11, 9)
    with month.tx() as tx:
        compare_details(tx, scope, DetailFile("d.zip", write_detail(our_details(tx, scope), "d.txt")), on)
        record_lists(tx, [UploadedList("S1", "L1", on)])
        declaration = declare(tx, scope, on).declaration_id
    for user, event in (("qian", "accept"), ("zhao", "audit"), ("zhao", "audited")):
        with month.tx(user) as tx:
            move(tx, declaration, event, on)
    return month


def test_a_month_from_draft_to_remittance(command: Any, declared: Any, tmp_path: Path) -> None:
    deduction = ["--id", "KK-1", "--amount", "12.34", "--reason", "文件1号"]
    assert command("zhao", "deduct", *MONTH, *deduction, "--json")["amount_fen"] == "1234"
    assert "已审批" in command("qian", "deduct-approve", "--region", "420100", "--id", "KK-1")
    sheet = command("zhao", "prepare", *MONTH, "--date", "2026-11-25", "--json")
    assert (sheet["state"], sheet["result_fen"], sheet["due_on"]) == ("draft", "93766", "2026-12-08")
    assert sheet["totals"]["other_fen"] == "1234"
    assert sheet["takings"] == [{"kind": "other", "reference": "KK-1", "line": 1, "amount_fen": "1234"}]
    sign = ["approve", "--region", "420100", "--sheet", sheet["sheet"], "--date", "2026-11-25", "--digest"]
    with pytest.raises(InvalidInput, match="digest"):
        command("qian", *sign, "abc")
    done = command("qian", *sign, sheet["digest"], "--json")
    assert (done["state"], done["approved_by"], done["entry"][:1]) == ("approved", "qian", "备")
    assert command("qian", *sign, sheet["digest"], "--json") == done
    # The daily draft that held S1 went with it, also in the words.
    assert done.pop("warnings") == []
    [given_up] = done.pop("given_up")
    assert (given_up["orders"], given_up["amount_fen"]) == (1, "60000")
    said = command("qian", *sign, sheet["digest"])
    assert f"未审批的日拨付批次{given_up['batch']}（1单，600.00元）" in said
    listed = command("zhou", "list", "--region", "420100", "--term", "202610", "--json")
    assert (listed["term"], listed["sheets"], len(listed["digest"])) == (202610, [done], 64)
    assert "应付937.66元" in command("zhou", "list", "--region", "420100", "--term", "202610")
    orders = command("zhao", "orders", *WHERE, "--date", "2026-12-09", "--json")
    assert (orders["batch"]["total_fen"], orders["late"]) == ("93766", [HOSPITAL])
    assert "已有未审批的月结拨付单" in command("zhao", "orders", *WHERE, "--date", "2026-12-09")
    path = tmp_path / "advice.csv"
    [order] = orders["batch"]["orders"]
    advice = command(
        "zhou", "remittance", "--region", "420100", "--order", order, "--csv", str(path), "--json"
    )
    assert (advice["amount_fen"], advice["carried_fen"]) == ("93766", "0")
    assert [record["setl_id"] for record in advice["records"]] == ["S1"]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "其他扣款" in path.read_text("utf-8-sig")


def test_the_hand_back_and_what_is_refused(command: Any, declared: Any) -> None:
    told = command("li", "handback", *WHERE, "--month", "202610", "--date", "2026-11-02", "--json")
    assert (told["paid_fen"], told["lines"], told["late"]) == ("0", [], False)
    assert "202610已付日拨付0.00元" in command(
        "li", "handback", *WHERE, "--month", "202610", "--date", "2026-12-30"
    )
    with pytest.raises(Conflict, match=r"handback\.month_open"):
        command("li", "handback", *WHERE, "--month", "202611", "--date", "2026-11-30")
    with pytest.raises(InvalidInput, match=r"deduction\.format"):
        command("zhao", "prepare", *MONTH, "--deduct", "F1")
    with pytest.raises(LedgerError, match=r"remittance\.not_month|order\.unknown"):
        command("zhou", "remittance", "--region", "420100", "--order", "FL420100-310-20261013-00001")


def test_a_month_of_all_institutions_is_two_acts_and_a_digest(command: Any, declared: Any, bill: Any) -> None:
    """Two institutions, one of which did not bring its lists: it is listed with the reason, the other goes on."""
    other, on = "H42010000002", date(2026, 11, 9)
    declared.take(bill("S2", institution=other), bill("S3", institution=other, med_type="11", clr_type="11"))
    run_daily(declared.engine, "zhao", DEMO_REGION, date(2026, 10, 14))
    with declared.tx() as tx:
        for kind in ("21", "11"):
            scope = ReconcileScope(310, other, 202610, kind)
            compare_details(tx, scope, DetailFile("d.zip", write_detail(our_details(tx, scope), "d.txt")), on)
    every = [*WHERE, "--term", "202610", "--all", "--json"]
    made = command("zhao", "apply", *every, "--date", "2026-11-09", app=declare_commands.app)
    assert [(one["institution"], one["clr_type"]) for one in made["declarations"]] == [(other, "11")]
    assert [(one["subject"], one["code"]) for one in made["refused"]] == [
        (f"{HOSPITAL}/202610/21", "declare.already"), (f"{other}/202610/21", "declare.list_missing"),
    ]  # fmt: skip
    with declared.tx() as tx:
        record_lists(tx, [UploadedList("S2", "L2", on)])
    later = command("zhao", "apply", *every, "--date", "2026-11-09", app=declare_commands.app)
    assert [(one["institution"], one["clr_type"]) for one in later["declarations"]] == [(other, "21")]
    prepared = command("zhao", "prepare", *every, "--date", "2026-11-25")
    assert [
        one["scope"]["institution"] if "scope" in one else one["institution"] for one in prepared["sheets"]
    ] == [HOSPITAL]
    assert [(one["subject"], one["code"]) for one in prepared["refused"]] == [(other, "month.not_audited")]
    for one in (*made["declarations"], *later["declarations"]):
        for user, event in (("qian", "accept"), ("zhao", "audit"), ("zhao", "audited")):
            with declared.tx(user) as tx:
                move(tx, one["declaration"], event, on)
    stale = prepared["digest"]
    prepared = command("zhao", "prepare", *every, "--date", "2026-11-25")
    assert (len(prepared["sheets"]), prepared["refused"]) == (2, [])
    sign = [
        "approve",
        "--region",
        "420100",
        "--fund",
        "310",
        "--term",
        "202610",
        "--all",
        "--date",
        "2026-11-25",
        "--json",
    ]
    with pytest.raises(Conflict) as changed:
        command("qian", *sign, "--digest", stale)
    assert changed.value.code == "list.changed"
    with pytest.raises(LedgerError) as alone:
        command("zhao", *sign, "--digest", prepared["digest"])
    assert alone.value.code in ("month.same_person", "access.role_missing")
    done = command("qian", *sign, "--digest", prepared["digest"])
    assert {one["state"] for one in done["sheets"]} == {"approved"}
    assert len(done["sheets"]) == 2
    assert command("qian", *sign, "--digest", prepared["digest"])["sheets"] == done["sheets"]
    with pytest.raises(InvalidInput) as both:
        command("zhao", "prepare", *MONTH, "--all", "--date", "2026-11-25")
    assert both.value.code == "usage.missing"
    with pytest.raises(InvalidInput, match="还须给出--term"):
        command("qian", "approve", "--region", "420100", "--all", "--digest", stale)
    with pytest.raises(LedgerError) as post:  # refused once, not once an institution
        command("qian", "prepare", *every, "--date", "2026-11-25")
    assert post.value.code == "access.role_missing"
