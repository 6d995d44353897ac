"""Next year's holiday table: by file, source and two persons; anything doubtful is refused, an unknown year never guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger.cli.installation.calendar import app
from ledger.cli.line.acting import ACTING, close_apps
from ledger.control.verify import verify
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.fund.region.calendar import read_calendar, read_years
from ledger.fund.region.holidays import (
    HolidayTable,
    confirm_calendar,
    propose_calendar,
    read_proposals,
    read_table,
    refuse_calendar,
)
from ledger.settings import get_settings
from ledger.simulation.people import DEMO_REGION

SOURCE = "国办发明电〔2026〕9号"
TODAY = date(2026, 11, 20)
OFF = (date(2027, 1, 1), date(2027, 2, 8), date(2027, 10, 1))
TABLE = HolidayTable(2027, SOURCE, (*((day, False) for day in OFF), (date(2027, 2, 14), True)))


def csv_file(folder: Path, *lines: str, head: str = "year,day,working,source") -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.fault(27)
def test_two_persons_put_a_year_in_force_and_it_counts_from_then_on(month: Any) -> None:
    with month.tx() as tx, pytest.raises(InvalidInput, match=r"calendar\.unknown_year.*2027"):
        read_calendar(tx).is_working_day(date(2027, 2, 8))
    with month.tx() as tx:
        digest = propose_calendar(tx, TABLE, TODAY)
        assert propose_calendar(tx, TABLE, TODAY) == digest
        assert [year for year, _ in read_years(tx)] == [2024, 2025, 2026]
    with pytest.raises(Forbidden, match=r"access\.role_missing"), month.tx() as tx:
        confirm_calendar(tx, 2027, digest, TODAY)
    with pytest.raises(Conflict, match=r"calendar\.changed"), month.tx("qian") as tx:
        confirm_calendar(tx, 2027, "0" * 64, TODAY)
    with month.tx("qian") as tx:
        confirm_calendar(tx, 2027, digest, TODAY)
    with month.tx() as tx:
        calendar = read_calendar(tx)
        assert propose_calendar(tx, TABLE, TODAY) == digest
        assert (2027, SOURCE) in read_years(tx)
    assert [calendar.is_working_day(date(2027, 2, day)) for day in (8, 9, 13, 14)] == [
        False,
        True,
        False,
        True,
    ]
    assert calendar.next_working_day(date(2027, 10, 1)) == date(2027, 10, 4)


CORRECTED = HolidayTable(2027, "国办发明电〔2027〕2号", (*TABLE.days, (date(2027, 2, 9), False)))


@pytest.mark.fault(27)
def test_a_table_in_force_is_corrected_for_days_to_come(month: Any, tmp_path: Path) -> None:
    with month.tx() as tx:
        digest = propose_calendar(tx, TABLE, TODAY)
    with month.tx("qian") as tx:
        confirm_calendar(tx, 2027, digest, TODAY)
    with pytest.raises(Conflict, match=r"calendar\.past"), month.tx() as tx:
        propose_calendar(tx, CORRECTED, date(2027, 2, 9))
    with pytest.raises(Conflict, match=r"calendar\.known"), month.tx() as tx:
        propose_calendar(tx, replace(CORRECTED, days=TABLE.days), date(2027, 2, 1))
    with month.tx() as tx:
        digest = propose_calendar(tx, CORRECTED, date(2027, 2, 1))
        assert read_calendar(tx).is_working_day(date(2027, 2, 9))  # proposed is not in force
    with pytest.raises(Conflict, match=r"calendar\.past"), month.tx("qian") as tx:
        confirm_calendar(tx, 2027, digest, date(2027, 2, 9))  # decided too late
    with month.tx("qian") as tx:
        confirm_calendar(tx, 2027, digest, date(2027, 2, 2))
    with month.tx() as tx:
        calendar = read_calendar(tx)
        assert dict(read_years(tx))[2027] == "国办发明电〔2027〕2号"
    assert [calendar.is_working_day(date(2027, 2, day)) for day in (8, 9, 10)] == [False, False, True]

    def found() -> set[str]:
        return {
            one.entry for one in verify(month.database.auditor_engine, tmp_path) if one.promise == "INV-11"
        }

    assert found() == set()
    with pytest.raises(Exception, match=r"business\.frozen"), month.admin.begin() as admin:
        admin.exec_driver_sql("UPDATE fund.calendar_day SET working = true WHERE day = '2027-02-09'")
    month.pretend("DELETE FROM fund.calendar_day WHERE day = '2027-02-09'")
    month.pretend("UPDATE fund.calendar_year SET source = '国办发明电〔2026〕9号' WHERE year = 2027")
    assert found() == {
        "calendar 2027"
    }  # what was corrected is not what holds, though two persons said it once


def test_a_person_with_two_logins_is_one_person(month: Any) -> None:
    month.pretend("UPDATE access.app_user SET person = (SELECT person FROM access.app_user WHERE user_name = 'zhao')"
                  " WHERE user_name = 'qian'")  # fmt: skip
    with month.tx() as tx:
        digest = propose_calendar(tx, TABLE, TODAY)
    with pytest.raises(Forbidden, match=r"request\.same_person"), month.tx("qian") as tx:
        confirm_calendar(tx, 2027, digest, TODAY)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (HolidayTable(2027, "某网站转载", TABLE.days), "calendar.source"),
        (HolidayTable(2027, "国办发明电〔2024〕12号", TABLE.days), "calendar.source"),
        (HolidayTable(2028, "国办发明电〔2027〕9号", TABLE.days), "calendar.other_year"),
        (HolidayTable(2027, SOURCE, (*TABLE.days, (date(2027, 2, 8), True))), "calendar.day_twice"),
        (HolidayTable(2027, SOURCE, (*TABLE.days, (date(2027, 3, 3), True))), "calendar.not_swapped"),
        (HolidayTable(2027, SOURCE, TABLE.days[:2]), "calendar.incomplete"),
        (HolidayTable(2026, "国办发明电〔2025〕9号", ((date(2026, 1, 1), False), (date(2026, 5, 1), False), (date(2026, 10, 1), False))),
         "calendar.past"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_the_notice_is_refused(month: Any, table: HolidayTable, code: str) -> None:
    with pytest.raises(LedgerError) as refused, month.tx() as tx:
        propose_calendar(tx, table, TODAY)
    assert refused.value.code == code


def test_overlapping_tables_wait_for_a_decision_and_a_refused_one_may_be_done_again(month: Any) -> None:
    other = HolidayTable(2027, SOURCE, (*TABLE.days, (date(2027, 2, 9), False)))
    with month.tx() as tx:
        digest = propose_calendar(tx, other, TODAY)
    with pytest.raises(Conflict, match=r"calendar\.pending"), month.tx() as tx:
        propose_calendar(tx, TABLE, TODAY)
    with pytest.raises(InvalidInput, match=r"calendar\.reason"), month.tx("qian") as tx:
        refuse_calendar(tx, 2027, digest, " ", TODAY)
    with month.tx("qian") as tx:
        refuse_calendar(tx, 2027, digest, "2月9日不放假", TODAY)
    with pytest.raises(NotFound, match=r"calendar\.no_proposal"), month.tx("qian") as tx:
        confirm_calendar(tx, 2027, digest, TODAY)
    with month.tx() as tx:
        digest = propose_calendar(tx, TABLE, TODAY)
        assert [(one.version, one.state) for one in read_proposals(tx, 2027)] == [
            (2, "proposed"),
            (1, "refused"),
        ]
    with month.tx("qian") as tx:
        confirm_calendar(tx, 2027, digest, TODAY)
    with pytest.raises(InvalidInput, match=r"calendar\.source"), month.tx() as tx:
        propose_calendar(tx, other, TODAY)  # a correction rests on a notice of its own


@pytest.mark.parametrize(
    ("lines", "head", "code"),
    [
        (["2027-01-01,N,x"], "day,working,source", "calendar.no_year"),
        ([f",2027-01-01,N,{SOURCE}"], "year,day,working,source", "calendar.no_year"),
        ([], "year,day,working,source", "calendar.no_year"),
        ([f"2027,2027-01-01,N,{SOURCE}", f"2028,2028-01-01,N,{SOURCE}"], "year,day,working,source", "calendar.one_year"),
        ([f"2027,2027-01-01,N,{SOURCE}", "2027,2027-10-01,N,另一文件"], "year,day,working,source", "calendar.one_year"),
        ([f"2027,2027-01-01,off,{SOURCE}"], "year,day,working,source", "calendar.format"),
        (["2027,2027-01-01,N,"], "year,day,working,source", "calendar.format"),
        ([f"2027,2027-02-30,N,{SOURCE}"], "year,day,working,source", "date.format"),
        ([f"2027,2027-01-01,N,{SOURCE}"], "year,day,off,source", "calendar.file"),
    ],
)  # fmt: skip
def test_a_malformed_file_is_refused_by_name(tmp_path: Path, lines: list[str], head: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_table(csv_file(tmp_path, *lines, head=head))
    assert refused.value.code == code


def test_the_service_cannot_write_the_calendar_and_verify_finds_who_did(month: Any, tmp_path: Path) -> None:
    for statement in (
        "INSERT INTO fund.calendar_year VALUES (2027, '国办发明电〔2026〕9号')",
        "UPDATE fund.calendar_day SET working = true",
        "DELETE FROM fund.calendar_year",
    ):
        with pytest.raises(Forbidden, match=r"db\.permission"), month.tx() as tx:
            tx.run(statement)

    def found() -> set[tuple[str, str]]:
        return {(one.promise, one.entry) for one in verify(month.database.auditor_engine, tmp_path)}

    assert found() == set()
    month.pretend("INSERT INTO fund.calendar_year VALUES (2027, '国办发明电〔2026〕9号')")
    month.pretend("UPDATE fund.calendar_day SET working = true WHERE day = '2026-10-02'")
    assert found() == {("INV-11", "calendar 2026"), ("INV-11", "calendar 2027")}


@pytest.fixture
def command(month: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    get_settings.cache_clear()
    for name, value in month.database.env.items():
        monkeypatch.setenv(name, value)

    def run(user: str, *words: str) -> Any:
        monkeypatch.setattr(ACTING, "user", user)
        try:
            return CliRunner().invoke(
                app, [*words, "--region", str(DEMO_REGION), "--json"], catch_exceptions=False
            )
        finally:
            close_apps()

    yield run
    get_settings.cache_clear()


def test_the_commands_do_it_end_to_end(command: Callable[..., Any], tmp_path: Path) -> None:
    lines = [f"2027,{day},{'Y' if working else 'N'},{SOURCE}" for day, working in TABLE.days]
    said = json.loads(command("zhao", "import", str(csv_file(tmp_path, *lines))).stdout.splitlines()[-1])
    assert (said["year"], said["off"], said["worked"]) == (2027, 3, 1)
    shown = json.loads(command("zhou", "show").stdout.splitlines()[-1])
    assert [one["state"] for one in shown["proposals"]] == ["proposed"]
    assert command("qian", "confirm", "2027", "--digest", said["digest"]).exit_code == 0
    shown = json.loads(command("zhou", "show").stdout.splitlines()[-1])
    assert shown["years"][-1] == {"year": 2027, "source": SOURCE}
