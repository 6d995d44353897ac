"""Fund requests, short money, interest and fees, payments to persons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest

from adapters.banks.ports import BankAccount, Direction
from ledger.control.checks.payments.limits import check_limits
from ledger.control.snapshot import open_snapshot
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.core.persons import mask
from ledger.db.safekeeping.fields import fields
from ledger.fund.cash.fund_request import approve_request, grant, read_requests, request_funds
from ledger.fund.cash.movements import approve_move, read_moves, refuse_move, request_move
from ledger.fund.cash.orders import order_persons
from ledger.fund.cash.persons import PersonRequest, approve_person, read_persons, request_person
from ledger.fund.daily.run import run_daily
from ledger.fund.ordering.draft import REFUSALS, refusal_words, refused_json
from ledger.fund.ordering.forecast import KINDS, Due, Reserved, forecast, kind_order, reserved_before
from ledger.payments.orders.approve import discard, discard_in
from ledger.simulation.people import DEMO_REGION

H, OTHER = "H42010000001", "H42010000002"
DAY = date(2026, 10, 13)
PERSON = PersonRequest(
    310, "maternity_allowance", "42010000000077", "pool", 2026, 202610, "maternity_allowance", 1_280_000, "生津〔2026〕7号",
    BankAccount("王小明", "6217000000000123", "模拟银行", "102421000009"), DAY,
)  # fmt: skip


def refused(act: Callable[[], object], kind: type[LedgerError]) -> str:
    with pytest.raises(kind) as refusal:
        act()
    return refusal.value.code


def choose(town: Any, key: str, value: str) -> None:
    town.choose(key, value, date(2026, 10, 1))


def asked_person(town: Any, asked: PersonRequest = PERSON, user: str = "zhao") -> Any:
    with town.tx(user) as tx:
        return request_person(tx, asked, DAY)


def agreed_person(town: Any, asked: PersonRequest = PERSON) -> str:
    key = str(asked_person(town, asked).payment_id)
    with town.tx("qian") as tx:
        approve_person(tx, key, DAY)
    return key


def test_the_request_is_what_falls_due_less_what_is_there_and_is_granted_once(
    town: Any, bill: Any, second_name: str
) -> None:
    town.begin(fen=20_000)
    town.month.take(
        bill("a1"), bill("b1", institution=OTHER), bill("b2", institution=OTHER, day="2026-10-13")
    )
    agreed_person(town, replace(PERSON, due_on=date(2026, 10, 20)))
    with town.tx() as tx:
        assert forecast(tx, 310, DAY, DAY) == [Due("daily", DAY, 120_000)]
        assert forecast(tx, 310, DAY, date(2026, 10, 20))[-1] == Due("person", date(2026, 10, 20), 1_280_000)
        made = request_funds(tx, 310, DAY, DAY)
        assert (made.forecast_fen, made.available_fen, made.amount_fen) == (120_000, 20_000, 100_000)
        assert request_funds(tx, 310, DAY, DAY) == made
    key = made.request_id

    def granted(receipt: str, fen: int, user: str = "li") -> Any:
        with town.tx(user) as tx:
            return grant(tx, key, receipt, fen, DAY, DAY)

    assert refused(lambda: granted("CZ1", 100_000), Conflict) == "cash.not_approved"
    for user in ("zhao", second_name):
        with pytest.raises(Forbidden), town.tx(user) as tx:
            approve_request(tx, key, DAY)
    with town.tx("qian") as tx:
        approve_request(tx, key, DAY)
    assert town.balance(1004) == 20_000
    assert refused(lambda: granted("CZ1", 100_001), InvalidInput) == "cash.above_request"
    assert refused(lambda: granted("CZ1", 90_000, user="zhao"), Forbidden) == "access.role_missing"
    granted("CZ1", 90_000)
    assert granted("CZ1", 90_000).state == "granted"
    assert refused(lambda: granted("CZ2", 90_000), Conflict) == "cash.granted"
    assert town.balance(1004) == 110_000
    [(source_key, digest)] = town.month.asked(
        "SELECT source_key, evidence_digest FROM books.entry WHERE event = 'ALLOT'"
    )
    with town.tx() as tx:
        [stored] = read_requests(tx)
        assert (source_key, bytes(digest)) == (f"ALLOT:{key}", stored.digest)
        again = request_funds(tx, 310, DAY, DAY)
        assert again.amount_fen == 10_000
    with town.tx("qian") as tx:
        approve_request(tx, again.request_id, DAY)
    with pytest.raises(Conflict, match=r"db\.duplicate"), town.tx("li") as tx:
        grant(tx, again.request_id, "CZ1", 10_000, DAY, DAY)
    assert refused(lambda: _ask_more(town), Conflict) == "cash.enough"
    with pytest.raises(Forbidden), town.tx("li") as tx:
        tx.run("UPDATE fund.fund_request SET granted_fen = 1")
    town.verified()


def _ask_more(town: Any) -> object:
    with town.tx() as tx:
        return request_funds(tx, 310, DAY, DAY, 1)


def test_a_request_above_the_need_or_of_yesterday_is_refused(town: Any, bill: Any) -> None:
    town.begin(fen=0)
    town.month.take(bill("a1"))
    with town.tx() as tx:
        for upto, fen, code in ((DAY, 60_001, "cash.above_need"), (date(2026, 10, 12), 0, "cash.upto")):
            assert refused(partial(request_funds, tx, 310, DAY, upto, fen), InvalidInput) == code
        assert request_funds(tx, 310, DAY, DAY, 50_000).amount_fen == 50_000


@pytest.mark.parametrize(("first", "paid"), [("oldest", [OTHER]), ("smallest", [H])])
def test_money_that_does_not_reach_goes_in_the_regions_order(
    town: Any, bill: Any, first: str, paid: list[str]
) -> None:
    """The other hospital's 600.00 is a day older; ours is 300.00; there are 700.00."""
    town.begin(fen=70_000)
    choose(town, "short_money_first", first)
    town.month.take(bill("b1", institution=OTHER, day="2026-10-11"), bill("a1", fund=50_000))
    done = run_daily(town.engine, "zhao", DEMO_REGION, DAY)
    assert [town.orders(batch.order_nos)[0].institution for batch in done.batches] == paid
    assert [blocked.reason for blocked in done.blocked] == ["over_available"]


def test_kinds_that_go_first_are_left_their_money(town: Any, bill: Any) -> None:
    town.begin(fen=1_300_000)
    agreed_person(town)
    town.month.take(bill("a1"))
    with town.tx() as tx:
        assert kind_order(tx, DAY) == KINDS
        assert reserved_before(tx, 310, "daily", DAY) == ()
        assert reserved_before(tx, 310, "person", DAY) == (Reserved("daily", 60_000),)
        # daily money goes first: 13,000.00 − 600.00 do not reach for 12,800.00
        [short] = order_persons(tx, 310, DAY).skipped
        assert (short.reason, short.waits_for) == ("kinds_first", (Reserved("daily", 60_000),))
        assert (
            refusal_words(short, REFUSALS)
            == "个人付款12,800.00元：可用余额须先留给应先付的款项（日拨付600.00元）"
        )
    choose(town, "short_money_kinds", "person,daily,month,outregion,clearing,advance,supplier")
    done = run_daily(town.engine, "zhao", DEMO_REGION, DAY)
    assert ([b.reason for b in done.blocked], done.batches) == (["kinds_first"], [])
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    assert batch.total_fen == 1_280_000
    twice = "daily,daily,month,clearing,advance,supplier,person"
    for n, wrong in enumerate(("daily,month", twice, "gift"), 1):
        with pytest.raises(InvalidInput):
            town.choose("short_money_kinds", wrong, date(2026, 10, 1 + n))


def move(town: Any, kind: str, fen: int, receipt: str, **how: Any) -> Any:
    with town.tx() as tx:
        return request_move(tx, 310, kind, fen, DAY, receipt, DAY, **how)


def agree_move(town: Any, key: str, user: str = "qian") -> Any:
    with town.tx(user) as tx:
        return approve_move(tx, key, DAY)


def test_interest_comes_in_and_goes_to_the_fiscal_account_no_more_than_it(town: Any) -> None:
    town.begin(fen=0)
    agree_move(town, move(town, "interest", 1_234, "LX1").move_id)
    agree_move(town, move(town, "interest", 100, "LX2", subfund="pool").move_id)
    assert (town.balance(1004), town.balance(4602), town.balance(42010101)) == (1_334, -1_234, -100)
    assert refused(lambda: move(town, "interest_out", 1_335, "JK1"), Conflict) == "cash.over_available"
    out = move(town, "interest_out", 1_334, "JK1").move_id
    agree_move(town, out)
    agree_move(town, out)
    assert (town.balance(1004), town.balance(1003)) == (0, 1_334)
    agree_move(town, move(town, "interest", 500, "LX3").move_id)
    assert refused(lambda: move(town, "interest_out", 501, "JK2"), Conflict) == "cash.over_available"
    town.verified()


def test_unsplit_interest_is_divided_once_its_shares_are_known_and_none_is_left_at_the_years_end(
    town: Any,
) -> None:
    """28号4602二（二）（三） (A16): 1,234 fen of interest, by experience 1,000 to the pooled fund and 234 to the accounts."""
    town.begin(fen=0)
    agree_move(town, move(town, "interest", 1_234, "LX1").move_id)
    assert refused(lambda: move(town, "interest_split", 1, "分配"), InvalidInput) == "cash.subfund"
    with pytest.raises(Conflict, match=r"cash\.nothing_left"):
        move(town, "interest_split", 1_235, "分配", subfund="pool")
    pooled = move(town, "interest_split", 1_000, "分配〔2026〕1号", subfund="pool").move_id
    accounts = move(town, "interest_split", 234, "分配〔2026〕1号", subfund="acct").move_id
    late = move(town, "interest_split", 1_234, "分配〔2026〕2号", subfund="pool").move_id
    agree_move(town, pooled)
    agree_move(town, accounts)
    assert (town.balance(1004), town.balance(4602), town.balance(42010101), town.balance(42010201)) == (
        1_234, 0, -1_000, -234,
    )  # fmt: skip
    assert refused(lambda: agree_move(town, late), Conflict) == "cash.nothing_left"
    assert (
        refused(lambda: move(town, "interest_split", 1, "分配", subfund="acct"), Conflict)
        == "cash.nothing_left"
    )
    town.verified()


def test_a_fee_is_never_expense_and_is_owed_until_it_is_back(town: Any, second_name: str) -> None:
    town.begin(fen=10_000)
    number = town.movement(DAY, Direction.DEBIT, 500, other_name="手续费")
    assert town.value("SELECT outcome_code FROM payments.evidence") == "unknown_order"
    wrong = move(town, "fee", 501, number).move_id
    assert refused(lambda: agree_move(town, wrong), Conflict) == "cash.paper_differs"
    assert refused(lambda: move(town, "fee", 500, number), Conflict) == "request.document_used"
    with town.tx("qian") as tx:
        refuse_move(tx, wrong, DAY, "金额写错")
    other = town.movement(DAY, Direction.DEBIT, 300, other_name="手续费")
    key = move(town, "fee", 300, other).move_id
    assert refused(lambda: agree_move(town, key, second_name), Forbidden) == "request.same_person"
    agree_move(town, key)
    assert town.month.asked(
        f"SELECT outcome, outcome_code FROM payments.evidence WHERE receipt_no = '{other}'"
    ) == [("confirmed", "booked_by_hand")]
    assert (town.balance(1004), town.balance(110109), town.balance(5401)) == (9_700, 300, 0)
    assert refused(lambda: move(town, "fee_back", 301, "TH1"), Conflict) == "cash.nothing_left"
    agree_move(town, move(town, "fee_back", 100, "TH1").move_id)
    agree_move(town, move(town, "fee_repaid", 200, "GD1").move_id)
    assert (town.balance(1004), town.balance(110109)) == (9_800, 0)
    for kind, how, code in (("gift", {}, "cash.kind"), ("fee", {"subfund": "pool"}, "cash.subfund")):
        assert refused(partial(move, town, kind, 1, "X1", **how), InvalidInput) == code
    with town.tx() as tx:
        assert len(read_moves(tx)) == 4
    town.verified()


def test_a_person_is_paid_by_the_same_order_and_receipt_and_hidden_in_lists(
    town: Any, second_name: str
) -> None:
    town.begin(fen=5_000_000)
    first = asked_person(town)
    assert asked_person(town) == first
    assert first.masked == ("42********0077", "王**", "62**********0123")
    assert mask("123") == "12*"
    with pytest.raises(Forbidden, match=r"request\.same_person"), town.tx(second_name) as tx:
        approve_person(tx, first.payment_id, DAY)
    with town.tx() as tx:
        assert order_persons(tx, 310, DAY).batches == []
    agreed_person(town)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
        assert order_persons(tx, 310, DAY).batches == []
    [order] = town.pay(batch, DAY)
    assert (order.kind, order.institution, order.payee.name, order.purpose) == (
        "person", "PERSON", "王小明", "202610生育津贴职工医保",
    )  # fmt: skip
    assert (town.balance(50010105), town.balance(1004)) == (1_280_000, 3_720_000)
    assert "王" not in str(town.month.asked("SELECT summary, evidence FROM books.entry"))
    town.receipt(order, DAY, back=True)
    assert (town.balance(50010105), town.balance(200104)) == (1_280_000, -1_280_000)
    with town.tx() as tx:
        [again] = order_persons(tx, 310, DAY).batches
    town.pay(again, DAY)
    assert (town.balance(50010105), town.balance(200104), town.balance(1004)) == (1_280_000, 0, 3_720_000)
    with town.tx() as tx:
        assert read_persons(tx)[0].order_state == "paid"
    town.verified()


def test_a_person_s_limit_is_not_split_over_accounts(town: Any) -> None:
    """The limit of a payee's day is the insured person's, whichever account the papers name, and tells nobody who it is."""
    town.begin(fen=5_000_000)
    choose(town, "payee_day_limit", "20000")
    first = agreed_person(town)
    other = replace(PERSON.payee, number="6217000000000999")
    agreed_person(town, replace(PERSON, document="生津〔2026〕8号", payee=other))
    with town.tx() as tx:
        left = order_persons(tx, 310, DAY)
        discard_in(tx, left.batches[0].batch_id, "重制", DAY)
    assert [one.reason for one in left.skipped] == ["payee_limit"]
    with town.tx() as tx:
        name = fields(tx).seal("王大明")
    town.month.pretend(f"UPDATE fund.person_payment SET payee_name = '{name}' WHERE payment_id = '{first}'")
    with town.tx() as tx:  # drafted as two, and still one person's
        [batch] = order_persons(tx, 310, DAY).batches
    with pytest.raises(Conflict, match=r"batch\.payee_limit") as over:
        town.pay(batch, DAY)
    assert "个人42****0077" in over.value.message
    town.month.pretend("UPDATE fund.region_policy SET value = '50000' WHERE key = 'payee_day_limit'")
    town.pay(batch, DAY)
    town.month.pretend("UPDATE fund.region_policy SET value = '20000' WHERE key = 'payee_day_limit'")
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        assert [one.entry for one in check_limits(snapshot)] == [f"payee 42****0077 {DAY}"]


def test_an_account_counts_as_one_sealed_and_in_clear(town: Any, bill: Any) -> None:
    """A person's payee and an institution's of the same number: when they are drafted, when the second is approved, and to verify."""
    town.begin(fen=5_000_000)
    town.month.take(bill("a1"))
    choose(town, "payee_day_limit", "20000")
    number = town.value(f"SELECT number FROM fund.payee_account WHERE institution = '{H}'")
    agreed_person(town, replace(PERSON, payee=replace(PERSON.payee, number=number)))
    [daily] = run_daily(town.engine, "zhao", DEMO_REGION, DAY).batches
    limit = "UPDATE fund.region_policy SET value = '{}' WHERE key = 'payee_day_limit'"
    low = (PERSON.amount_fen + town.orders(daily.order_nos)[0].amount_fen) // 100 - 1
    town.month.pretend(limit.format(low))
    with town.tx() as tx:
        assert [one.reason for one in order_persons(tx, 310, DAY).skipped] == ["payee_limit"]
    town.month.pretend(limit.format(20_000))
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    town.month.pretend(limit.format(low))
    town.pay(batch, DAY)
    with pytest.raises(Conflict, match=r"batch\.payee_limit") as over:
        town.pay(daily, DAY)
    assert f"账户{number}" in over.value.message
    token = f"UPDATE payments.pay_order SET payee_token = '{{}}' WHERE batch_id = '{daily.batch_id}'"
    town.month.pretend(token.format(""))  # drafted past the program, without what it is counted by
    town.pay(daily, DAY)
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        assert [one.entry for one in check_limits(snapshot)] == [f"payee {mask(number, head=0)} {DAY}"]
    town.month.pretend(limit.format(20_000))
    [other] = town.month.asked("SELECT payee_number FROM payments.pay_order WHERE institution = 'PERSON'")
    for said, wrong in ((other[0], 0), (other[0][:-4] + "AAA~", 1)):
        town.month.pretend(token.format(said))
        with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
            assert len(list(check_limits(snapshot))) == wrong
    town.month.pretend("DELETE FROM fund.region_policy WHERE key = 'payee_day_limit'")
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        assert len(list(check_limits(snapshot))) == 1, "a first payment is told by it where there is no limit"


@pytest.mark.parametrize("person_first", [True, False])
def test_a_first_payment_is_one_sealed_and_in_clear(town: Any, bill: Any, person_first: bool) -> None:
    """An account paid as a person's is no new one as an institution's, nor the other way round; verify says the same."""
    town.begin(fen=5_000_000)
    town.month.take(bill("a1"))
    [(number, cnaps)] = town.month.asked(
        f"SELECT number, cnaps FROM fund.payee_account WHERE institution = '{H}'"
    )
    agreed_person(town, replace(PERSON, payee=replace(PERSON.payee, number=number, cnaps=cnaps)))
    marks = []
    for person in (person_first, not person_first):
        if person:
            with town.tx() as tx:
                [batch] = order_persons(tx, 310, DAY).batches
        else:
            [batch] = run_daily(town.engine, "zhao", DEMO_REGION, DAY).batches
        marks += town.month.asked(
            f"SELECT first_payment FROM payments.pay_order WHERE batch_id = '{batch.batch_id}'"
        )
        for order in town.pay(batch, DAY):
            town.receipt(order, DAY)
    assert marks == [(True,), (False,)]
    town.verified()
    town.month.pretend("UPDATE payments.pay_order SET payee_cnaps = '102100000030' WHERE first_payment")
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        assert any("首" in one.message for one in check_limits(snapshot))


def test_a_payee_from_before_that_no_file_can_bear_keeps_only_himself_waiting(town: Any) -> None:
    town.begin(fen=5_000_000)
    bad = agreed_person(town)
    good = agreed_person(town, replace(PERSON, document="津贴2", psn_no="42010000000000078"))
    town.month.pretend(
        f"UPDATE fund.person_payment SET payee_name = '王' || chr(9) WHERE payment_id = '{bad}'"
    )
    with town.tx() as tx:
        done = order_persons(tx, 310, DAY)
    [skipped] = done.skipped
    assert (skipped.key, skipped.reason) == (bad, "unbearable")
    assert skipped.detail == "收款户名第2个字符U+0009不能写入付款文件"
    assert refused_json(skipped)["detail"] == skipped.detail
    assert refusal_words(skipped, REFUSALS).endswith(skipped.detail)
    [batch] = done.batches
    town.pay(batch, DAY)
    with town.tx() as tx:
        [paid] = read_persons(tx, key=good)
    assert paid.order_state == "paid"


def test_reimbursements_go_to_the_leaf_of_their_category_and_bad_ones_nowhere(town: Any) -> None:
    town.begin(fen=5_000_000)
    claim = replace(
        PERSON, kind="reimbursement", category="outpatient", document="报〔2026〕1号", amount_fen=12_345
    )
    agreed_person(town, claim)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    town.pay(batch, DAY)
    assert town.balance(50010103) == 12_345
    cases = [
        ("person.kind", replace(PERSON, kind="gift")),
        ("person.kind", replace(claim, category="maternity_allowance")),
        ("person.category", replace(claim, category="cinema")),
        ("person.category", replace(PERSON, fund=390)),
        ("request.amount", replace(claim, amount_fen=0)),
        ("request.text", replace(claim, psn_no="")),
        ("person.account_number", replace(claim, document="报2", payee=replace(claim.payee, number="12"))),
    ]
    for code, asked in cases:
        assert refused(partial(asked_person, town, asked), InvalidInput) == code
    assert (
        refused(lambda: asked_person(town, replace(claim, amount_fen=1)), Conflict) == "request.document_used"
    )
    assert (
        refused(lambda: asked_person(town, replace(claim, document="报3"), user="qian"), Forbidden)
        == "access.role_missing"
    )
    town.verified()


def test_a_discarded_draft_frees_its_request(town: Any) -> None:
    town.begin(fen=5_000_000)
    agreed_person(town)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    discard(town.engine, "zhao", DEMO_REGION, batch.batch_id, "重做", DAY)
    with town.tx() as tx:
        assert len(order_persons(tx, 310, DAY).batches) == 1


@pytest.mark.parametrize(
    ("year", "term"), [(1900, 202610), (2027, 202610), (2026, 202611), (2026, 209912), (2026, 202613), (2026, 0), (2026, 190010)]
)  # fmt: skip
def test_a_person_is_paid_for_what_has_begun(town: Any, year: int, term: int) -> None:
    with town.tx() as tx:
        asked = replace(PERSON, service_year=year, term=term)
        assert refused(lambda: request_person(tx, asked, DAY), InvalidInput) == "person.period"
        assert request_person(tx, PERSON, DAY).state == "requested"
