"""The institution's year on one page: every figure is the view's, opens to its entries, and they to records and receipts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ledger.cli.context import ACTING, close_apps
from ledger.cli.statement import statement
from ledger.core.errors import InvalidInput, LedgerError, NotFound
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import get_settings
from reports.explain import explain
from reports.institution_statement import KINDS, institution_statement

HOSPITAL = "H42010000001"
Command = Callable[..., Any]


@pytest.fixture
def command(lived: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setenv("FUNDLEDGER_HOME", str(lived.home))
    monkeypatch.setenv("DATABASE_URL", lived.settings.database_url)
    monkeypatch.setenv("FUNDLEDGER_SERVICE_PASSWORD", lived.settings.service_password)
    get_settings.cache_clear()
    app = typer.Typer()
    app.command()(statement)

    def run(*words: str, user: str = "zhou") -> Any:
        ACTING.user = user
        try:
            return CliRunner().invoke(app, [*words], catch_exceptions=False)
        finally:
            ACTING.user = ""
            close_apps()

    yield run
    get_settings.cache_clear()


def words(fund: int = 310, year: int = 2025, institution: str = HOSPITAL) -> list[str]:
    return ["--institution", institution, "--fund", str(fund), "--year", str(year)]


@pytest.mark.parametrize(("fund", "year"), [(310, 2025), (310, 2026), (390, 2025), (390, 2026)])
def test_the_page_adds_up_and_every_figure_opens(lived: Any, command: Command, fund: int, year: int) -> None:
    done = command(*words(fund, year), "--format", "json")
    assert done.exit_code == 0, done.output
    page = json.loads(done.output.splitlines()[-1])
    view = lived.rows(
        "SELECT sum(recognised_fen), sum(paid_fen), sum(taken_fen), sum(owed_fen), sum(paid_daily_fen), sum(retained_fen)"
        f" FROM fund.conservation WHERE fund = {fund} AND institution = '{HOSPITAL}' AND service_year = {year}"
    )[0]
    figures = {figure["name"]: figure for figure in page["figures"]}
    assert set(figures) == {kind.name for kind in KINDS}
    sides = page["equation"]
    assert [int(figures["recognised"]["total_fen"]), *(int(sides[f"{part}_fen"]) for part in ("paid", "taken", "owed"))] == [
        int(fen) for fen in view[:4]
    ]  # fmt: skip
    assert (int(figures["paid_daily"]["total_fen"]), int(figures["retained"]["total_fen"])) == (
        int(view[4]),
        int(view[5]),
    )
    assert (sides["holds"], sides["difference_fen"], page["records_agree"]) == (
        True,
        {"pool": "0", "acct": "0"},
        True,
    )
    assert int(figures["recognised"]["total_fen"]) == sum(int(row["fund_fen"]) for row in page["records"])
    for figure in figures.values():
        assert int(figure["total_fen"]) == sum(int(entry["amount_fen"]) for entry in figure["entries"])
    with unit_of_work(lived.service, "zhou", 420100) as tx:
        for name, kind in (("recognised", "records"), ("paid_daily", "evidence")):
            for entry in figures[name]["entries"]:
                assert explain(tx, entry["explain"]).counts[kind] > 0, entry
        for order in page["orders"]:
            assert explain(tx, order["explain"]).orders[0]["state"] == order["state"]
            assert (order["receipts"] != "") == (order["state"] in {"paid", "returned"})


def test_a_cleared_year_names_its_letter_and_months(lived: Any, command: Command) -> None:
    page = json.loads(command(*words(), "--format", "json").output.splitlines()[-1])
    assert {paper["what"] for paper in page["papers"]} == {"月结单", "清算确认书"}
    assert [p["entry"] for p in page["papers"] if p["what"] == "清算确认书"] == [
        f"CLR:CL420100-310-2025-YEAR-{HOSPITAL}-1"
    ]
    table = command(*words()).output
    assert "应得" in table
    assert "（平）" in table
    assert "￥" not in table
    assert f"CL420100-310-2025-YEAR-{HOSPITAL}-1" in table


def test_a_year_without_anything_is_an_empty_page(lived: Any) -> None:
    with unit_of_work(lived.service, "zhou", 420100) as tx:
        page = institution_statement(tx, 310, HOSPITAL, 2024)
    assert page.conserved
    assert {figure.total_fen for figure in page.figures} == {0}
    assert [*page.records, *page.orders, *page.papers] == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"fund": 320}, "statement.fund"),
        ({"year": 26}, "statement.year"),
        ({"institution": "H42010099999"}, "institution.unknown"),
    ],
)
def test_bad_asking_is_refused(command: Command, said: dict[str, Any], code: str) -> None:
    with pytest.raises(LedgerError) as refused:
        command(*words(**said))
    assert refused.value.code == code
    assert isinstance(refused.value, InvalidInput | NotFound)


def test_damage_is_not_printed_as_truth(lived: Any, command: Command) -> None:
    lived.break_it(
        "UPDATE books.balance SET credit = credit + 1 WHERE account = 9105 AND dim = (SELECT b.dim FROM books.balance b"
        f" JOIN books.dim d ON d.dim = b.dim WHERE b.account = 9105 AND d.counterparty = '{HOSPITAL}' AND d.service_year = 2025 LIMIT 1)"
    )
    with pytest.raises(LedgerError) as refused:
        command(*words())
    assert refused.value.code == "statement.entries"
    assert "verify" in refused.value.message


def test_a_record_taken_away_shows_on_the_page(lived: Any, command: Command) -> None:
    lived.break_it(
        f"UPDATE fund.payable SET fund_fen = fund_fen + 1 WHERE setl_id = (SELECT min(setl_id) FROM fund.payable"
        f" WHERE fund = 310 AND institution = '{HOSPITAL}' AND service_year = 2025 AND subfund = 'pool' AND fund_fen > 0)"
        " AND subfund = 'pool'"
    )
    done = command(*words())
    assert done.exit_code == 1
    assert "不平！" in done.output
