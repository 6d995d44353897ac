"""Taking over a book: one set, every difference told, two persons, and every tie from the first day on."""

from __future__ import annotations

import csv
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.control.verify import verify
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from ledger.fund.advances.offset import due_offsets
from ledger.fund.advances.quota import monthly_settlement
from ledger.fund.cutover.files import FILES
from ledger.fund.cutover.opening import confirm_cutover, refuse_cutover
from ledger.fund.cutover.read import read_set
from ledger.fund.cutover.store import differences, propose, read_cutovers, sealed_set, stage
from ledger.simulation.people import DEMO_REGION
from reports.cutover import as_csv, as_document, cutover_report
from tests.scenes.month import HOSPITAL
from tests.scenes.town import FISCAL, OWN, Town

BOOK = Book(DEMO_REGION, 310)
DAY = date(2026, 10, 31)
ON = date(2026, 11, 2)
Set = dict[str, list[list[str]]]

GOOD: Set = {
    "balances": [
        ["1003", FISCAL, "100000.00", "60000.00", "60000.00", "100000.00"],
        ["1004", OWN, "20000.00", "60000.00", "30000.00", "50000.00"],
        ["110102", HOSPITAL, "0", "2000.00", "0", "2000.00"],
        ["110105", "", "0", "600.00", "0", "600.00"],
        ["300101", "", "120000.00", "0", "0", "120000.00"],
        ["400101", "", "0", "0", "60000.00", "60000.00"],
        ["50010101", "", "0", "27400.00", "0", "27400.00"],
    ],
    "history": [
        ["2025", "400101", "", "0", "900000.00"],
        ["2025", "50010101", "", "300000.00", "0"],
        ["202609", "50010101", "", "2500.00", "0"],
        ["202609", "9202", HOSPITAL, "0", "3000.00"],
        ["2025", "9201", HOSPITAL, "0", "24000.00"],
    ],
    "open_items": [
        ["9101", HOSPITAL, "pool", "2026", "202610", "inpatient", "300.00", "", "", "", ""],
        ["9102", HOSPITAL, "pool", "2026", "202610", "inpatient", "600.00", "", "", "", ""],
        ["110105", HOSPITAL, "pool", "2026", "202610", "inpatient", "600.00", "", "", "", ""],
        ["9201", HOSPITAL, "pool", "2026", "202609", "inpatient", "6000.00", "", "", "", ""],
        ["9202", HOSPITAL, "pool", "2026", "202609", "inpatient", "3000.00", "", "", "", ""],
        ["9103", HOSPITAL, "pool", "2026", "202609", "inpatient", "250.00", "", "", "", ""],
        ["9105", HOSPITAL, "pool", "2026", "202609", "inpatient", "500.00", "", "", "", ""],
        ["9203", HOSPITAL, "pool", "2025", "202512", "inpatient", "1000.00", "", "", "", ""],
        ["9106", HOSPITAL, "pool", "2025", "202512", "inpatient", "435.00", "", "", "", ""],
        ["110102", HOSPITAL, "", "2026", "", "", "2000.00", "YF-2026-01", "5000.00", "2026-01-31", "offset"],
        ["deduction", HOSPITAL, "", "", "202610", "", "40.00", "KK-1", "", "", ""],
    ],
    "records": [
        ["R1", "pool", "1000.00", "600.00", "Y", "OLD-1"],
        ["R2", "pool", "500.00", "300.00", "N", ""],
    ],
    "orders": [],
    "bank": [
        [FISCAL, "statement", "2026-10-31", "100000.00", "", ""],
        [OWN, "statement", "2026-10-31", "50000.00", "", "对账单余额"],
    ],
    "trial_balance": [
        ["1003", "财政专户存款", "100000.00", "60000.00", "60000.00", "100000.00"],
        ["1004", "支出户存款", "20000.00", "60000.00", "30000.00", "50000.00"],
        ["1101", "暂付款", "0", "2600.00", "0", "2600.00"],
        ["3001", "一般基金结余", "120000.00", "0", "0", "120000.00"],
        ["4001", "社会保险费收入", "0", "0", "60000.00", "60000.00"],
        ["5001", "社会保险待遇支出", "0", "27400.00", "0", "27400.00"],
    ],
}  # fmt: skip


def write(folder: Path, content: Set) -> Path:
    folder.mkdir(exist_ok=True)
    for name, heads in FILES.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([heads, *content[name]])
    return folder


@pytest.fixture
def old(town: Town, bill: Any) -> Town:
    """The town before its first voucher, its October loaded."""
    town.begin(fen=0)
    take_october(town, bill)
    return town


def take_october(town: Town, bill: Any) -> None:
    town.month.take(
        bill("R1", fund=100_000, day="2026-10-12"),
        bill("R2", fund=50_000, day="2026-10-30"),
        bill("R3", fund=70_000, day="2026-11-01"),
    )


def proposed(town: Town, folder: Path, content: Set = GOOD) -> str:
    found, wrong = read_set(write(folder, content), BOOK, DAY)
    assert wrong == []
    with town.tx("li") as tx:
        digest = sealed_set(tx, found).digest(BOOK, DAY)
        version = stage(tx, BOOK, DAY, found, ON, lambda _done, _total: None)
        assert differences(tx, BOOK, version) == []
        assert propose(tx, BOOK, version, digest) == digest
    return digest


def opened(town: Town, folder: Path, content: Set = GOOD) -> str:
    digest = proposed(town, folder, content)
    with town.tx("qian") as tx:
        done = confirm_cutover(tx, BOOK, DAY, digest, ON)
    assert done.vouchers == ["记-202610-1", "备-202610-1"]
    return digest


def test_a_book_is_opened_whole_and_every_tie_holds(old: Town, tmp_path: Path) -> None:
    digest = opened(old, tmp_path / "set")
    old.verified()
    assert old.balance(1004) == 5_000_000
    assert old.balance(3001) == -12_000_000
    assert old.balance(9103) == -25_000
    # 9001 is what the open items come to: 1,500 of October, 9,750 of September, 1,435 of 2025.
    assert (
        old.balance(9001, term=202610),
        old.balance(9001, term=202609),
        old.balance(9001, term=202512),
    ) == (150_000, 975_000, 143_500)
    assert old.balance(9201, term=202610) == -60_000  # computed from 110105
    assert old.value("SELECT array_agg(DISTINCT event) FROM books.entry") == ["OPEN"]
    with old.tx("li") as tx:
        [one] = read_cutovers(tx, BOOK)
        assert (one.state, one.digest, one.proposed_by, one.decided_by) == ("confirmed", digest, "li", "qian")
        document = as_document(cutover_report(tx, BOOK))
        assert digest in as_csv(cutover_report(tx, BOOK))
        assert document["rows"][-1] | {"lines": 0} == {
            "account": "", "name": "会计账借贷差（应为零）", "party": "", "year_open_fen": "0", "debit_fen": "15000000",
            "credit_fen": "15000000", "balance_fen": "0", "lines": 0, "total": True,
        }  # fmt: skip
        [due] = due_offsets(tx, 310, HOSPITAL, 202611)
        assert (due.kind, due.amount_fen) == ("prepayment", 200_000)
        # A year of 24,000 in twelve months and one month of 3,000; October's opening is no turnover.
        assert monthly_settlement(tx, 310, HOSPITAL, ON, 2) == 2_700_000 // 13


def test_daily_month_and_return_draw_on_what_was_opened(old: Town, tmp_path: Path) -> None:
    opened(old, tmp_path / "set")
    paid = old.pay_daily(date(2026, 11, 3))
    # R2, owed from October, and November's R3; R1 was paid before and is not paid again.
    assert sum(order.amount_fen for order in paid) == 30_000 + 42_000
    old.verified()
    sheet = old.settle(HOSPITAL, 202610, date(2026, 11, 5), date(2026, 11, 25))
    # round(1500 × 0.95) − 40 other − 900 paid by the day, and 250 brought forward.
    assert sheet.figures.result_fen == 142_500 - 4_000 - 90_000 + 25_000
    assert old.balance(110105, term=202610) == 0
    old.verified()
    [order] = old.pay_month(date(2026, 11, 26))
    assert order.amount_fen == 73_500
    assert old.balance(9103) == 0
    old.verified()
    old.receipt(paid[0], date(2026, 11, 27), back=True)
    old.verified()


def test_what_was_settled_before_is_paid_without_a_sheet_of_ours(old: Town, tmp_path: Path) -> None:
    opened(old, tmp_path / "set")
    [order] = old.pay_month(date(2026, 11, 4))
    assert (order.amount_fen, order.purpose[:6]) == (25_000, "202609")
    assert old.balance(9103) == 0
    old.verified()


BROKEN: list[tuple[str, int, int, str, str, int, str]] = [
    ("balances", 1, 5, "50000.01", "balances", 3, "cutover.line_tie"),
    ("balances", 1, 1, "NOBODY", "balances", 3, "cutover.party_unknown"),
    ("balances", 2, 1, "", "balances", 4, "cutover.party_missing"),
    ("balances", 4, 1, HOSPITAL, "balances", 6, "cutover.party_unasked"),
    ("balances", 4, 0, "3001", "balances", 6, "cutover.account_not_leaf"),
    ("balances", 4, 0, "300199", "balances", 6, "cutover.account_unknown"),
    ("balances", 5, 2, "1.00", "balances", 7, "cutover.year_open_flow"),
    ("balances", 3, 5, "600.01", "balances", 5, "cutover.items_differ"),
    ("balances", 6, 0, "9001", "balances", 8, "cutover.not_carried"),
    ("open_items", 5, 0, "9104", "open_items", 7, "cutover.not_carried"),
    ("open_items", 5, 0, "9502", "open_items", 7, "cutover.not_carried"),
    ("open_items", 0, 6, "300.01", "open_items", 2, "cutover.records_differ"),
    ("open_items", 1, 6, "599.99", "open_items", 3, "cutover.records_differ"),
    ("open_items", 2, 6, "599.99", "open_items", 4, "cutover.paid_differs"),
    ("open_items", 5, 1, "H42010009999", "open_items", 7, "cutover.party_unknown"),
    ("open_items", 5, 4, "202611", "open_items", 7, "cutover.key"),
    ("open_items", 9, 6, "1999.99", "balances", 4, "cutover.items_differ"),
    ("open_items", 9, 8, "1999.99", "open_items", 11, "cutover.advance"),
    ("open_items", 10, 6, "0", "open_items", 12, "cutover.deduction"),
    ("records", 0, 0, "R9", "records", 2, "cutover.record_unknown"),
    ("records", 1, 0, "R1", "records", 3, "cutover.twice"),
    ("records", 1, 0, "R3", "records", 3, "cutover.record_late"),
    ("records", 0, 3, "599.99", "records", 2, "cutover.record_amount"),
    ("records", 0, 5, "", "records", 2, "cutover.record_paid"),
    ("records", 0, 4, "yes", "records", 2, "cutover.format"),
    ("history", 0, 0, "2023", "history", 2, "cutover.history"),
    ("history", 2, 0, "202509", "history", 3, "cutover.history_both"),
    ("trial_balance", 2, 5, "2600.01", "trial_balance", 4, "cutover.trial_differs"),
    ("trial_balance", 3, 0, "3002", "trial_balance", 5, "cutover.account_unknown"),
    ("trial_balance", 3, 0, "2101", "balances", 6, "cutover.trial_missing"),
    ("balances", 0, 2, "1,000.00", "balances", 2, "amount.format"),
]  # fmt: skip


@pytest.fixture
def told(town: Town, tmp_path: Path) -> Any:
    """What is told of a set with one cell changed; nothing stays."""

    def ask(content: Set) -> list[tuple[str, int, str]]:
        found, wrong = read_set(write(tmp_path / "broken", content), BOOK, DAY)
        with pytest.raises(LookupError), town.tx("li") as tx:
            wrong += differences(tx, BOOK, stage(tx, BOOK, DAY, found, ON, lambda _done, _total: None))
            raise LookupError
        return [(one.file, one.line, one.code) for one in wrong]

    return ask


def test_every_difference_is_told_by_file_line_and_code(old: Town, told: Any) -> None:
    assert told(GOOD) == []
    missed = []
    for file, row, column, value, at, line, code in BROKEN:
        content = deepcopy(GOOD)
        content[file][row][column] = value
        answer = told(content)
        if (at, line, code) not in answer:
            missed.append(((file, row, column, value), code, answer))
    assert missed == []
    assert old.value("SELECT count(*) FROM fund.cutover") == 0
    several = deepcopy(GOOD)
    several["balances"][1][5], several["records"][0][0] = "50000.01", "R9"
    assert {
        ("balances", 3, "cutover.line_tie"),
        ("records", 2, "cutover.record_unknown"),
        ("balances", 0, "cutover.unbalanced"),
    } <= set(told(several))


def test_a_set_off_by_a_fen_is_refused_whole_by_the_database(old: Town, tmp_path: Path) -> None:
    content = deepcopy(GOOD)
    content["trial_balance"][0][5] = "99999.99"
    found, _ = read_set(write(tmp_path / "off", content), BOOK, DAY)
    with pytest.raises(Conflict) as refused, old.tx("li") as tx:
        propose(
            tx, BOOK, stage(tx, BOOK, DAY, found, ON, lambda _done, _total: None), found.digest(BOOK, DAY)
        )
    assert refused.value.code == "cutover.differs"
    assert old.value("SELECT count(*) FROM fund.cutover") == 0


def test_two_persons_one_digest_once(old: Town, tmp_path: Path) -> None:
    with pytest.raises(NotFound), old.tx("qian") as tx:
        confirm_cutover(tx, BOOK, DAY, "0" * 64, ON)
    digest = proposed(old, tmp_path / "set")
    found, _ = read_set(tmp_path / "set", BOOK, DAY)
    with pytest.raises(Conflict) as again, old.tx("li") as tx:
        stage(tx, BOOK, DAY, found, ON, lambda _done, _total: None)
    assert again.value.code == "cutover.pending"
    with pytest.raises(Forbidden), old.tx("li") as tx:
        confirm_cutover(tx, BOOK, DAY, digest, ON)
    with pytest.raises(Conflict) as other, old.tx("qian") as tx:
        confirm_cutover(tx, BOOK, DAY, "0" * 64, ON)
    assert other.value.code == "cutover.changed"
    with old.tx("qian") as tx:
        refuse_cutover(tx, BOOK, digest, "余额表未盖章", ON)
    old.verified()
    opened(old, tmp_path / "set")
    for code, act in (("cutover.done", "stage"), ("cutover.done", "confirm")):
        with pytest.raises(Conflict) as done, old.tx("li" if act == "stage" else "qian") as tx:
            if act == "stage":
                stage(tx, BOOK, DAY, found, ON, lambda _done, _total: None)
            else:
                confirm_cutover(tx, BOOK, DAY, digest, ON)
        assert done.value.code == code
    old.verified()


def test_after_the_first_voucher_at_no_month_end_or_in_the_future(
    town: Town, bill: Any, tmp_path: Path
) -> None:
    take_october(town, bill)
    found, _ = read_set(write(tmp_path / "set", GOOD), BOOK, DAY)
    for day, on in ((date(2026, 10, 30), ON), (DAY, date(2026, 10, 30))):
        with pytest.raises(InvalidInput) as wrong, town.tx("li") as tx:
            stage(tx, BOOK, day, found, on, lambda _done, _total: None)
        assert wrong.value.code == "cutover.day"
    town.begin(fen=0)
    digest = proposed(town, tmp_path / "set")
    town.by_hand("收入", (debit(1003, 1, Dimensions(FISCAL)), credit(400101, 1)))
    with pytest.raises(Conflict) as late, town.tx("qian") as tx:
        confirm_cutover(tx, BOOK, DAY, digest, ON)
    assert late.value.code == "cutover.not_first"
    assert town.value("SELECT count(*) FROM books.entry WHERE event = 'OPEN'") == 0
    assert town.value("SELECT count(*) FROM fund.payable WHERE recognised_by <> ''") == 0


def test_nothing_is_posted_on_or_before_the_day(old: Town, tmp_path: Path) -> None:
    opened(old, tmp_path / "set")
    with pytest.raises(Conflict) as early:
        old.by_hand("收入", (debit(1003, 1, Dimensions(FISCAL)), credit(400101, 1)))  # dated 12 October
    assert early.value.code == "voucher.date_backwards"  # the opening entry is dated the 31st


CHANGES = [
    ("UPDATE fund.cutover_line SET balance_fen = balance_fen + 1 WHERE account = 9105", {"INV-12", "T6"}, "cutover"),
    ("UPDATE fund.cutover_history SET debit_fen = debit_fen + 1 WHERE line = 2", {"INV-12"}, "cutover"),
    ("UPDATE fund.payable SET order_no = '' WHERE setl_id = 'R1'", {"INV-12", "T2"}, "record R1"),
    ("UPDATE fund.payable SET recognised_by = 'OPEN:2' WHERE setl_id = 'R3'", {"INV-12"}, "record R3"),
    ("UPDATE fund.advance SET amount_fen = amount_fen + 1", {"INV-12", "T9"}, "paper OPEN-420100-310-11"),
    ("UPDATE fund.other_deduction SET amount_fen = amount_fen - 1", {"INV-12"}, "paper OPEN-310-12"),
    ("UPDATE fund.cutover SET decided_by = 'nobody'", {"INV-11", "INV-12"}, "cutover"),
    ("DELETE FROM fund.cutover_record; DELETE FROM fund.cutover_line WHERE account = 9103", {"INV-12"}, "record R2"),
]  # fmt: skip


@pytest.fixture
def broken(old: Town, tmp_path: Path) -> Town:
    opened(old, tmp_path / "set")
    old.verified()
    return old


@pytest.mark.parametrize(("change", "promises", "where"), CHANGES)
def test_verify_names_an_opened_row_that_was_changed(
    broken: Town, change: str, promises: set[str], where: str
) -> None:
    broken.month.pretend(change)
    found = verify(broken.month.database.auditor_engine, broken.home)
    assert promises <= {breach.promise for breach in found}, found
    assert any(where in breach.entry for breach in found), found


def test_opened_rows_come_by_no_other_way(old: Town) -> None:
    for statement in (
        "UPDATE fund.payable SET order_no = 'OPEN' WHERE setl_id = 'R1'",
        "UPDATE fund.payable SET recognised_by = 'OPEN:2' WHERE setl_id = 'R1'",
    ):
        with pytest.raises(Forbidden) as refused, old.tx("zhao") as tx:
            tx.run(statement)  # type: ignore[arg-type]
        assert refused.value.code == "cutover.not_opened"
