"""What happened is told outside: each event once under its own id, from a day on, whatever the other side answers."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import psycopg
import pytest

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


def test_every_kind_can_be_asked_for(lived: Any) -> None:
    """Closes and letters, whose making takes a year elsewhere, as rows."""
    lived.month.pretend(
        "INSERT INTO books.closing (region, fund, period, n, method, state, begun_by, closed_by, closed_on) VALUES"
        " (420100, 310, 202609, 1, 'before', 'closed', 'li', 'wu', '2026-10-05')"
    )
    settings = lived.month.database.settings
    app = App(settings, "xitong")
    with receiver() as hook:
        tell_here(
            settings.home,
            hook,
            'events = ["month.closed", "letter.confirmed", "order.unknown", "order.rejected", "finding.final"]',
            SINCE,
        )
        tell(app, DEMO_REGION, 0.0)
        assert [(one["event"], one["subject"]) for one in heard(hook)] == [("month.closed", "310-202609")]
    app.close()
