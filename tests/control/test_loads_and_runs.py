"""The counts of a load and the list of what a run could not order: raw SQL does not rewrite them, verify finds who did."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.access.proposals import propose_role, propose_user
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from tests.scenes.people import DAY, decided

R = 420100
STORED, STORED_FEN = 4, 123456 + 33333 + 876543 + 100000
DAILY_FEN = 74074 + 20000 + 525926 + 60000
"""The town's records, all of load 1."""
BEGIN = "INSERT INTO fund.intake_load (region, file_name, file_sha256, bytes, loaded_by) VALUES (0, 'f', sha256('f'), 9, '{}')"
COUNT = (
    f"UPDATE fund.intake_load SET lines_done = 6, bytes_done = 9, accepted = {STORED}, quarantined = 1, accepted_fen = {STORED_FEN},"
    f" payable_fen = {DAILY_FEN}"
)

KEEP = "INSERT INTO fund.quarantine VALUES (0, sha256('f'), {}, '', '', 'record.json', 'x', 1, 'FUNDLEDGER-SEAL1')"


def run(town: Any, user: str, *statements: str) -> None:
    with unit_of_work(town.service, user, R) as tx:
        for statement in statements:
            assert tx.connection.execute(statement).rowcount, statement


def refused(town: Any, user: str, *statements: str) -> str:
    with pytest.raises(LedgerError) as refusal:
        run(town, user, *statements)
    return refusal.value.code


@pytest.fixture
def loaded(town: Any) -> Any:
    """The town with its load counted, not yet complete: its own, which is complete, is as if it had not begun."""
    town.break_it("DELETE FROM fund.intake_load", "ALTER TABLE fund.intake_load ALTER load_id RESTART")
    run(town, "maker", BEGIN.format("maker"), KEEP.format(6), COUNT)
    return town


@pytest.fixture
def closed(loaded: Any) -> Any:
    """The town with its load complete."""
    run(loaded, "maker", "UPDATE fund.intake_load SET complete = true")
    assert loaded.verify() == []
    return loaded


def test_a_load_is_begun_empty_by_who_brings_records_in_the_own_name(town: Any) -> None:
    for user in ("acc", "checker", "cash", "adm"):
        assert refused(town, user, BEGIN.format(user)) == "business.writer"
    assert refused(town, "maker", BEGIN.format("acc")) == "business.writer"
    for column, value in (
        ("complete", "true"),
        ("accepted", "4"),
        ("accepted_fen", "-5"),
        ("bytes_done", "1"),
    ):
        statement = BEGIN.format("maker").replace("loaded_by)", f"loaded_by, {column})")
        statement = statement.removesuffix(")") + f", {value})"
        assert refused(town, "maker", statement) == "intake.load_counts"


def test_who_brings_no_records_touches_no_load(loaded: Any) -> None:
    for user in ("acc", "checker", "cash", "adm"):
        assert refused(loaded, user, "UPDATE fund.intake_load SET lines_done = 7") == "business.writer"


def test_another_of_the_post_goes_on_with_a_load_cut_off(loaded: Any) -> None:
    decided(loaded.service, lambda tx: propose_user(tx, "other", "p9", "x", DAY), R, ("adm", "aud"))
    decided(loaded.service, lambda tx: propose_role(tx, "other", "intake", 0, DAY), R, ("adm", "aud"))
    run(
        loaded,
        "other",
        KEEP.format(7),
        "UPDATE fund.intake_load SET lines_done = 7, quarantined = 2",
        "UPDATE fund.intake_load SET complete = true",
    )
    assert loaded.verify() == []


@pytest.mark.parametrize(
    "change",
    [
        "lines_done = 5",
        "bytes_done = 8",
        "accepted = 3, accepted_fen = 5",
        "quarantined = 0",
        "accepted = 99999, accepted_fen = 5",
        "accepted_fen = accepted_fen + 1",
        f"accepted_fen = accepted_fen + 1, payable_fen = {DAILY_FEN + 1}",
        "duplicate = 9",
    ],
)
def test_counts_only_grow_and_stay_within_the_lines_read(loaded: Any, change: str) -> None:
    assert refused(loaded, "maker", f"UPDATE fund.intake_load SET {change}") == "intake.load_counts"


@pytest.mark.parametrize(
    "change", ["lines_done = 9, accepted = 5", "lines_done = 9, accepted = 5, accepted_fen = 99"]
)
def test_a_load_is_complete_when_its_records_are_there(loaded: Any, change: str) -> None:
    run(loaded, "maker", f"UPDATE fund.intake_load SET {change}")
    assert refused(loaded, "maker", "UPDATE fund.intake_load SET complete = true") == "intake.sums"


def test_a_load_is_complete_when_what_it_refused_is_kept(loaded: Any) -> None:
    run(loaded, "maker", "UPDATE fund.intake_load SET lines_done = 9, quarantined = 2")
    assert refused(loaded, "maker", "UPDATE fund.intake_load SET complete = true") == "intake.sums"


@pytest.mark.parametrize(
    "change", ["accepted = 99999", "complete = false", "lines_done = 99", "payable_fen = 7"]
)
def test_a_complete_load_never_changes(closed: Any, change: str) -> None:
    assert refused(closed, "maker", f"UPDATE fund.intake_load SET {change}") == "intake.load_closed"
    with pytest.raises(LedgerError):
        run(closed, "maker", "DELETE FROM fund.intake_load")


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE fund.intake_load SET accepted = 5",
        "UPDATE fund.intake_load SET accepted_fen = accepted_fen - 1",
        "UPDATE fund.intake_load SET accepted = 99999, complete = false",
        "UPDATE fund.record SET load_id = 2 WHERE setl_id = 'r4'",
        "DELETE FROM fund.quarantine",
    ],
)
def test_a_load_changed_behind_the_guards_is_named(closed: Any, attack: str) -> None:
    closed.break_it(attack)
    assert ("INV-09", "load 1") in {(found.promise, found.entry) for found in closed.verify()}


RUN = "INSERT INTO payments.daily_run VALUES (420100, 310, '2026-10-13', 1, '{}', 2, 300)"
LIST = (
    "INSERT INTO payments.blocked VALUES (420100, 310, '2026-10-13', 1, 'H1', 'ended', 100),"
    " (420100, 310, '2026-10-13', 1, 'H2', 'negative', 200)"
)


@pytest.fixture
def blocked(town: Any) -> Any:
    """The town with a run that could not order two amounts."""
    run(town, "maker", RUN.format("maker"), LIST)
    assert town.verify() == []
    return town


def test_a_run_is_written_by_who_drafts_in_the_own_name(town: Any) -> None:
    for user in ("acc", "checker", "cash", "adm"):
        assert refused(town, user, RUN.format(user)) == "business.writer"
    assert refused(town, "maker", RUN.format("checker")) == "business.writer"


@pytest.mark.parametrize("statement", [LIST.replace("200)", "201)"), LIST.split("),")[0] + ")"])
def test_a_list_is_the_one_its_run_made(town: Any, statement: str) -> None:
    assert refused(town, "maker", RUN.format("maker"), statement) == "daily.blocked_list"


def test_nothing_joins_or_leaves_a_list(blocked: Any) -> None:
    more = "INSERT INTO payments.blocked VALUES (420100, 310, '2026-10-13', 1, 'H3', 'ended', 0)"
    assert refused(blocked, "maker", more) == "daily.blocked_list"
    for statement in (
        "DELETE FROM payments.blocked",
        "UPDATE payments.blocked SET reason = 'not_due'",
        "DELETE FROM payments.daily_run",
        "UPDATE payments.daily_run SET blocked = 0",
    ):
        with pytest.raises(LedgerError):
            run(blocked, "maker", statement)
    assert blocked.value("SELECT count(*) FROM payments.blocked") == 2


@pytest.mark.parametrize(
    "attack",
    [
        "DELETE FROM payments.blocked",
        "DELETE FROM payments.blocked WHERE institution = 'H1'",
        "UPDATE payments.blocked SET amount_fen = 1 WHERE institution = 'H1'",
        "DELETE FROM payments.daily_run",
    ],
)
def test_a_list_changed_behind_the_guards_is_named(blocked: Any, attack: str) -> None:
    blocked.break_it(attack)
    assert ("INV-09", "run 2026-10-13 1") in {(found.promise, found.entry) for found in blocked.verify()}


def test_a_run_taken_out_from_between_others_is_named(blocked: Any) -> None:
    run(blocked, "maker", RUN.format("maker").replace("1, 'maker', 2, 300", "2, 'maker', 0, 0"))
    blocked.break_it("DELETE FROM payments.blocked", "DELETE FROM payments.daily_run WHERE run = 1")
    assert ("INV-09", "run 2026-10-13") in {(found.promise, found.entry) for found in blocked.verify()}
