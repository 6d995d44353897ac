"""Receipts in: every case of matching.py's and statuses.py's tables, with the bank's real files."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from ledger.books.setup import open_book
from ledger.control.alarms.standing import Moment, standing
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book
from ledger.core.errors import Conflict, Forbidden, Unavailable
from ledger.founding import choose
from ledger.payments.orders.approve import approve
from ledger.payments.orders.values import PayableDraft
from ledger.payments.out.ask import ask
from ledger.payments.out.files import cancel, file
from ledger.payments.out.send import send

OWN = "4200000000001"
REGION = 420100
DAY = date(2026, 10, 13)
LATER = date(2026, 10, 16)
MOMENT = datetime(2026, 10, 13, 9, 30, tzinfo=SHANGHAI)


def test_a_receipt_posts_once_on_the_bank_s_day(world: Any, bank: Any, sent: Any) -> None:
    [order] = sent(74074)
    content = bank.receipt("R1", order.payee, 74074, "S1", order.order_no)
    name = bank.put(content)
    done = world.receive(bank, LATER)
    assert (done.files, done.outcomes, done.events["pay"]) == (1, {"posted": 1}, 1)
    assert world.states() == {"paid": 1}
    [row] = world.rows(
        "SELECT source_key, event, rule, evidence, business_date, voucher_date, prepared_by, reviewed_by, series, attachments"
        " FROM books.entry WHERE event = 'RCV'"
    )
    assert row == (
        f"RCV:{order.order_no}:bker:R1", "RCV", "RCV.daily.P1@1", "bker:R1", DAY, LATER, "rule:RCV.daily.P1@1", "checker", "记", 1,
    )  # fmt: skip
    text = f"{OWN}|bker|R1|{sha256(content).hexdigest()}|debit|2026-10-13|74074|{order.payee.number}|{order.payee.name}|{order.order_no}|S1|0||"
    stored, posted = world.rows(
        "SELECT v.digest, e.evidence_digest FROM payments.evidence v, books.entry e WHERE e.event = 'RCV'"
    )[0]
    assert stored == posted == sha256(text.encode()).digest()
    [(*told, kept)] = world.rows("SELECT name, kind, outcome, content FROM payments.inbound_file")
    assert (told, world.opened(kept)) == ([name, "bker", "read"], content)
    balances = world.balances()
    assert (balances[9201], balances[110105], balances.get(1004)) == (-74074, 74074, None)
    # Again, under another name, and in a later poll: nothing new.
    bank.put(content, "renamed.xml")
    blocks = world.value("SELECT block FROM books.head")
    assert world.receive(bank, LATER).repeated == 1
    assert world.receive(bank, LATER).repeated == 0
    assert world.receive(bank, LATER, again=True).repeated == 2
    assert world.value("SELECT block FROM books.head") == blocks
    assert world.value("SELECT count(*) FROM payments.evidence") == 1


@pytest.mark.fault(35)
def test_the_same_receipt_in_two_files_adds_no_row(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    one, two = sent(100, 200)
    bank.put(bank.note(movement("S1", one)))
    world.receive(bank)
    bank.put(bank.note(movement("S1", one), movement("S2", two)))
    done = world.receive(bank)
    assert (done.outcomes, done.problems) == ({"posted": 1}, [])
    assert [row[1] for row in world.outcomes()] == ["posted", "posted"]


@pytest.mark.fault(35)
def test_the_same_bytes_under_another_name_post_nothing(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    [one] = sent(100)
    content = bank.note(movement("S1", one))
    bank.put(content, "first.xml")
    assert world.receive(bank).outcomes == {"posted": 1}
    bank.put(content, "again.xml")
    bank.put(content, "first (1).xml")
    assert "posted" not in world.receive(bank).outcomes
    assert world.value("SELECT count(*) FROM books.entry WHERE event = 'RCV'") == 1
    assert world.value("SELECT count(*) FROM payments.evidence WHERE outcome = 'posted'") == 1
    assert world.states() == {"paid": 1}


@pytest.mark.fault(35)
def test_two_papers_of_one_movement_post_once(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    one, two = sent(100, 200)
    bank.put(bank.note(movement("S1", one)))
    world.receive(bank)
    bank.put(bank.receipt("R1", one.payee, 100, "S1", one.order_no))
    bank.put(bank.note(movement("S2", two)))
    bank.put(bank.receipt("R2", two.payee, 200, "S2", two.order_no))
    done = world.receive(bank)
    assert done.outcomes == {"confirmed": 2, "posted": 1}
    assert world.states() == {"paid": 2}
    assert world.value("SELECT count(*) FROM books.entry WHERE event = 'RCV'") == 2


def _suspense(world: Any) -> Any:
    return world.rows(
        "SELECT outcome, outcome_code, matched_order FROM payments.evidence WHERE outcome <> 'posted'"
    )


@pytest.mark.fault(38)
@pytest.mark.parametrize("code", ["amount_differs", "account_differs", "unknown_order", "other_credit"])
def test_what_is_not_equal_goes_to_suspense_and_the_order_waits(
    world: Any, bank: Any, sent: Any, movement: Any, code: str
) -> None:
    [order] = sent(100)
    wrong: dict[str, Any] = {
        "amount_differs": {"fen": 101},
        "account_differs": {"other_account": "6222000"},
        "unknown_order": {"order_no": "FL420100-310-20261013-99999"},
        "other_credit": {"order_no": "", "direction": "credit"},
    }[code]
    if code == "other_credit":
        back = movement(
            "S1",
            order,
            credit_=True,
            order_no="",
            other_account="4200000000002",
            return_code="",
            return_reason="",
        )
        bank.put(bank.note(back))
    else:
        bank.put(bank.note(movement("S1", order, **wrong)))
    done = world.receive(bank)
    assert done.outcomes == {"suspense": 1}
    matched = order.order_no if code in ("amount_differs", "account_differs") else ""
    assert _suspense(world) == [("suspense", code, matched)]
    assert world.states() == {"sent": 1}
    # The right paper still pays it, the wrong one stays in suspense.
    bank.put(bank.note(movement("S2", order)))
    assert world.receive(bank).outcomes == {"posted": 1}
    assert _suspense(world) == [("suspense", code, matched)]


def test_an_order_debited_twice_is_told(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    [order] = sent(100)
    bank.put(bank.note(movement("S1", order), movement("S2", order)))
    world.receive(bank)
    assert _suspense(world) == [("suspense", "already_paid", order.order_no)]
    assert world.value("SELECT count(*) FROM books.entry WHERE event = 'RCV'") == 1


def test_a_serial_that_posted_for_another_order_proves_nothing(world: Any, bank: Any, sent: Any) -> None:
    one, two = sent(100, 200)
    bank.put(bank.receipt("R1", one.payee, 100, "S1", one.order_no))
    bank.put(bank.receipt("R2", two.payee, 200, "S1", two.order_no))
    world.receive(bank)
    assert _suspense(world) == [("suspense", "reference_reused", two.order_no)]


def test_a_number_that_comes_again_with_other_content_is_a_problem(world: Any, bank: Any, sent: Any) -> None:
    one, two = sent(100, 200)
    bank.put(bank.receipt("R1", one.payee, 100, "S1", one.order_no))
    world.receive(bank)
    bank.put(bank.receipt("R1", two.payee, 200, "S2", two.order_no))
    done = world.receive(bank)
    assert [(p.place, p.code) for p in done.problems] == [("bker:R1", "receipt.number_reused")]
    assert world.value("SELECT code FROM payments.inbound_problem") == "receipt.number_reused"
    assert world.states() == {"paid": 1, "sent": 1}


def test_a_paper_without_our_number_is_found_by_the_bank_s_serial(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    [order] = sent(100)
    bank.put(bank.note(movement("S9", order, order_no="")))
    world.receive(bank)
    assert _suspense(world) == [("suspense", "unknown_order", "")]
    [other] = sent(300)
    bank.put(bank.status(other.file_id, {other.order_no: ("ACSC", "")}, references={other.order_no: "S3"}))
    bank.put(bank.note(movement("S3", other, order_no="")))
    assert world.receive(bank).outcomes == {"posted": 1}
    assert world.state(other.order_no) == "paid"


def test_a_paper_for_an_order_not_sent_waits_in_suspense_and_is_looked_at_again(
    world: Any, bank: Any, movement: Any
) -> None:
    world.allot(1000)
    batch = world.approved(100)
    [order] = world.orders(batch.order_nos)
    bank.put(bank.note(movement("S1", order)))
    world.receive(bank)
    assert _suspense(world) == [("suspense", "order_not_sent", order.order_no)]
    assert world.states() == {"approved": 1}
    file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
    send(world.engine, "cashier", REGION, bank.of, DAY)
    world.receive(bank)
    assert world.states() == {"paid": 1}


def test_a_cancelled_order_s_receipt_is_suspense(world: Any, bank: Any, movement: Any) -> None:
    world.allot(1000)
    [order] = world.orders(world.approved(100).order_nos)
    cancel(world.engine, "maker", REGION, order.order_no, "停", DAY)
    bank.put(bank.note(movement("S1", order), movement("S2", order, credit_=True)))
    world.receive(bank)
    assert {row[1] for row in _suspense(world)} == {"order_not_sent"}


@pytest.mark.fault(37)
def test_a_return_posts_back_opens_the_records_and_fails_the_account(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    [order] = sent(100)
    before = world.balances()
    bank.put(bank.note(movement("S1", order)))
    world.receive(bank)
    bank.put(bank.receipt("R2", order.payee, 100, "S2", order.order_no, back="账号户名不符", day=LATER))
    done = world.receive(bank, LATER)
    assert (done.outcomes, done.events["return"]) == ({"posted": 1}, 1)
    assert world.states() == {"returned": 1}
    after = world.balances()
    assert after[9101] == before[9104] == -100
    assert after[1004] == 100
    assert not {9104, 9201, 110105} & set(after)
    assert world.rows("SELECT source_key, rule, business_date FROM books.entry WHERE event = 'RTN'") == [
        (f"RTN:{order.order_no}:bker:R2", "RTN.open.P1@1", LATER)
    ]
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no = ''") == 1
    state, reason = world.rows("SELECT state, reason FROM fund.payee_account")[0]
    assert state == "failed"
    assert "户名不符" in reason
    # The other paper of the same return confirms; another return of it is told.
    bank.put(
        bank.note(
            movement("S2", order, credit_=True, day=LATER), movement("S5", order, credit_=True, day=LATER)
        )
    )
    world.receive(bank, LATER)
    assert _suspense(world) == [
        ("confirmed", "", order.order_no),
        ("suspense", "already_returned", order.order_no),
    ]


@pytest.mark.fault(36)
def test_a_return_before_its_debit_waits_and_posts_right_after_it(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    [order] = sent(100)
    bank.put(bank.note(movement("S2", order, credit_=True)))
    bank.put(bank.receipt("R2", order.payee, 100, "S2", order.order_no, back="退回"))
    assert world.receive(bank).outcomes == {"waiting": 2}
    assert {row[1] for row in _suspense(world)} == {"debit_missing"}
    assert world.states() == {"sent": 1}
    bank.put(bank.note(movement("S1", order)))
    done = world.receive(bank)
    assert (done.events["pay"], done.events["return"]) == (1, 1)
    assert world.states() == {"returned": 1}
    assert world.rows("SELECT event FROM books.entry WHERE event IN ('RCV', 'RTN') ORDER BY seq") == [
        ("RCV",),
        ("RTN",),
    ]
    assert _suspense(world) == [("confirmed", "", order.order_no)]


def test_a_return_of_another_amount_is_suspense(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    [order] = sent(100)
    bank.put(bank.note(movement("S1", order), movement("S2", order, credit_=True, fen=99)))
    world.receive(bank)
    assert _suspense(world) == [("suspense", "amount_differs", order.order_no)]
    assert world.states() == {"paid": 1}


def settle(world: Any) -> None:
    """As a month sheet would have: the guards that ask for it are off."""
    with psycopg.connect(world.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE fund.payable SET settled_by = 'SET:202610'")
        admin.execute(
            "INSERT INTO fund.settled_term SELECT DISTINCT region, fund, institution, term, 'SET:202610' FROM fund.payable"
        )


def test_a_return_after_the_month_is_settled_is_owed_as_month_money(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    [order] = sent(100)
    bank.put(bank.note(movement("S1", order)))
    world.receive(bank)
    settle(world)
    bank.put(bank.note(movement("S2", order, credit_=True)))
    world.receive(bank)
    balances = world.balances()
    assert (balances[9103], balances[200104], balances[110105], balances[1004]) == (-100, -100, 100, 100)
    assert not {9101, 9201} & set(balances)
    [rule] = world.rows("SELECT rule FROM books.entry WHERE event = 'RTN'")[0]
    assert rule == "RTN.settled@1"


def test_a_rejection_after_the_month_is_settled_goes_to_the_month(world: Any, bank: Any, sent: Any) -> None:
    [order] = sent(100)
    settle(world)
    bank.put(bank.status(order.file_id, {order.order_no: ("RJCT", "AM04")}))
    world.receive(bank)
    assert world.balances()[9103] == -100
    assert world.rows("SELECT state FROM fund.payee_account") == [("confirmed",)]


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_what_came_back_is_paid_again_by_the_door_it_left(
    world: Any, bank: Any, sent: Any, movement: Any, policy: str
) -> None:
    choose(world.engine, "acc", "checker", REGION, "daily_accounting", policy, date(2026, 1, 1), "test")
    [order] = sent(100)
    bank.put(bank.note(movement("S1", order), movement("S2", order, credit_=True, code="AM09")))
    world.receive(bank)
    # Its record and a new one, with a reversal that outweighs the new one, go out in one order.
    fresh = world.payables(order.institution, [30, -40])
    old = [
        PayableDraft(*row)
        for row in world.rows("SELECT setl_id, subfund, daily_fen FROM fund.payable WHERE daily_fen = 100")
    ]
    batch = world.draft([world.order(order.institution, [*old, *fresh], order.order_no)])
    approve(world.engine, "checker", REGION, batch.batch_id, batch.digest, DAY)
    file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
    send(world.engine, "cashier", REGION, bank.of, DAY)
    [again] = world.orders(batch.order_nos)
    bank.put(bank.note(movement("S3", again)))
    world.receive(bank)
    balances = world.balances()
    assert balances[9201] == -90
    assert balances[1004] == 10
    if policy == "P1":
        assert balances[110105] == 90
        assert 200104 not in balances
    else:
        # Nothing is left in 2001: what came back went out by it, and the new records are this year's expense.
        assert 200104 not in balances
        assert balances[50010101] == 90
    assert not {9101, 9104} & set(balances)


CASES = [
    ("ACCP", "", "accepted", ""),
    ("ACSC", "", "accepted", ""),
    ("PDNG", "", "accepted", ""),
    ("RJCT", "AC01", "rejected", ""),
    ("RJCT", "DU01", "sent", "status.duplicate"),
    ("RJCT", "AM05", "sent", "status.duplicate"),
    ("CANC", "", "sent", "status.undecided"),
]


@pytest.mark.parametrize(("code", "reason", "state", "problem"), CASES)
def test_a_status_moves_the_order_and_posts_no_payment(
    world: Any, bank: Any, sent: Any, code: str, reason: str, state: str, problem: str
) -> None:
    [order] = sent(100)
    bank.put(bank.status(order.file_id, {order.order_no: (code, reason)}))
    done = world.receive(bank)
    assert world.states() == {state: 1}
    assert [p.code for p in done.problems] == ([problem] if problem else [])
    assert world.value("SELECT count(*) FROM books.entry WHERE event = 'RCV'") == 0
    balances = world.balances()
    if state == "rejected":
        assert balances[9101] == -100
        assert world.rows("SELECT state, reason FROM fund.payee_account") == [("failed", "AC01 原因")]
        assert alarms(world) == world.rows("SELECT institution FROM fund.payee_account")
        assert world.value("SELECT count(*) FROM fund.payable WHERE order_no = ''") == 1
        digest = world.value("SELECT payments.order_digest(420100, %(o)s)", o=order.order_no)
        assert world.rows(
            "SELECT source_key, evidence_digest, business_date FROM books.entry WHERE event = 'REJ'"
        ) == [(f"REJ:{order.order_no}", digest, DAY)]
    else:
        assert balances[9104] == -100
        assert world.rows("SELECT state FROM fund.payee_account") == [("confirmed",)]
        assert alarms(world) == []


def alarms(world: Any) -> list[tuple[str]]:
    """The institutions of which an alarm says that their account failed."""
    with world.tx() as tx:
        moment = Moment(MOMENT + timedelta(1), 0.0)
        return [(one.subject,) for one in standing(tx, moment) if one.kind == "institution_payee"]


def test_a_whole_file_refused_keeps_each_orders_own_reason(world: Any, bank: Any, sent: Any) -> None:
    """RJCT of the file beside RJCT BE01 of its only order: the account is at fault, and nothing goes to it again."""
    [order] = sent(100)
    bank.put(bank.status(order.file_id, {order.order_no: ("RJCT", "BE01")}, group="RJCT"))
    assert not world.receive(bank).problems
    assert world.rows("SELECT event, reason FROM payments.order_event WHERE event = 'reject'") == [
        ("reject", "BE01 原因")
    ]
    assert world.value("SELECT count(*) FROM fund.payee_account WHERE state = 'failed'") == 1


def test_a_word_on_the_whole_file_goes_to_each_order(world: Any, bank: Any, sent: Any) -> None:
    orders = sent(100, 200)
    bank.put(bank.status(orders[0].file_id, {}, group="RJCT"))
    world.receive(bank)
    assert world.states() == {"rejected": 2}


def test_contradicting_statuses_are_problems_and_change_nothing(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    paid, rejected = sent(100, 200)
    bank.put(bank.note(movement("S1", paid)))
    bank.put(bank.status(paid.file_id, {rejected.order_no: ("RJCT", "AM04")}))
    world.receive(bank)
    bank.put(bank.status(paid.file_id, {paid.order_no: ("RJCT", "AC01"), rejected.order_no: ("ACCP", "")}))
    bank.put(bank.status("other-file", {paid.order_no: ("ACCP", "")}))
    bank.put(bank.status("nothing", {}, group="ACCP"))
    bank.put(bank.note(movement("S2", rejected), movement("S3", rejected, credit_=True)))
    before = world.balances()
    done = world.receive(bank)
    assert sorted(p.code for p in done.problems) == [
        "status.accepted_after_reject", "status.other_file", "status.reject_after_paid", "status.unknown_order",
    ]  # fmt: skip
    assert world.value("SELECT count(*) FROM payments.inbound_problem") == 4
    assert world.states() == {"paid": 1, "rejected": 1}
    assert world.balances() == before
    assert {row[1] for row in _suspense(world)} == {"rejected_then_paid", "rejected_then_returned"}
    assert (
        world.value("SELECT state FROM fund.payee_account WHERE institution = %(i)s", i=paid.institution)
        == "confirmed"
    )


def test_a_status_for_what_was_not_sent_is_a_problem(world: Any, bank: Any) -> None:
    world.allot(1000)
    batch = world.approved(100)
    [made] = file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT).files
    bank.put(bank.status(made.file_id, {batch.order_nos[0]: ("RJCT", "AC01")}))
    assert [p.code for p in world.receive(bank).problems] == ["status.order_not_sent"]
    assert world.states() == {"filed": 1}


@pytest.mark.fault(41)
def test_files_that_cannot_be_used_are_kept_with_their_reason(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    [order] = sent(100)
    good = bank.note(movement("S1", order))
    bank.put(good[: len(good) // 2], "a.xml")
    bank.put(b"", "b.xml")
    bank.put(b"%PDF-1.7", "c.pdf")
    bank.put(bank.note(movement("S2", order, status="PDNG"), movement("S1", order)), "d.xml")
    done = world.receive(bank)
    assert (done.files, done.quarantined, done.outcomes) == (4, 3, {"posted": 1})
    assert world.rows("SELECT name, outcome, kind FROM payments.inbound_file ORDER BY name") == [
        ("a.xml", "quarantined", ""), ("b.xml", "quarantined", ""), ("c.pdf", "quarantined", ""), ("d.xml", "read", "camt.054"),
    ]  # fmt: skip
    assert world.rows("SELECT code FROM payments.inbound_problem") == [("bankfile.not_booked",)]
    # Whole again under the same name: other bytes, another row, and a finding; nothing posts twice.
    bank.put(good, "a.xml")
    done = world.receive(bank)
    assert [p.code for p in done.problems] == ["file.name_reused"]
    assert world.value("SELECT count(*) FROM payments.inbound_file WHERE name = 'a.xml'") == 2
    assert world.value("SELECT count(*) FROM books.entry WHERE event = 'RCV'") == 1


def test_a_file_that_cannot_be_fetched_waits_and_the_others_are_taken(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    one, two = sent(100, 200)
    bank.put(bank.note(movement("S1", one)), "1.xml")
    bank.put(bank.note(movement("S2", two)), "2.xml")
    bank.channel.breaks["fetch 1.xml"] = Unavailable("bank.truncated", "不完整")
    done = world.receive(bank)
    assert [(f.name, f.code) for f in done.failures] == [("1.xml", "bank.truncated")]
    assert world.state(two.order_no) == "paid"
    bank.channel.breaks = {"fetch 1.xml": Unavailable("bank.unreachable", "断线")}
    assert [f.code for f in world.receive(bank).failures] == ["bank.unreachable"]
    bank.channel.breaks = {"waiting": Unavailable("bank.unreachable", "断线")}
    with pytest.raises(Unavailable):
        world.receive(bank)
    bank.channel.breaks = {}
    world.receive(bank)
    assert world.states() == {"paid": 2}


@pytest.mark.parametrize("user", ["cashier", "maker", "checker", "other.region"])
def test_who_keeps_no_books_receives_nothing(world: Any, bank: Any, user: str) -> None:
    with pytest.raises(Forbidden) as refused:
        world.receive(bank, user=user)
    assert refused.value.code == "access.role_missing"


def test_who_sees_one_fund_of_a_shared_account_does_not_read_its_receipts(
    world: Any, bank: Any, database: Any
) -> None:
    with world.tx() as tx:
        open_book(tx, Book(REGION, 390), "居民", date(2026, 10, 1))
        tx.run("INSERT INTO payments.book_account VALUES (420100, 390, '1004', %(a)s)", a=OWN)
    with database.admin_engine.connect() as pooled:
        admin = pooled.connection.driver_connection
        admin.execute("INSERT INTO access.app_user VALUES ('half', 'p9', '半')")
        admin.execute("INSERT INTO access.user_role VALUES (420100, 'half', 'accountant', 310)")
        admin.commit()
    with pytest.raises(Forbidden):
        world.receive(bank, user="half")
    assert world.receive(bank).files == 0


def test_one_file_that_cannot_post_does_not_stop_the_others(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    one, two = sent(100, 200)
    bank.put(bank.note(movement("S1", one)), "1.xml")
    bank.put(bank.note(movement("S2", two, day=date(2026, 10, 14))), "2.xml")
    # The record behind the first order says something else than its order: its entry cannot be made.
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.order_payable SET daily_fen = 99 WHERE order_no = %s", (one.order_no,))
    done = world.receive(bank)
    assert [(f.name, f.code) for f in done.failures] == [("1.xml", "order.sum")]
    assert world.state(two.order_no) == "paid"
    assert world.value("SELECT count(*) FROM payments.inbound_file") == 1


@pytest.mark.fault(38)
def test_nothing_is_dropped(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    orders = sent(*range(100, 110))
    movements = [movement(f"S{n}", order) for n, order in enumerate(orders)]
    movements += [
        movement("X1", orders[0]),
        movement("X2", orders[1], fen=7),
        movement("X3", orders[2], credit_=True),
    ]
    movements += [movement("X4", orders[3], order_no="FL000000-000-00000000-00000")]
    bank.put(bank.note(*movements))
    done = world.receive(bank)
    assert done.outcomes == {"posted": 11, "suspense": 3}
    counts = dict(world.rows("SELECT outcome, count(*) FROM payments.evidence GROUP BY 1"))
    assert sum(counts.values()) == len(movements)


@pytest.mark.slow
def test_a_city_s_day_is_received_in_time(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    orders = sent(*range(1000, 1600))
    bank.put(bank.status(orders[0].file_id, {order.order_no: ("ACSC", "") for order in orders}))
    bank.put(bank.note(*(movement(f"S{n}", order) for n, order in enumerate(orders[:300]))))
    for n, order in enumerate(orders[300:], 300):
        bank.put(bank.receipt(f"R{n}", order.payee, order.amount_fen, f"S{n}", order.order_no))
    started = time.perf_counter()
    done = world.receive(bank)
    took = time.perf_counter() - started
    assert done.outcomes == {"posted": 600}
    assert world.states() == {"paid": 600}
    assert 1004 not in world.balances()
    assert took < 8, f"{took:.2f} s for 600 orders in 302 files"


@pytest.mark.fault(28)
def test_the_clock_of_the_receipt(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    silent, odd, done = sent(100, 200, 300)
    bank.put(bank.note(movement("S1", odd, fen=201), movement("S2", done)))
    world.receive(bank)
    assert ask(world.engine, "acc", REGION, DAY + timedelta(days=3)) == []
    overdue = ask(world.engine, "acc", REGION, DAY + timedelta(days=4))
    assert [(o.order_no, o.state, o.papers) for o in overdue] == [
        (silent.order_no, "unknown", ""),
        (odd.order_no, "sent", "amount_differs"),
    ]
    assert ask(world.engine, "acc", REGION, DAY + timedelta(days=4)) == overdue
    # Unknown stays owed in flight and is never issued again; its receipt still pays it.
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no = ''") == 0
    bank.put(bank.note(movement("S3", silent)))
    world.receive(bank, LATER)
    assert world.state(silent.order_no) == "paid"
    with pytest.raises(Forbidden):
        ask(world.engine, "cashier", REGION, LATER)
    choose(world.engine, "acc", "checker", REGION, "receipt_days", "10", date(2026, 10, 1), "test")
    assert ask(world.engine, "acc", REGION, DAY + timedelta(days=10)) == []
    assert len(ask(world.engine, "acc", REGION, DAY + timedelta(days=11))) == 1


def test_what_was_never_taken_does_not_count_as_seen(world: Any, bank: Any, sent: Any, database: Any) -> None:
    """A return that a raw row calls seen would never be fetched, and a turn without end would stop every poll."""
    [order] = sent(74074)
    paid = bank.put(bank.receipt("R1", order.payee, 74074, "S1", order.order_no))
    world.receive(bank, LATER)
    row = "INSERT INTO payments.inbound_seen SELECT region, account, 'back.xml', size, stamp, sha256, 1 FROM payments.inbound_seen"
    for statement in (row, "UPDATE payments.inbound_seen SET asked = 9223372036854775807"):
        with pytest.raises(Conflict, match=r"file\.not_taken"), world.tx() as tx:
            tx.run(statement)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(row)
    found = [
        one.entry
        for one in verify(database.auditor_engine, database.settings.home)
        if one.code == "file.not_taken"
    ]
    assert found == ["seen back.xml"]
    assert world.receive(bank, LATER).repeated == 0
    assert paid in {name for (name,) in world.rows("SELECT name FROM payments.inbound_seen")}
