"""Commands without a date option, or without a value for it, act on the process's business date: set, by file, or the machine's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.core.dates import FileClock
from ledger.core.errors import InvalidInput

WHERE = ("--region", "420100")
TABLE = "year,day,working,source\n" + "".join(
    f"2027,2027-{day},N,国办发明电〔2026〕9号\n" for day in ("01-01", "05-01", "10-01")
)


@pytest.fixture
def on(world: Any, command: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """`fundledger WORD… --json` of a user, in an environment that names the day."""

    def run(user: str, *words: str, **env: str) -> dict[str, Any]:
        ended = command("--as", user, *words, "--json", **{**world.env, **env})
        assert ended.code == 0, ended.err or ended.out
        return dict(ended.last)

    return run


@pytest.mark.fault(25)
def test_the_day_of_the_environment_is_the_day_of_the_act(world: Any, on: Any, tmp_path: Path) -> None:
    table = tmp_path / "2027.csv"
    table.write_text(TABLE, encoding="utf-8")
    digest = on("zhao", "calendar", "import", str(table), *WHERE, FUNDLEDGER_TODAY="2026-11-20")["digest"]
    clock = tmp_path / "day"
    clock.write_text("2026-11-23\n", encoding="utf-8")
    on("qian", "calendar", "confirm", "2027", *WHERE, "--digest", digest, FUNDLEDGER_CLOCK_FILE=str(clock))
    with world.admin_engine.connect() as connection:
        (row,) = connection.exec_driver_sql(
            "SELECT proposed_on, decided_on FROM fund.calendar_proposal WHERE year = 2027"
        )
    assert [str(day) for day in row] == ["2026-11-20", "2026-11-23"]
    made = on(
        "li", "month", "handback", *WHERE, "--fund", "310", "--month", "202610", FUNDLEDGER_TODAY="2026-11-02"
    )
    assert made["made_on"] == "2026-11-02"
    figures = [
        on("zhao", "clear", "targets", *WHERE, "--year", "2025", FUNDLEDGER_TODAY=day)["targets"][0][
            "days_late"
        ]
        for day in ("2026-06-01", "2026-06-11")
    ]
    assert figures[1] - figures[0] == 10


@pytest.mark.fault(25)
def test_a_clock_file_is_read_at_every_asking(tmp_path: Path) -> None:
    file = tmp_path / "day"
    clock = FileClock(file)
    with pytest.raises(InvalidInput, match=r"clock\.file.*day"):
        clock.today()
    for day in ("2026-10-13", "2026-10-14"):
        file.write_text(f"{day}\n", encoding="utf-8")
        assert clock.today().isoformat() == day
    file.write_text("明天", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"clock\.file"):
        clock.today()
