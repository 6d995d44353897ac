"""Money coming back: each kind by its own entry, all cash by 1003, nothing more than was spent, every paper once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest

from adapters.banks.ports import Direction
from ledger.books.correcting import draft_red
from ledger.books.manual import approve_voucher
from ledger.core.entries import Book
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.fund.refunds.refund import (
    Refund,
    RefundLine,
    RefundRequest,
    approve_refund,
    read_refunds,
    refuse_refund,
    request_refund,
)

H = "H42010000001"
FISCAL, OWN = "4200000000001003", "4200000000001004"
DEC = date(2026, 12, 28)
LINE = RefundLine(9103, "pool", 2026, 202610, "inpatient", 450_000)
V5 = RefundRequest(310, H, "same_year", "agreement", FISCAL, DEC, 450_000, "追〔2026〕1号", "JK0001", (LINE,))


@pytest.fixture
def settled(town: Any, bill: Any) -> Any:
    """October settled and paid: 5001 holds 9,500.00."""
    town.begin("P1")
    town.month.take(bill("a1", fund=1_000_000))
    town.pay_daily(date(2026, 10, 13))
    town.settle(H, 202610, date(2026, 11, 9), date(2026, 11, 25))
    town.pay_month(date(2026, 12, 8))
    town.open(DEC)
    assert town.balance(5001) == 950_000
    return town


def ask(town: Any, asked: RefundRequest, day: date = DEC, user: str = "zhao") -> Refund:
    with town.tx(user) as tx:
        return request_refund(tx, asked, day)


def agree(town: Any, key: str, day: date = DEC, user: str = "qian") -> Refund:
    with town.tx(user) as tx:
        return approve_refund(tx, key, day)


def refused(act: Callable[[], object], kind: type[LedgerError]) -> str:
    with pytest.raises(kind) as refusal:
        act()
    return refusal.value.code


def test_v5_cash_of_this_year_lowers_expense_and_row_seven_stays_gross(settled: Any) -> None:
    key = ask(settled, V5).refund_id
    assert ask(settled, V5).refund_id == key
    assert settled.balance(9209) == 0
    fiscal = settled.balance(1003)
    agree(settled, key)
    agree(settled, key)
    assert settled.balance(1003) - fiscal == 450_000
    assert (settled.balance(5001), settled.balance(9209), settled.balance(9103)) == (
        500_000,
        450_000,
        -450_000,
    )
    assert (settled.balance(9201), settled.balance(9202)) == (-600_000, -350_000)
    rows = settled.month.asked(
        "SELECT rule, prepared_by, reviewed_by, evidence, evidence_digest FROM books.entry WHERE event = 'REF'"
    )
    [refund] = [r for r in read(settled) if r.refund_id == key]
    assert [(*row[:4], bytes(row[4])) for row in rows] == [
        ("REF.same_year@1", "zhao", "qian", "缴款凭证JK0001，追〔2026〕1号", refund.digest)
    ]
    settled.verified()


def read(town: Any) -> list[Refund]:
    with town.tx() as tx:
        return read_refunds(tx)


def test_cash_of_an_earlier_year_is_income_and_never_negative_expense(settled: Any) -> None:
    later = date(2027, 2, 3)
    settled.open(later)
    old = replace(V5, kind="earlier_year", received_on=later, ordered_by="regulator")
    assert (
        refused(lambda: ask(settled, replace(V5, received_on=later), later), Conflict)
        == "refund.not_expensed"
    )
    assert refused(lambda: ask(settled, replace(V5, kind="earlier_year")), Conflict) == "refund.not_expensed"
    agree(settled, ask(settled, old, later).refund_id, later)
    assert (settled.balance(5001), settled.balance(4501), settled.balance(9209)) == (
        950_000,
        -450_000,
        450_000,
    )
    too_much = replace(
        old, amount_fen=500_001, lines=(LINE._replace(amount_fen=500_001),), document="追2", receipt_no="JK2"
    )
    assert refused(lambda: ask(settled, too_much, later), Conflict) == "refund.not_expensed"
    settled.verified()


def test_daily_money_still_advanced_comes_back_as_advance_whatever_the_year(town: Any, bill: Any) -> None:
    town.begin("P1")
    town.month.take(bill("a1", fund=1_000_000))
    town.pay_daily(date(2026, 10, 13))
    line = LINE._replace(amount_fen=100_000)
    back = replace(V5, kind="daily_advance", amount_fen=100_000, lines=(line,))
    assert refused(lambda: ask(town, replace(back, kind="same_year")), Conflict) == "refund.not_expensed"
    town.open(DEC)
    agree(town, ask(town, back).refund_id)
    assert (town.balance(110105), town.balance(5001), town.balance(9209)) == (500_000, 0, 100_000)
    town.verified()


def test_the_wrong_door_the_wrong_paper_and_the_wrong_person_are_refused(
    settled: Any, second_name: str
) -> None:
    cases: list[tuple[str, RefundRequest]] = [
        ("refund.wrong_door", replace(V5, account=OWN)),
        ("refund.wrong_door", replace(V5, account="62220000")),
        ("refund.fine", replace(V5, kind="fine", ordered_by="regulator")),
        ("refund.kind", replace(V5, kind="gift")),
        ("refund.kind", replace(V5, ordered_by="neighbour")),
        ("refund.lines", replace(V5, amount_fen=1)),
        ("refund.lines", replace(V5, lines=())),
        ("refund.advance", replace(V5, advance_id="ADV-1")),
        ("refund.date", replace(V5, received_on=date(2026, 12, 29))),
        ("request.text", replace(V5, receipt_no="")),
        ("request.amount", replace(V5, amount_fen=-1)),
    ]
    for code, asked in cases:
        assert refused(partial(ask, settled, asked), InvalidInput) == code
    key = ask(settled, V5).refund_id
    assert (
        refused(lambda: ask(settled, replace(V5, receipt_no="JK0002")), Conflict) == "request.document_used"
    )
    other = replace(V5, document="追〔2026〕2号")
    assert refused(lambda: ask(settled, other), Conflict) == "refund.receipt_used"
    assert refused(lambda: agree(settled, key, user="zhao"), Forbidden) == "access.role_missing"
    assert refused(lambda: agree(settled, key, user=second_name), Forbidden) == "request.same_person"
    for statement in (
        "UPDATE fund.refund SET amount_fen = 1",
        "DELETE FROM fund.refund_line",
        "DELETE FROM fund.refund",
    ):
        with pytest.raises(Forbidden), settled.tx() as tx:
            tx.run(statement)
    with settled.tx("qian") as tx:
        refuse_refund(tx, key, DEC, "凭证不清")
    assert refused(lambda: agree(settled, key), Conflict) == "request.decided"
    assert settled.value("SELECT count(*) FROM books.entry WHERE event = 'REF'") == 0


def test_what_is_asked_twice_for_the_same_expense_is_counted_together(settled: Any) -> None:
    ask(settled, V5)
    rest = replace(
        V5, amount_fen=500_001, lines=(LINE._replace(amount_fen=500_001),), document="追2", receipt_no="JK2"
    )
    assert refused(lambda: ask(settled, rest), Conflict) == "refund.not_expensed"
    fits = replace(rest, amount_fen=500_000, lines=(LINE._replace(amount_fen=500_000),))
    assert ask(settled, fits).state == "requested"


def test_an_agreed_penalty_is_other_income_and_no_benefit_money(settled: Any) -> None:
    penalty = replace(V5, kind="penalty", lines=(), amount_fen=8_000)
    agree(settled, ask(settled, penalty).refund_id)
    assert (settled.balance(45010109), settled.balance(9209), settled.balance(5001)) == (-8_000, 0, 950_000)
    settled.verified()


def test_an_institutions_cash_into_the_expenditure_account_posts_nothing(settled: Any) -> None:
    before = settled.balance(1004)
    settled.movement(DEC, Direction.CREDIT, 450_000, other_account="620000000001", other_name="第1医院")
    assert settled.month.asked(
        "SELECT outcome, outcome_code FROM payments.evidence WHERE direction = 'credit'"
    ) == [("suspense", "other_credit")]
    assert settled.balance(1004) == before


def test_a_reversal_after_payout_nets_in_the_next_payout(town: Any, bill: Any) -> None:
    town.begin("P1")
    town.month.take(bill("a1", fund=100_000))
    town.pay_daily(date(2026, 10, 13))
    town.month.take(bill("a1r", fund=-100_000, cash=-20_000, init="a1", day="2026-10-13"))
    assert town.pay_daily(date(2026, 10, 14)) == []
    assert town.balance(9101) == 60_000
    town.month.take(bill("a2", fund=300_000, day="2026-10-14"))
    [order] = town.pay_daily(date(2026, 10, 15))
    assert (order.amount_fen, town.balance(9101), town.balance(110105)) == (120_000, 0, 180_000)
    town.verified()


def test_v3_a_month_payment_returned_by_the_bank_waits_in_2001_and_no_expense_moves(
    town: Any, bill: Any
) -> None:
    town.begin("P1")
    town.month.take(bill("a1", fund=1_000_000))
    town.pay_daily(date(2026, 10, 13))
    town.settle(H, 202610, date(2026, 11, 9), date(2026, 11, 25))
    [paid] = town.pay_month(date(2026, 12, 8))
    town.receipt(paid, date(2026, 12, 31), back=True)
    assert (town.balance(200104), town.balance(5001), town.balance(9103)) == (-350_000, 950_000, -350_000)
    [again] = town.pay_month(date(2027, 1, 5))
    assert again.replaces == paid.order_no
    assert (town.balance(200104), town.balance(5001), town.balance(4501), town.balance(9202)) == (
        0,
        950_000,
        0,
        -350_000,
    )
    town.verified()


def reversed_by_two(town: Any, key: str, day: date = DEC) -> None:
    """The refund's entry in red, memorandum lines too."""
    book = Book(420100, 310)
    with town.tx("li") as tx:
        number = tx.value("SELECT seq FROM books.source WHERE source_key = %(k)s", k=f"REF:{key}")
        made = draft_red(tx, book, str(number), day)
    with town.tx("qian") as tx:
        approve_voucher(tx, book, made.voucher_id, made.digest, day)


def test_a_refund_booked_wrongly_is_reversed_with_its_memorandum(settled: Any) -> None:
    before = {account: settled.balance(account) for account in (1003, 5001, 9103, 9209)}
    first = ask(settled, V5)
    agree(settled, first.refund_id)
    assert settled.balance(9209) == before[9209] + 450_000
    reversed_by_two(settled, first.refund_id)
    assert {account: settled.balance(account) for account in before} == before
    with settled.tx("li") as tx:
        assert read_refunds(tx, key=first.refund_id)[0].state == "reversed"
    again = ask(settled, V5)  # the same paper, booked anew
    assert (again.state, again.refund_id != first.refund_id) == ("requested", True)
    agree(settled, again.refund_id)
    assert settled.balance(5001) == before[5001] - 450_000
