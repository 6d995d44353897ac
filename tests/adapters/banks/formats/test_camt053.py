"""The statements our simulated bank writes are what the official schemas want, in every version that is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.core.dates import SHANGHAI
from tests.adapters.banks.formats.conftest import OWN_ACCOUNT

DAY = date(2026, 10, 13)


def statement(*lines: PrintedLine) -> PrintedStatement:
    created = datetime(2026, 10, 14, 8, tzinfo=SHANGHAI)
    return PrintedStatement("ST1", 7, created, OWN_ACCOUNT, "某市医保基金支出户", DAY, DAY, 5_000, lines)


@pytest.mark.parametrize("version", ["02", "03", "04", "06", "08", "10", "13", "14"])
def test_official_schema_accepts_the_banks_statement(
    version: str, schema_errors: Callable[[str, bytes], list[str]]
) -> None:
    printed = statement(
        PrintedLine("S1", Direction.DEBIT, 2_000, DAY, 3_000, "6222", "某医院", "FL1", "日拨付"),
        PrintedLine("S2", Direction.CREDIT, 7, DAY, 3_007),
    )
    content = write_camt053(printed, namespace=f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}")
    assert schema_errors(f"camt.053.001.{version}", content) == []
    [found] = read_statements("a.xml", content, Stated(OWN_ACCOUNT))
    assert (found.closing_fen, found.sequence, len(found.lines)) == (3_007, 7, 2)


def test_a_day_without_movement_is_a_statement_too(schema_errors: Callable[[str, bytes], list[str]]) -> None:
    content = write_camt053(statement())
    assert schema_errors("camt.053.001.08", content) == []
    [found] = read_statements("a.xml", content, Stated(OWN_ACCOUNT))
    assert (found.opening_fen, found.closing_fen, found.lines) == (5_000, 5_000, [])


def test_an_opening_dated_by_the_day_before_is_no_overlap() -> None:
    content = write_camt053(statement()).decode()
    head, rest = content.split("<FrToDt>")
    bare = head + rest.split("</FrToDt>")[1]
    dated = bare.replace("<Dt>2026-10-13</Dt>", "<Dt>2026-10-12</Dt>", 1)
    [found] = read_statements("a.xml", dated.encode(), Stated(OWN_ACCOUNT))
    assert (found.first_day, found.last_day) == (DAY, DAY)


def test_a_wrapped_one_without_namespace_is_read() -> None:
    content = write_camt053(statement()).decode()
    body = content.split("?>", 1)[1].replace(' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"', "")
    [found] = read_statements("a.xml", f"<m><AppHdr/>{body}</m>".encode(), Stated(OWN_ACCOUNT))
    assert found.number == "ST1"


@pytest.mark.parametrize(
    ("version", "neighbours"),
    [("05", "04 06"), ("07", "06 08"), ("09", "08 10"), ("11", "10 13"), ("12", "10 13")],
)
def test_a_version_whose_schema_is_not_at_hand_is_read_as_its_neighbours_are(
    version: str, neighbours: str, schema_errors: Callable[[str, bytes], list[str]]
) -> None:
    """No wheel carries these schemas. Where a form changed is known (`Sts/Cd` since .07, `Pty` since .08): .07 is of both."""
    space = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
    printed = statement(
        PrintedLine("S1", Direction.DEBIT, 2_000, DAY, 3_000, "6222", "某医院", "FL1", "日拨付")
    )
    content = write_camt053(printed, namespace=space + version)
    found = read_statements("a.xml", content, Stated(OWN_ACCOUNT))
    assert [(one.closing_fen, [line.order_no for line in one.lines]) for one in found] == [(3_000, ["FL1"])]
    for other in neighbours.split():
        beside = write_camt053(printed, namespace=space + other)
        assert schema_errors(f"camt.053.001.{other}", beside) == []
        assert read_statements("a.xml", beside, Stated(OWN_ACCOUNT)) == found
