"""What happens to a book after its cut-over: money paid before that comes back, one bank account under two books, an added account."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.ports import Direction
from ledger.books.manual import ManualContent, approve_voucher, draft_voucher
from ledger.books.papers import named_papers
from ledger.books.sub_accounts import decide_account, propose_account
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import Conflict
from ledger.fund.cutover.opening import confirm_cutover
from ledger.fund.cutover.read import read_set
from ledger.fund.cutover.store import differences, propose, sealed_set, stage
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.parties import Counterparty, add_counterparty, confirm_counterparty
from ledger.payments.incoming.stated import take_line
from ledger.payments.statements.listing import open_rows
from ledger.simulation.people import DEMO_REGION
from tests.fund.cutover.test_carried import paper, take_statement
from tests.fund.cutover.test_cutover import BOOK, DAY, GOOD, ON, Set, opened, take_october, told, write
from tests.scenes.month import HOSPITAL
from tests.scenes.town import FISCAL, OWN, Town

__all__ = ["told"]
RESIDENTS = Book(DEMO_REGION, 390)
THERE = 430100


@pytest.fixture
def old(town: Town, bill: Any) -> Town:
    town.begin(fen=0)
    take_october(town, bill)
    return town


def test_a_record_paid_before_and_reversed_is_netted_once(old: Town, bill: Any, tmp_path: Path) -> None:
    """R1 (600.00 paid by the old system) is reversed on 4 November: the next payout is 300 + 420 − 600."""
    opened(old, tmp_path / "set")
    old.month.take(bill("R1X", fund=-100_000, cash=-20_000, day="2026-11-04", init="R1"))
    [order] = old.pay_daily(date(2026, 11, 6))
    assert order.amount_fen == 30_000 + 42_000 - 60_000
    assert old.balance(9101) == old.balance(9104) == 0
    assert old.balance(9001, term=202611) == 70_000 - 100_000
    assert old.balance(110105) == 60_000 + 12_000
    assert old.pay_daily(date(2026, 11, 9)) == []
    old.verified()


def test_a_payment_of_before_that_comes_back_waits_for_two_persons(old: Town, tmp_path: Path) -> None:
    """OLD-1 was paid for good in the old books: its return is no return of ours, and R1 is not paid a second time by itself."""
    opened(old, tmp_path / "set")
    number = paper(
        old,
        Direction.CREDIT,
        60_000,
        "OLD-1",
        date(2026, 11, 4),
        return_code="MS03",
        return_reason="收款行退回",
    )
    assert old.month.asked("SELECT outcome FROM payments.evidence") == [("suspense",)]
    assert old.value("SELECT order_no FROM fund.payable WHERE setl_id = 'R1'") == "OPEN"
    assert (old.balance(1004), old.balance(110105)) == (5_000_000, 60_000)
    old.verified()
    day, legs = (
        date(2026, 11, 5),
        (debit(1004, 60_000, Dimensions(OWN)), credit(200109, 60_000, Dimensions(HOSPITAL))),
    )
    with old.tx("li") as tx:
        papers = named_papers(tx, BOOK, legs, (f"camt.054:{number}",), take_line)
        drafted = draft_voucher(
            tx, BOOK, ManualContent(day, "原系统付款退回", "退汇回单", legs, papers=papers), day
        )
    with old.tx("qian") as tx:
        approve_voucher(tx, BOOK, drafted.voucher_id, drafted.digest, day)
    assert (old.balance(1004), old.balance(200109)) == (5_060_000, -60_000)
    assert old.month.asked("SELECT outcome FROM payments.evidence") != [("suspense",)]
    assert [order.amount_fen for order in old.pay_daily(date(2026, 11, 6))] == [72_000]
    old.verified()


def residents() -> Set:
    """The residents' book: 70.00 in the same 支出户, 20.00 of it a deposit the bank has not credited yet."""
    return {
        "balances": [
            ["1003", FISCAL, "30.00", "0", "0", "30.00"], ["1004", OWN, "70.00", "0", "0", "70.00"],
            ["3001", "", "100.00", "0", "0", "100.00"],
        ],
        "history": [], "open_items": [], "records": [], "orders": [],
        "bank": [
            [FISCAL, "statement", "2026-10-31", "30.00", "", ""], [OWN, "statement", "2026-10-31", "50.00", "", ""],
            [OWN, "book_in", "2026-10-31", "20.00", "IN9", "在途缴存"],
        ],
        "trial_balance": [
            ["1003", "财政专户存款", "30.00", "0", "0", "30.00"], ["1004", "支出户存款", "70.00", "0", "0", "70.00"],
            ["3001", "一般基金结余", "100.00", "0", "0", "100.00"],
        ],
    }  # fmt: skip


def taken_over(town: Town, folder: Path, book: Book, content: Set) -> None:
    found, wrong = read_set(write(folder, content), book, DAY)
    assert wrong == []
    with town.tx("li") as tx:
        digest = sealed_set(tx, found).digest(book, DAY)
        version = stage(tx, book, DAY, found, ON, lambda _done, _total: None)
        assert differences(tx, book, version) == []
        propose(tx, book, version, digest)
    with town.tx("qian") as tx:
        confirm_cutover(tx, book, DAY, digest, ON)


@pytest.mark.parametrize("first", [310, 390])
def test_two_books_share_one_bank_account(old: Town, tmp_path: Path, first: int) -> None:
    """50,000.00 and 50.00 lie in one account: the bank's next statement begins with 50,050.00, whichever book came first."""
    content = deepcopy(GOOD)
    content["bank"][1:] = [
        [OWN, "statement", "2026-10-31", "50250.00", "", ""],
        [OWN, "book_out", "2026-10-29", "300.00", "CHQ001", "支票未兑付"],
        [OWN, "book_in", "2026-10-30", "50.00", "IN77", "在途缴存"],
    ]
    sets = [(BOOK, content), (RESIDENTS, residents())]
    for n, (book, said) in enumerate(sets if first == 310 else sets[::-1]):
        taken_over(old, tmp_path / f"set{n}", book, said)
        if n == 0:
            old.verified()
    old.verified()
    with pytest.raises(Conflict) as alone:
        take_statement(old, 5_025_000)
    assert alone.value.code == "statement.opening"
    take_statement(old, 5_025_000 + 5_000)
    with old.tx("li") as tx:
        assert sorted((row.effect_fen, row.paper) for row in open_rows(tx, OWN) if row.side == "book") == [
            (-30_000, "CHQ001"), (2_000, "IN9"), (5_000, "IN77"),
        ]  # fmt: skip
    old.verified()


def test_an_added_account_is_taken_over_and_4101_as_it_was_before(
    old: Town, tmp_path: Path, told: Any
) -> None:
    """440101 is divided before the set; 4101's own turnover of an earlier year stays whole, this year's stands on its leaves."""
    with old.tx("li") as tx:
        digest = bytes.fromhex(propose_account(tx, BOOK, 44010101, "省级补助", DAY).digest)
    with old.tx("qian") as tx:
        decide_account(tx, BOOK, 44010101, digest, DAY)
    content = deepcopy(GOOD)
    content["balances"][5] = ["400101", "", "0", "0", "40000.00", "40000.00"]
    content["balances"] += [
        ["44010101", "", "0", "0", "12000.00", "12000.00"],
        ["41010302", "", "0", "0", "8000.00", "8000.00"],
    ]
    content["history"].append(["2025", "4101", "", "0", "7000.00"])
    content["trial_balance"][4:5] = [
        ["4001", "社会保险费收入", "0", "0", "40000.00", "40000.00"],
        ["4401", "上级补助收入", "0", "0", "12000.00", "12000.00"],
        ["4101", "财政补贴收入", "0", "0", "8000.00", "8000.00"],
    ]
    assert told(content) == []
    for row, account in ((7, "440101"), (8, "4101")):
        wrong = deepcopy(content)
        wrong["balances"][row][0] = account
        assert ("balances", row + 2, "cutover.account_not_leaf") in told(wrong)
    late = deepcopy(content)
    late["history"][-1][0] = "2026"
    assert ("history", 7, "cutover.history") in told(late)
    opened(old, tmp_path / "set", content)
    assert (old.balance(44010101), old.balance(4101)) == (-1_200_000, -800_000)
    old.verified()


def test_what_is_owed_for_other_regions_patients_comes_by_its_records(
    old: Town, bill: Any, tmp_path: Path, told: Any
) -> None:
    """95xx is no part of a set: the record of October nobody paid is recognised after it, and paid of the money taken over."""
    guests = bill("G1", fund=80_000, day="2026-10-20", pay_loc="4", insu_admdvs="430102")
    guests["setlinfo"]["out_flag"] = "2"
    party = Counterparty(
        THERE, "邻市医保中心", "对方专户", "4300000000001003", "模拟银行", "102421000001", "", ""
    )
    with old.tx("zhao") as tx:
        add_counterparty(tx, party)
    with old.tx("qian") as tx:
        confirm_counterparty(tx, THERE, date(2026, 10, 1))
    content = deepcopy(GOOD)
    content["balances"][1][5] = "51000.00"
    content["balances"][1][3] = "61000.00"
    content["balances"].append(["200103", str(THERE), "0", "0", "1000.00", "1000.00"])
    content["bank"][1][3] = "51000.00"
    content["trial_balance"][1][3:] = ["61000.00", "30000.00", "51000.00"]
    content["trial_balance"].append(["2001", "暂收款", "0", "0", "1000.00", "1000.00"])
    wrong = deepcopy(content)
    wrong["open_items"].append(
        ["9502", HOSPITAL, "pool", "2026", "202610", str(THERE), "800.00", "", "", "", ""]
    )
    assert ("open_items", 13, "cutover.not_carried") in told(wrong)
    opened(old, tmp_path / "set", content)
    old.verified()
    old.month.take(guests)
    day = date(2026, 11, 3)
    with old.tx("zhao") as tx:
        done = recognise_outregion(tx, 310, day, day)
        assert (done.care, done.refused) == (1, [])
        made = draft_hospital_orders(tx, 310, 202610, day)
    assert old.balance(9502) == -80_000
    [paid] = old.pay(made.batch, day)
    assert paid.amount_fen == 80_000
    assert (old.balance(200103), old.balance(9502), old.balance(9504)) == (-20_000, 0, -80_000)
    old.verified()
