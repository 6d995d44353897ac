"""What happened is told outside: each event once under its own id, from a day on, whatever the other side answers."""

from __future__ import annotations

import json
import os
import signal
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.acts import telling
from ledger.acts.events import KINDS
from ledger.acts.telling import channels_of, tell
from ledger.bootstrap import App
from ledger.core.errors import LedgerError
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of
from ledger.simulation.people import DEMO_REGION
from reports.remittance import remittance_grid
from tests.scenes.month import bill, kept_hospitals, month
from tests.scenes.receiver import Receiver, receiver, tell_here
from tests.scenes.town import town

__all__ = ["bill", "kept_hospitals", "month", "town"]
ALL = f"events = {json.dumps(list(KINDS))}"
SINCE = 'events_since = "2026-01-01"'
NOVEMBER = date(2026, 11, 3)


def heard(hook: Receiver) -> list[dict[str, Any]]:
    """The events that came, alarms left out."""
    return [one for _, body in hook.posts if "event" in (one := json.loads(body))]


@pytest.fixture
def lived(town: Any, bill: Any) -> Any:
    """Two orders paid, one of them returned; a finding; a month approved and a close, a letter made up."""
    town.begin()
    town.month.take(bill("a1", fund=100_001), bill("b1", institution="H42010000002", fund=70_000))
    first, second = sorted(town.pay_daily(date(2026, 10, 13)), key=lambda order: order.institution)
    town.receipt(second, date(2026, 10, 15), back=True)
    with town.tx() as tx:
        content = ("违规", "9", "规则9", "内容")
        enter_finding(
            tx, FindingDraft("F1", target_of(tx, "a1"), 500, "middle", *content[1:]), date(2026, 10, 20)
        )
    town.settle("H42010000001", 202610, date(2026, 11, 2), NOVEMBER)
    town.paid, town.returned = first, second
    return town


def test_each_event_is_told_once(lived: Any) -> None:
    settings = lived.month.database.settings
    app = App(settings, "xitong")
    with receiver() as hook:
        tell_here(settings.home, hook, ALL, SINCE)
        hook.status = 503
        assert tell(app, DEMO_REGION, 0.0).sent == 0
        assert len(hook.posts) == 1  # who does not answer is not asked for every event
        with psycopg.connect(lived.month.database.admin_url) as admin:
            admin.execute("UPDATE access.alarm_notice SET next_at = clock_timestamp()")
        hook.status, first = 204, hook.posts.pop()
        tell(app, DEMO_REGION, 0.0)
        told = heard(hook)
        assert tell(app, DEMO_REGION, 0.0).sent == 0
        assert first[0]["fundledger-notice"] in {headers["fundledger-notice"] for headers, _ in hook.posts}
    app.close()
    assert [(one["event"], one["subject"], one["amount_fen"], one["business_date"]) for one in told] == [
        ("order.paid", lived.paid.order_no, "60001", "2026-10-13"),
        ("order.paid", lived.returned.order_no, "42000", "2026-10-13"),
        ("order.returned", lived.returned.order_no, "42000", "2026-10-15"),
        ("finding.first", "F1", "500", "2026-10-20"),
        ("sheet.approved", "YJ420100-310-202610-H42010000001-1", "35000", "2026-11-03"),
    ]
    assert len({one["id"] for one in told}) == len(told)
    assert {one["region"] for one in told} == {DEMO_REGION}
    assert not any("赵" in body.decode() for _, body in hook.posts)
    lived.verified()


def test_what_an_orders_money_is_made_of(lived: Any) -> None:
    with lived.tx("zhou") as tx:
        grid = remittance_grid(tx, lived.paid.order_no)
        with pytest.raises(LedgerError):
            remittance_grid(tx, "FL420100-310-20261013-99999")
    assert [(one.cells[0], one.cells[3], one.cells[5], one.cells[6]) for one in grid.lines] == [
        ("结算", "a1", 100_001, 60_001), ("合计", "", None, 60_001),
    ]  # fmt: skip
    assert grid.notes == ()
    lived.month.pretend("UPDATE payments.order_payable SET daily_fen = 1 WHERE setl_id = 'a1'")
    with lived.tx("zhou") as tx:
        assert remittance_grid(tx, lived.paid.order_no).notes[0].startswith("与拨付单金额60001分不符")


def test_from_a_day_on_and_only_what_was_asked_for(lived: Any) -> None:
    settings = lived.month.database.settings
    app = App(settings, "xitong")
    with receiver() as hook:
        tell_here(
            settings.home, hook, 'events = ["order.paid", "sheet.approved"]', 'events_since = "2099-01-01"'
        )
        tell(app, DEMO_REGION, 0.0)
        assert heard(hook) == []
        tell_here(settings.home, hook, 'events = ["sheet.approved"]', SINCE)
        tell(app, DEMO_REGION, 0.0)
        assert [one["event"] for one in heard(hook)] == ["sheet.approved"]
    app.close()
    for wrong in ('events = ["order.paye"]', 'events = ["order.paid"]'):
        (settings.home / "notices.toml").write_text(
            f'[webhook]\nurl = "https://x"\nsecret_file = "webhook.secret"\n{wrong}\n'
        )
        with pytest.raises(LedgerError) as refused:
            channels_of(settings.home)
        assert refused.value.code == "notices.file"


def test_every_kind_of_the_issue_is_told(lived: Any) -> None:
    """Failed, overdue, the final finding, a letter, a close: what takes days or a year elsewhere, as rows."""
    paid = lived.paid.order_no
    for n, state in ((8, "rejected"), (9, "unknown")):
        lived.month.pretend(
            "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)"
            f" VALUES (420100, '{paid}', {n}, 'x', 'sent', '{state}', 'xitong', '2026-10-1{n}', '', '')"
        )
    lived.month.pretend(
        "INSERT INTO fund.finding_event (region, finding_id, n, event, from_state, to_state, severity, amount_fen, user_name, business_date, reason)"
        " VALUES (420100, 'F1', 9, 'x', 'first', 'final', 'middle', 400, 'zhou', '2026-10-25', '')"
    )
    lived.month.pretend(
        "INSERT INTO fund.letter (region, fund, letter_id, institution, year, period, version, state, grade, row1_fen, row2_fen, row4_fen,"
        " row5_fen, row6_fen, row7_fen, row8_fen, row9_fen, prepared_by, prepared_on, digest, approved_by, approved_on, confirmed_by, confirmed_on)"
        " VALUES (420100, 310, 'CL420100-X', 'H42010000001', 2026, 'year', 1, 'confirmed', 'A', 9, 0, 0, 0, 9, 2, 0, 7, 'zhao', '2026-10-26',"
        " sha256('x'), 'qian', '2026-10-26', 'qian', '2026-10-27')"
    )
    lived.month.pretend(
        "INSERT INTO books.closing (region, fund, period, n, method, state, begun_by, closed_by, closed_on) VALUES"
        " (420100, 310, 202609, 1, 'before', 'closed', 'li', 'wu', '2026-10-05')"
    )
    settings = lived.month.database.settings
    app = App(settings, "xitong")
    with receiver() as hook:
        tell_here(settings.home, hook, ALL, SINCE)
        tell(app, DEMO_REGION, 0.0)
        told = {(one["event"], one["subject"], one["amount_fen"]) for one in heard(hook)}
        headers = [headers for headers, body in hook.posts if "event" in json.loads(body)]
    app.close()
    assert {event for event, *_ in told} == set(KINDS)
    assert told >= {
        ("order.rejected", paid, "60001"), ("order.unknown", paid, "60001"), ("finding.final", "F1", "400"),
        ("letter.confirmed", "CL420100-X", "7"), ("month.closed", "310-202609", None),
    }  # fmt: skip
    assert all(one["fundledger-notice"] and one["fundledger-signature"].startswith("t=") for one in headers)


def test_killed_between_sending_and_noting_it_is_sent_again_under_the_same_id(lived: Any) -> None:
    settings = lived.month.database.settings
    with receiver() as hook:
        tell_here(settings.home, hook, 'events = ["order.returned"]', SINCE)
        child = os.fork()
        if child == 0:
            try:
                telling.notice_sent = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
                tell(App(settings, "xitong"), DEMO_REGION, 0.0)
            finally:
                os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert len(hook.posts) == 1
        first = hook.posts[0]
        app = App(settings, "xitong")
        tell(app, DEMO_REGION, 0.0)
        assert tell(app, DEMO_REGION, 0.0).sent == 0
        app.close()
    ids = [headers["fundledger-notice"] for headers, _ in hook.posts]
    assert ids.count(first[0]["fundledger-notice"]) == 2
    assert [body for headers, body in hook.posts if headers["fundledger-notice"] == ids[0]] == [first[1]] * 2
    assert len(set(ids)) == len(ids) - 1
