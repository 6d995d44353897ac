"""What is owed for a record is what the record says: not more, not to another, whoever brings it in and whoever changes it before it is booked."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from ledger.core.digests import record_digest
from tests.control.conftest import INSTITUTION, REGION, Town

FEN: Final = 100_000
HONEST: Final[dict[str, Any]] = {
    "region": REGION, "fund": 310, "setl_id": "z1", "subfund": "pool", "institution": INSTITUTION, "service_year": 2026, "term": 202610,
    "category": "inpatient", "day": "2026-10-12", "fund_fen": FEN, "daily_fen": 60_000, "ratio": 6000,
}  # fmt: skip


def brought_in(town: Town, *owed: dict[str, Any]) -> None:
    """One record of 1,000.00 by the login that brings records in, past the program; what is owed for it as its bearer likes."""
    amounts = [FEN, 0, 0, 0, FEN, 0, FEN, *[0] * 7, FEN, *[0] * 7]
    columns = [
        "z1", "M1", "P1", INSTITUTION, "310", "21", "21", "2026-10-12 09:30:05", "420100", "420100", "1", "2", "0",
        "420100", "420100", "2", "3", "2026", "2026-10-01", "2026-10-12", "S1", "", *amounts, f"310100,1,{FEN},,",
    ]  # fmt: skip
    with psycopg.connect(town.admin_url) as login:
        login.execute("SET SESSION AUTHORIZATION fundledger_intake")
        login.execute(
            "SELECT set_config('app.actor', 'maker', true), set_config('app.region', '420100', true)"
        )
        (load,) = login.execute(
            "INSERT INTO fund.intake_load (region, file_name, file_sha256, bytes, loaded_by) VALUES (0, 'z.jsonl', %s, 1, 'maker')"
            " RETURNING load_id",
            [sha256(b"z").digest()],
        ).fetchone() or (0,)
        record = [REGION, *columns, record_digest("|".join(map(str, columns)).encode()), load, 1]
        for table, rows in (("record", [record]), ("payable", [list(one.values()) for one in owed])):
            for row in rows:
                names = ", ".join(owed[0]) if table == "payable" else ""
                login.execute(
                    sql.SQL("INSERT INTO fund.{} {} VALUES ({})").format(
                        sql.Identifier(table),
                        sql.SQL(f"({names})" if names else ""),  # type: ignore[arg-type]
                        sql.SQL(", ").join([sql.Placeholder()] * len(row)),
                    ),
                    row,
                )
        login.execute(
            "UPDATE fund.intake_load SET lines_done = 1, bytes_done = 1, accepted = 1, accepted_fen = %s, payable_fen = %s WHERE load_id = %s",
            [FEN, sum(one["daily_fen"] for one in owed), load],
        )
        login.execute("UPDATE fund.intake_load SET complete = true WHERE load_id = %s", [load])


def found(town: Town) -> set[tuple[str, str, str]]:
    return {(one.promise, one.entry, one.code) for one in town.verify()}


NAMED: Final = {("INV-09", "payable z1", "payable.differs")}


def test_what_the_record_says_is_owed(town: Town) -> None:
    brought_in(town, HONEST)
    assert found(town) == set()


@pytest.mark.parametrize(
    "other",
    [
        {"fund_fen": 2 * FEN, "daily_fen": 120_000},
        {"day": "2026-10-01"},
        {"term": 202609},
        {"service_year": 2025},
        {"category": "outpatient"},
        {"fund": 390},
        None,
    ],
)
def test_past_the_program_nothing_else_is_owed(town: Town, other: dict[str, Any] | None) -> None:
    brought_in(town, *([] if other is None else [HONEST | other]))
    assert found(town) == NAMED


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({}, ""),
        ({"fund_fen": 2 * FEN, "daily_fen": 120_000}, "payable.differs"),
        ({"day": "2026-10-01"}, "payable.differs"),
        ({"fund": 390}, "payable.differs"),
        ({"institution": "H42010000099"}, "payable.differs"),
        ({"also": "order_no = 'FL20261013-0002'"}, "business.frozen"),
    ],
)
def test_what_is_not_as_the_record_says_is_never_booked(town: Town, other: dict[str, Any], code: str) -> None:
    """Nor by the statement that orders it at once."""
    also = other.pop("also", "")
    brought_in(town, HONEST | other)
    with psycopg.connect(town.admin_url) as login:
        login.execute("SET SESSION AUTHORIZATION fundledger_service")
        login.execute("SELECT set_config('app.actor', 'acc', true), set_config('app.region', '420100', true)")
        book = f"UPDATE fund.payable SET recognised_by = 'REC:9'{also and ', ' + also} WHERE setl_id = 'z1'"
        if not code:
            assert login.execute(book).rowcount == 1  # type: ignore[arg-type]
            return
        with pytest.raises(psycopg.Error) as refused:
            login.execute(book)  # type: ignore[arg-type]
    assert refused.value.diag.message_primary == code


@pytest.mark.parametrize("born", ["recognised_by", "order_no", "settled_by"])
def test_nothing_is_owed_that_is_booked_ordered_or_settled_from_the_start(town: Town, born: str) -> None:
    """As the login that brings records in: it would be paid in the morning, and named by `verify` at night."""
    with pytest.raises(psycopg.Error) as refused:
        brought_in(town, HONEST | {"fund_fen": 2 * FEN, "daily_fen": 120_000, born: "REC:9"})
    assert refused.value.diag.message_primary == "cutover.not_opened"
    brought_in(town, HONEST)


def test_to_another_institution_nothing_is_owed(town: Town) -> None:
    brought_in(town, HONEST | {"institution": "H42010000099"})
    assert found(town) >= NAMED


def test_more_owed_before_it_is_booked_with_its_load_s_sum_is_named(town: Town) -> None:
    """By an administrator: the payable of a record not booked yet, and the sum of its load, which leaves no trace of its counts."""
    town.break_it(
        "UPDATE fund.payable SET fund_fen = 10 * fund_fen, daily_fen = 10 * daily_fen WHERE setl_id = 'r4'",
        "UPDATE fund.intake_load SET payable_fen = payable_fen + 9 * 60000",
    )
    assert found(town) == {("INV-09", "payable r4", "payable.differs")}


def test_what_waits_for_an_order_that_does_not_pay_it_is_named(town: Town) -> None:
    """By an administrator, of a payable that no entry speaks of yet: booked, it would never have been paid."""
    town.break_it("UPDATE fund.payable SET order_no = 'FL20261013-9999' WHERE setl_id = 'r4'")
    assert found(town) == {("INV-10", "record r4", "")}
