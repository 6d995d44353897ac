"""The institution's year on one page: every figure is the view's, opens to its entries, and they to records and receipts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import typer
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from ledger.cli.books.statement import statement
from ledger.cli.line.acting import ACTING, close_apps
from ledger.core.errors import InvalidInput, LedgerError, NotFound
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import get_settings
from reports.explain.chain import explain
from reports.institution_statement import KINDS, institution_statement
from tests.scenes.passwords import told

HOSPITAL = "H42010000001"
RESTS_ON = {
    "REC": ["records"], "REV": ["records"], "ORD": ["orders"], "CAN": ["orders"], "REJ": ["orders"], "RCV": ["evidence"],
    "RTN": ["evidence"], "SET": ["papers"], "CLR": ["papers"], "REF": ["papers"], "MAN": ["papers"],
}  # fmt: skip
"""What an entry of each event must open to."""
Command = Callable[..., Any]


@pytest.fixture
def command(lived: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setenv("FUNDLEDGER_HOME", str(lived.home))
    monkeypatch.setenv("DATABASE_URL", lived.settings.database_url)
    for name, word in told(lived.settings).items():
        monkeypatch.setenv(name, word)
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
        for figure in figures.values():
            for entry in figure["entries"]:
                chain = explain(tx, entry["explain"])
                assert entry["source_key"] in {row["source_key"] for row in chain.entries}, entry
                assert all(chain.counts[kind] > 0 for kind in RESTS_ON[entry["event"]]), (entry, chain.counts)
        for order in page["orders"]:
            assert explain(tx, order["explain"]).orders[0]["state"] == order["state"]
            assert (order["receipts"] != "") == (order["state"] in {"paid", "returned"})
        for row in page["records"]:
            opened = [explain(tx, entry).counts["records"] for entry in row["explain"]]
            assert min(opened, default=0) > 0, row
            assert sum(opened) >= row["records"], row


def test_a_sheet_and_a_letter_open_to_their_entries_orders_receipts_and_records(lived: Any) -> None:
    """And each of those back to them: every row's `explain` leads on."""
    with unit_of_work(lived.service, "zhou", 420100) as tx:
        for table, paper, kind in (("sheet", "sheet_id", "SET"), ("letter", "letter_id", "CLR")):
            papers = lived.rows(
                f"SELECT p.{paper}, o.order_no FROM fund.{table} p JOIN fund.{table}_order o USING (region, {paper})"
                " JOIN payments.pay_order d USING (region, order_no) WHERE d.state = 'paid' ORDER BY 1, 2"
            )
            assert papers or table == "letter"
            for name, order_no in papers[:3]:
                chain = explain(tx, name)
                assert (chain.kind, chain.papers[0]["explain"]) == ("paper", name)
                assert order_no in {row["order_no"] for row in chain.orders}
                assert chain.counts["evidence"] > 0
                assert {"ORD", "RCV", kind} <= {row["event"] for row in chain.entries}
                assert name in {row["paper"] for row in explain(tx, order_no).papers}
                own = next(row for row in chain.entries if row["event"] == kind)
                assert name in {row["paper"] for row in explain(tx, own["explain"]).papers}
                for row in chain.papers:
                    assert explain(tx, row["explain"]).counts["papers"] > 0
            covered = lived.rows(
                f"SELECT p.settled_by, p.setl_id FROM fund.payable p JOIN fund.{table} s ON s.{paper} = p.settled_by LIMIT 5"
            )
            for name, setl_id in covered:
                assert setl_id in {row["setl_id"] for row in explain(tx, name).records}
                assert name in {row["paper"] for row in explain(tx, setl_id).papers}
                assert f"{kind}:{name}" in {row["source_key"] for row in explain(tx, setl_id).entries}
        with pytest.raises(NotFound, match=r"explain\.unknown"):
            explain(tx, "YJ420100-310-202601-NOBODY-1")


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


def test_the_page_on_paper_and_as_a_workbook(lived: Any, command: Command, tmp_path: Path) -> None:
    page = json.loads(command(*words(), "--format", "json").output.splitlines()[-1])
    for shape in ("pdf", "xlsx"):
        assert command(*words(), "--format", shape, "--out", str(tmp_path / f"o.{shape}")).exit_code == 0
    with pypdfium2.PdfDocument(tmp_path / "o.pdf") as document:
        text = re.sub(r"\s", "", "".join(one.get_textpage().get_text_bounded() for one in document))
    book = CalamineWorkbook.from_path(str(tmp_path / "o.xlsx"))
    rows = {row[0]: row for row in book.get_sheet_by_index(0).to_python()}
    for figure in page["figures"]:
        fen = int(figure["total_fen"])
        assert f"{Decimal(fen).scaleb(-2):,.2f}" in text
        (row,) = (row for title, row in rows.items() if title == figure["title"])
        assert Decimal(repr(row[4])) * 100 == fen
    for order in page["orders"]:
        assert order["order_no"] in text
    assert HOSPITAL in text
    assert len(book.sheet_names) >= 3
