"""Recurring vouchers drafted on their day, closed months written as signed files, what is past its time listed: by the worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ledger.books.manual import reject_voucher
from ledger.books.templates.fill import Filling
from ledger.books.templates.read import template
from ledger.books.templates.recurring import decide_recurrence, due, propose_recurrence
from ledger.bootstrap import App
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.simulation.people import DEMO_REGION
from reports.control.drawn import draw_up
from reports.control.report import control_report, sign
from reports.seal.verify import verify_seal
from scheduler.jobs.catalogue import job_named
from scheduler.worker import JobWatch
from tests.scheduler.test_worker import findings, rows

BOOK = Book(DEMO_REGION, 310)
EVE = datetime(2026, 10, 13, 12, 0, tzinfo=SHANGHAI)
AppOn = Callable[..., App]


def recurring(app: App, given: Filling, evidence: str) -> str:
    """One due on the 14th of every month, by two persons; its id."""
    with unit_of_work(app.engine, "li", DEMO_REGION) as tx:
        form, days = template(310, "A16a"), (date(2026, 10, 14), None)
        one = propose_recurrence(tx, BOOK, form, given, evidence, "monthly", days, EVE.date())
    with unit_of_work(app.engine, "qian", DEMO_REGION) as tx:
        decide_recurrence(tx, BOOK, one.recurrence_id, "confirmed", one.digest, "", EVE.date())
    return one.recurrence_id


def run(app_on: AppOn, name: str, moment: datetime) -> dict[str, str]:
    """What a worker that looks at `moment` does of a job: its slots and what became of them."""
    done = JobWatch(app_on(moment.date()), job_named(name))(moment)
    assert {one.state for one in done} <= {"done"}, done
    return {one.slot: one.message for one in done}


@pytest.mark.fault(29)
def test_what_comes_again_is_drafted_on_its_day_once_and_sent_back_is_left_to_people(
    world: Any, app_on: AppOn
) -> None:
    fixed = recurring(app_on(EVE.date()), Filling({"pool": 700, "acct": 300}), "批复1号")
    asks = recurring(app_on(EVE.date()), Filling({}), "批复2号")
    assert run(app_on, "recurring", EVE)["2026-10-13 310"] == "制单0张，待复核"
    day = EVE + timedelta(days=1)
    first = run(app_on, "recurring", day)
    assert first == {"2026-10-14 310": "制单1张，待复核，1张待会计办理", "2026-10-14 390": "制单0张，待复核"}
    assert run(app_on, "recurring", day) == {}  # another worker
    drafts = rows(
        world,
        "SELECT voucher_id, prepared_by, business_date::text, digest FROM books.voucher ORDER BY voucher_id",
    )
    assert [(by, on) for _, by, on, _ in drafts] == [("xitong", "2026-10-14")]
    # past the program: the worker's user drafts nothing that two persons did not say, and nothing of it twice
    for change, code in (
        ("p_amounts => '{9,9}'", "access.role_missing"),
        ("p_summary => '别的'", "access.role_missing"),
        ("p_business_date => '2026-10-15'", "access.role_missing"),
        ("p_evidence => '批复2号/" + asks + "/2026-10-14'", "access.role_missing"),
        ("p_on => '2026-10-16', p_attachments => 2", "recurrence.drafted"),
    ):
        with (
            pytest.raises(LedgerError) as refused,
            unit_of_work(app_on(day.date()).engine, "xitong", DEMO_REGION) as tx,
        ):
            tx.connection.execute(draft(world, fixed, change))
        assert refused.value.code == code, change
    with unit_of_work(app_on(day.date()).engine, "qian", DEMO_REGION) as tx:
        reject_voucher(tx, BOOK, drafts[0][0], day.date(), "重做")
    after = run(app_on, "recurring", day + timedelta(days=1))
    assert after["2026-10-15 310"] == "制单0张，待复核，2张待会计办理"
    with unit_of_work(app_on(day.date()).engine, "li", DEMO_REGION) as tx:
        assert len(due(tx, BOOK, day.date())) == 2
    assert findings(world, app_on(day.date())) == []


def draft(world: Any, recurrence: str, change: str) -> str:
    """The call by which the worker's draft was made, with something else in it."""
    lines = rows(world, "SELECT side, amount_fen, account, subfund FROM books.voucher_line ORDER BY n")
    summary = rows(world, "SELECT summary FROM books.voucher")[0][0]
    said = {
        "p_region": "420100", "p_fund": "310::smallint", "p_business_date": "'2026-10-14'", "p_reverses": "0",
        "p_summary": f"'{summary}'", "p_evidence": f"'批复1号/{recurrence}/2026-10-14'", "p_attachments": "0", "p_on": "'2026-10-14'",
        "p_sides": f"ARRAY{[side for side, *_ in lines]}::smallint[]", "p_amounts": f"ARRAY{[fen for _, fen, *_ in lines]}::bigint[]",
        "p_accounts": f"ARRAY{[account for _, _, account, _ in lines]}", "p_counterparties": f"ARRAY{[''] * len(lines)}",
        "p_subfunds": f"ARRAY{[sub for *_, sub in lines]}", "p_years": f"ARRAY{[0] * len(lines)}::smallint[]",
        "p_terms": f"ARRAY{[0] * len(lines)}", "p_categories": f"ARRAY{[''] * len(lines)}",
    }  # fmt: skip
    said |= dict(part.split(" => ") for part in change.split(", "))
    return f"SELECT books.draft_voucher({', '.join(f'{name} => {value}' for name, value in said.items())})"


def test_a_recurring_voucher_that_is_refused_holds_up_no_other(world: Any, app_on: AppOn) -> None:
    broken = recurring(app_on(EVE.date()), Filling({"pool": 1}), "批复1号")
    recurring(app_on(EVE.date()), Filling({"pool": 2}), "批复2号")
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET session_replication_role = replica")
        admin.exec_driver_sql(
            f"UPDATE books.recurrence SET template = '没有' WHERE recurrence_id = '{broken}'"
        )
    told = run(app_on, "recurring", EVE + timedelta(days=1))["2026-10-14 310"]
    assert told.startswith(f"制单1张，待复核，未成1张：{broken} 2026-10-14（"), told


def test_the_control_report_of_the_month_and_the_last_is_drawn_up_every_night(
    world: Any, app_on: AppOn
) -> None:
    kept = "SELECT month, seed, cases, drawn_by FROM fund.control_draft ORDER BY month"
    assert set(run(app_on, "control", EVE).values()) == {"编制2个月 202609 202610"}
    first = rows(world, kept)
    assert [(month, by) for month, _, _, by in first] == [(202609, "xitong"), (202610, "xitong")]
    with unit_of_work(app_on(EVE.date()).engine, "zhou", DEMO_REGION) as tx:
        draw_up(tx, 202610, "own", 7)
        report = control_report(tx, 202609, first[0][1])
        sign(tx, report, report.digest, EVE.date(), EVE.date())
    assert set(run(app_on, "control", EVE + timedelta(days=1)).values()) == {"编制1个月 202610"}
    assert rows(world, kept) == [first[0], (202610, "own", 7, "xitong")]  # as a person chose
    assert findings(world, app_on(EVE.date())) == []


def test_a_closed_month_lies_outside_as_a_signed_file(world: Any, app_on: AppOn) -> None:
    app = app_on(EVE.date())
    assert set(run(app_on, "seals", EVE).values()) == {"签名文件0份"}
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET session_replication_role = replica")
        admin.exec_driver_sql(
            "INSERT INTO books.period (region, fund, period, state) VALUES (420100, 310, 202609, 'closed')"
        )
    told = run(app_on, "seals", EVE + timedelta(days=1))
    assert told["2026-10-14 310"] == "签名文件1份，1个月已结账未封存，待会计主管"
    (file,) = (app.settings.home / "seals").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("420100-310-202609-1.seal", 0o600)
    check = verify_seal(file, frozenset())
    assert (check.clean, check.manifest["state"]) == (True, "closed")
    was = file.read_bytes()
    assert run(app_on, "seals", EVE + timedelta(days=2))["2026-10-15 310"].startswith("签名文件0份")
    assert file.read_bytes() == was
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("no folder")
    (failed, _) = JobWatch(app_on(date(2026, 10, 16)), job_named("seals"))(EVE + timedelta(days=3))
    assert (failed.state, failed.message[:16]) == ("failed", "seal.not_written")


def test_what_is_past_its_time_is_listed_once_a_month(world: Any, app_on: AppOn) -> None:
    first = datetime(2026, 11, 1, 12, 0, tzinfo=SHANGHAI)
    assert run(app_on, "retention", first) == {"2026-11-01": "无逾期"}
    assert run(app_on, "retention", first + timedelta(days=20)) == {}
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET session_replication_role = replica")
        admin.exec_driver_sql(
            "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail, recorded_at)"
            " VALUES (420100, 'li', 'old', 'x', 'done', '', '2010-01-01')"
        )
    told = run(app_on, "retention", datetime(2026, 12, 1, 12, 0, tzinfo=SHANGHAI))["2026-12-01"]
    assert told.endswith("逾期1件（2016-12-01以前）"), told
    assert rows(world, "SELECT count(*) FROM access.operator_log WHERE action = 'old'") == [(1,)]
