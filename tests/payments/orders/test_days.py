"""No decision is dated ahead of the database's moment, nor further behind it than the region bears, once the region chose so."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.control.checks.days import check_days
from ledger.control.snapshot import open_snapshot
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, LedgerError
from ledger.fund.institutions.parties import confirm_party, propose_party
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices
from ledger.payments.orders.approve import approve

REGION = 420100
OCTOBER = date(2026, 10, 13)


def today() -> date:
    return datetime.now(SHANGHAI).date()


def bind(world: Any, days: str, since: date) -> None:
    with world.tx("maker") as tx:
        propose_choice(tx, "act_days", days, since, "内控制度第9条", today())
    with world.tx("checker") as tx:
        confirm_choices(tx, read_choices(tx).digest, today())


def found(database: Any) -> list[str]:
    with open_snapshot(database.auditor_engine, database.settings.home, []) as snapshot:
        return [f"{one.code} {one.entry}" for one in check_days(snapshot)]


@pytest.mark.parametrize(
    ("days", "off", "code"),
    [
        ("2", 0, ""),
        ("2", -2, ""),
        ("2", -3, "day.behind"),
        ("0", -1, "day.behind"),
        ("31", 2, "batch.approval_day"),
        ("31", 31, "batch.approval_day"),
    ],
)
def test_an_approval_is_of_the_days_that_the_region_bears(
    world: Any, database: Any, days: str, off: int, code: str
) -> None:
    world.allot(100_000)
    batch = world.batch(100)
    bind(world, days, today())
    if code:
        with pytest.raises(LedgerError) as refused:
            approve(world.engine, "checker", REGION, batch.batch_id, batch.digest, today() + timedelta(off))
        assert refused.value.code == code
        assert world.states() == {"draft": 1}
    else:
        approve(world.engine, "checker", REGION, batch.batch_id, batch.digest, today() + timedelta(off))
    assert found(database) == []


def test_who_decides_on_a_row_is_bound_too(world: Any) -> None:
    bind(world, "3", today())
    with world.tx("maker") as tx:
        propose_party(tx, "P1", "某单位", "other")
    for off, code in ((2, "day.ahead"), (-4, "day.behind")):
        with pytest.raises(Conflict) as refused, world.tx("checker") as tx:
            confirm_party(tx, "P1", today() + timedelta(off))
        assert refused.value.code == code
    with world.tx("checker") as tx:
        confirm_party(tx, "P1", today())


def test_the_bound_itself_is_neither_dodged_nor_dated_back(world: Any) -> None:
    """It begins today or later, and holds on the machine's day whatever day an act is said to be of."""
    with pytest.raises(Conflict) as past:
        bind(world, "5", today() - timedelta(1))
    assert past.value.code == "policy.past"
    bind(world, "5", today())
    with pytest.raises(Conflict) as dodged, world.tx("maker") as tx:  # taken away as of a day gone by
        propose_choice(tx, "act_days", "31", OCTOBER, "内控制度第9条", OCTOBER)
    assert dodged.value.code == "policy.past"
    with pytest.raises(Conflict) as dated:
        bind_later(world)
    assert dated.value.code == "day.behind"


def bind_later(world: Any) -> None:
    with world.tx("maker") as tx:
        propose_choice(tx, "act_days", "31", today() + timedelta(1), "内控制度第9条", today())
    with world.tx("checker") as tx:
        confirm_choices(tx, read_choices(tx).digest, OCTOBER - timedelta(400))


def test_a_region_that_made_no_choice_runs_on_the_days_it_is_told(world: Any, database: Any) -> None:
    world.allot(100_000)
    batch = world.batch(100)
    approve(world.engine, "checker", REGION, batch.batch_id, batch.digest, OCTOBER)
    assert found(database) == []


def test_an_act_dated_outside_past_the_guards_is_named(world: Any, database: Any) -> None:
    world.allot(100_000)
    one, other = world.batch(100), world.batch(200)
    bind(world, "2", today())
    approve(world.engine, "checker", REGION, one.batch_id, one.digest, today())
    approve(world.engine, "checker", REGION, other.batch_id, other.digest, today())
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        for batch, off in ((one, 2), (other, -3)):
            admin.execute(
                "UPDATE payments.approval SET approved_on = %s WHERE batch_id = %s",
                [today() + timedelta(off), batch.batch_id],
            )
    assert sorted(found(database)) == sorted(
        f"day.outside payments.approve {batch.batch_id}" for batch in (one, other)
    )


def test_a_voucher_dated_ahead_is_named(world: Any, database: Any) -> None:
    """Of what rules book only the future is refused to be believed: a worker that was down comes late."""
    world.allot(100_000)
    bind(world, "2", today())
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE books.block SET recorded_at = clock_timestamp(), voucher_date = %s",
            [today() + timedelta(2)],
        )
    assert {one.partition(" block ")[0] for one in found(database)} == {"day.outside"}
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE books.block SET voucher_date = %s", [today() - timedelta(60)])
    assert found(database) == []
