"""What an institution is called changes by two persons only: it stands in its statements, letters and lists of who is paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.fund.institutions.load import Loaded, load_institutions
from ledger.fund.institutions.master import Institution
from ledger.fund.institutions.proposals import Waiting, confirm_waiting, read_waiting, refuse_waiting
from ledger.fund.institutions.read import read_standing, read_terms
from ledger.fund.institutions.terms import set_agreement
from reports.control.changes import changes_grid
from reports.control.due import ControlMonth
from reports.institution_statement import institution_statement

DAY = date(2026, 10, 12)
H = "H42010000001"
BASE = Institution(
    H, "第1医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
    date(2026, 10, 1), "第1医院", "620000000001", "模拟银行", "102421000009",
)  # fmt: skip
NEW = "第一医院"


def load(month: Any, **other: Any) -> Loaded:
    with month.tx() as tx:
        return load_institutions(tx, [replace(BASE, **other)], DAY)


def waiting(month: Any) -> Waiting:
    with month.tx("qian") as tx:
        return read_waiting(tx, H)


def confirm(month: Any, user: str = "qian", digest: str = "") -> None:
    shown = digest or waiting(month).digest
    with month.tx(user) as tx:
        confirm_waiting(tx, shown, DAY, H)


def called(month: Any) -> set[str]:
    """What the list of institutions and the statement of the year say."""
    with month.tx() as tx:
        return {read_standing(tx, DAY, H)[0].name, institution_statement(tx, 310, H, 2026).name}


def named(month: Any, tmp_path: Any) -> list[Breach]:
    """What `verify` says beside the traces."""
    found = verify(month.database.auditor_engine, tmp_path)
    return [one for one in found if not one.code.startswith("trace.")]


def versions(month: Any) -> list[tuple[int, str, str | None]]:
    with month.tx() as tx:
        return [(one.version, one.state, one.name) for one in read_terms(tx, H) if one.kind == "agreement"]


def test_a_rename_waits_for_a_second_person_and_is_in_force_then(month: Any, tmp_path: Any) -> None:
    done = load(month, name=NEW)
    assert (done.names, done.as_json()["names_proposed"], done.waits) == ([H], 1, True)
    assert called(month) == {"第1医院"}
    [shown] = waiting(month).proposals
    assert ((shown.in_force or {})["name"], shown.proposed["name"]) == ("第1医院", NEW)
    assert load(month, name=NEW).terms.waiting == [H]
    with pytest.raises(Forbidden):
        confirm(month, "zhao")
    assert called(month) == {"第1医院"}
    confirm(month)
    assert called(month) == {NEW}
    assert versions(month) == [(2, "confirmed", NEW), (1, "confirmed", "第1医院")]
    assert load(month, name=NEW).terms.agreements == []
    assert named(month, tmp_path) == []


def test_another_name_is_another_digest_and_a_refused_one_changes_nothing(month: Any) -> None:
    load(month, name=NEW)
    seen = waiting(month).digest
    load(month, name="别的医院")
    with pytest.raises(Conflict, match=r"institution\.changed"):
        confirm(month, digest=seen)
    with month.tx("qian") as tx:
        refuse_waiting(tx, H, read_waiting(tx, H).digest, "与批文不符", DAY)
    assert called(month) == {"第1医院"}


def test_past_the_program_no_login_of_ours_renames(month: Any) -> None:
    for user in ("zhao", "qian", "li", "xitong"):
        with pytest.raises(LedgerError) as refused, month.tx(user) as tx:
            tx.run("UPDATE fund.institution SET name = '别的医院' WHERE institution = 'H42010000001'")
        assert refused.value.code == "db.permission"
    for column in ("fund.institution.name", "fund.terms.name"):
        schema, table, name = column.split(".")
        assert (
            month.asked(
                "SELECT r.rolname FROM pg_roles r WHERE r.rolname LIKE 'fundledger%%' AND r.rolname <> 'fundledger_owner'"
                f" AND NOT r.rolsuper AND has_column_privilege(r.rolname, '{schema}.{table}', '{name}', 'UPDATE')"
            )
            == []
        ), column
    with pytest.raises(InvalidInput, match=r"机构名称第3个字符U\+200B"), month.tx() as tx:
        tx.run(
            "INSERT INTO fund.terms (region, institution, kind, version, name, type, level, agreement_state, agreement_from, agreement_to,"
            " proposed_by, proposed_on) VALUES (420100, 'H42010000001', 'agreement', 2, %(name)s, '1', '02', 'active', '2020-01-01',"
            " '2030-12-31', 'zhao', '2026-10-12')",
            name="医院\u200b甲",
        )
    assert called(month) == {"第1医院"}


def test_a_name_that_its_owner_changed_is_told_by_verify_until_it_is_put_right(
    month: Any, tmp_path: Any
) -> None:
    with psycopg.connect(month.database.admin_url, autocommit=True) as owner:
        owner.execute("UPDATE fund.institution SET name = '别的医院' WHERE institution = 'H42010000001'")
    [found] = named(month, tmp_path)
    assert (found.promise, found.entry) == ("INV-11", f"agreement {H}")
    assert found.message == "机构名称不是已确认的那一版（第1医院），已被改动"
    with month.tx() as tx:
        set_agreement(tx, H, "suspended", DAY)  # one person's word, and takes no name with it
    assert versions(month) == [(2, "stopped", "第1医院"), (1, "confirmed", "第1医院")]
    assert [one.entry for one in named(month, tmp_path)] == [f"agreement {H}"]
    assert load(month, agreement_state="suspended").names == [H]  # the file says the right one
    confirm(month)
    assert called(month) == {"第1医院"}
    assert named(month, tmp_path) == []


def test_a_stop_does_not_confirm_a_kind_or_level_that_the_owner_changed(month: Any, tmp_path: Any) -> None:
    """One person's word stops; what two persons confirmed of the rest goes on, so that verify still tells what is otherwise."""
    with psycopg.connect(month.database.admin_url, autocommit=True) as owner:
        owner.execute(
            "UPDATE fund.institution SET level = '11', type = '3' WHERE institution = 'H42010000001'"
        )
    told = [(one.promise, one.entry) for one in named(month, tmp_path)]
    assert told == [("INV-11", f"agreement {H}")]
    with month.tx() as tx:
        set_agreement(tx, H, "suspended", DAY)
    with month.tx() as tx:
        stopped = next(one for one in read_terms(tx, H) if one.kind == "agreement")
    assert (stopped.state, stopped.type, stopped.level) == ("stopped", "1", "02")
    assert [(one.promise, one.entry) for one in named(month, tmp_path)] == told


def test_versions_of_before_say_no_name_and_the_next_one_does(month: Any, tmp_path: Any) -> None:
    """As after an upgrade: what is in force and what waits were proposed without a name."""
    load(month, level="03")
    month.pretend("UPDATE fund.terms SET name = NULL")

    def told() -> list[Breach]:
        return [one for one in named(month, tmp_path) if one.entry.startswith("agreement")]  # no traces here

    assert told() == []
    [shown] = waiting(month).proposals
    assert (shown.in_force or {})["name"] == shown.proposed["name"] == "第1医院"
    assert load(month, level="03").terms.waiting == [H]
    confirm(month)
    assert called(month) == {"第1医院"}
    assert versions(month) == [(2, "confirmed", None), (1, "confirmed", None)]
    assert told() == []
    with month.tx() as tx:
        set_agreement(tx, H, "suspended", DAY)
    assert versions(month)[0] == (3, "stopped", "第1医院")  # from now on verify holds it
    load(month, level="03", name=NEW)
    confirm(month)
    assert called(month) == {NEW}
    assert versions(month)[0] == (4, "confirmed", NEW)
    assert told() == []


def test_an_agreement_proposed_past_the_program_goes_on_under_the_name_there_is(month: Any) -> None:
    with month.tx() as tx:
        tx.run(
            "INSERT INTO fund.terms (region, institution, kind, version, type, level, agreement_state, agreement_from, agreement_to,"
            " proposed_by, proposed_on) VALUES (420100, 'H42010000001', 'agreement', 2, '1', '03', 'active', '2020-01-01',"
            " '2030-12-31', 'zhao', '2026-10-12')"
        )
    assert versions(month)[0] == (2, "proposed", "第1医院")


def test_a_new_institution_is_called_what_was_confirmed(month: Any, tmp_path: Any) -> None:
    new = "H42010000003"
    for name in ("第三院", "第三医院"):
        with month.tx() as tx:
            load_institutions(tx, [replace(BASE, code=new, name=name, payee_number="620000000003")], DAY)
    with month.tx("qian") as tx:
        confirm_waiting(tx, read_waiting(tx).digest, DAY)
    assert month.asked(f"SELECT name FROM fund.institution WHERE institution = '{new}'") == [("第三医院",)]
    assert named(month, tmp_path) == []


def test_the_control_report_says_who_gave_which_name(month: Any) -> None:
    load(month, name=NEW)
    confirm(month)
    with month.tx("zhou") as tx:
        lines = [line.cells for line in changes_grid(tx, ControlMonth(420100, 202610), {}).lines]
    [renamed] = [line for line in lines if str(line[3]).startswith(NEW)]
    assert (renamed[1], str(renamed[2]).split()[0], renamed[6], renamed[8]) == (
        f"{H} 第2版", "第1医院", "zhao", "qian",
    )  # fmt: skip
