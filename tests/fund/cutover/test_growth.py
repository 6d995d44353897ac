"""A cut-over of ten times the rows takes ten times the time: 100,000 records and 96,000 open items, staged, proposed, confirmed."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from ledger.control.verify import verify
from ledger.fund.cutover.opening import confirm_cutover
from ledger.fund.cutover.read import read_set
from ledger.fund.cutover.store import propose, stage
from tests.fund.cutover.test_cutover import BOOK, DAY, GOOD, ON, Set, take_october, write
from tests.scenes.month import HOSPITAL
from tests.scenes.town import OWN, Town

pytestmark = pytest.mark.slow
_ROWS = """
INSERT INTO fund.institution
SELECT (jsonb_populate_record(i, jsonb_build_object('institution', 'H4201009' || lpad(n::text, 4, '0'),
           'agreement_state', 'proposed', 'agreement_version', 0))).*
  FROM fund.institution i, generate_series(1, {institutions}) n WHERE i.institution = '{hospital}';
INSERT INTO fund.record SELECT (jsonb_populate_record(r, jsonb_build_object('setl_id', 'G' || n))).*
  FROM fund.record r, generate_series(1, {records}) n WHERE r.setl_id = 'R1';
INSERT INTO fund.payable SELECT (jsonb_populate_record(p, jsonb_build_object('setl_id', 'G' || n))).*
  FROM fund.payable p, generate_series(1, {records}) n WHERE p.setl_id = 'R1';
ANALYZE fund.record, fund.payable
"""


def many(size: int) -> Set:
    """GOOD with `size` records more, every second on its way in an order of ten, and about as many items of other months."""
    content = deepcopy(GOOD)
    half = size // 2
    more = 600 * half  # the money of what is on its way
    for file, row, opening, balance in (("balances", 1, 20_000, 50_000), ("balances", 4, 120_000, 120_000),
                                        ("trial_balance", 1, 20_000, 50_000), ("trial_balance", 3, 120_000, 120_000)):  # fmt: skip
        content[file][row][2], content[file][row][5] = f"{opening + more}.00", f"{balance + more}.00"
    content["bank"][1][3] = f"{50_000 + more}.00"
    content["open_items"][0][6] = f"{300 + 600 * half}.00"  # 9101
    content["open_items"][1][6] = f"{600 + 400 * size}.00"  # 9102
    for n in range(1, size + 1):
        flying = n > half
        content["records"].append(
            [
                f"G{n}",
                "pool",
                "1000.00",
                "600.00",
                "S" if flying else "N",
                f"OLD{n % (half // 10)}" if flying else "",
            ]
        )
    content["orders"] = [
        [f"OLD{n}", "9101", HOSPITAL, "pool", "2026", "202610", "inpatient", "6000.00", OWN, "示例医院", "6222000000000001",
         "示例银行", "102521000000", "2026-10-30", ""]
        for n in range(half // 10)
    ]  # fmt: skip
    content["open_items"] += [
        ["9203", f"H4201009{n:04}", "pool", "2025", f"2025{month:02}", category, "1000.00", "", "", "", ""]
        for n in range(1, size // 48 + 1) for month in range(1, 13) for category in ("inpatient", "outpatient", "chronic", "pharmacy")
    ]  # fmt: skip
    return content


def taken(town: Town, folder: Path, size: int) -> dict[str, float]:
    """Seconds of each step."""
    spent: dict[str, float] = {}

    def step(name: str, since: float) -> float:
        spent[name] = perf_counter() - since
        return perf_counter()

    at = perf_counter()
    found, wrong = read_set(write(folder, many(size)), BOOK, DAY)
    assert wrong == []
    at = step("read", at)
    with town.tx("li") as tx:
        version = stage(tx, BOOK, DAY, found, ON, lambda _done, _total: None)
        at = step("stage", at)
        digest = propose(tx, BOOK, version, found.digest(BOOK, DAY))
    at = step("propose", at)
    with town.tx("qian") as tx:
        confirm_cutover(tx, BOOK, DAY, digest, ON)
    step("confirm", at)
    return spent


@pytest.mark.parametrize("size", [9_600, 96_000])
def test_a_large_cutover(town: Town, bill: Any, tmp_path: Path, size: int) -> None:
    town.begin(fen=0)
    take_october(town, bill)
    town.month.pretend(_ROWS.format(institutions=size // 48, hospital=HOSPITAL, records=size))
    spent = taken(town, tmp_path / "set", size)
    print(size, {name: round(seconds, 1) for name, seconds in spent.items()})  # noqa: T201 the measure
    assert sum(spent.values()) < 120 * size / 96_000 + 10, spent
    assert town.value("SELECT count(*) FROM fund.payable WHERE recognised_by = 'OPEN:2'") == size + 2
    # the copies are no records the platform sent (their digests say so); what was opened ties to them all the same
    found = verify(town.month.database.auditor_engine, town.home)
    assert [breach for breach in found if breach.promise.startswith("T")] == []
