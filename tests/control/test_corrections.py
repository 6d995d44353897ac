"""Posted vouchers are corrected exactly and once; hand-written ones rest on the bank's papers, stay off rules' accounts, overdraw nothing."""

from __future__ import annotations

import itertools
import threading
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.correcting import correctable, draft_red, draft_replacement
from ledger.books.manual import ManualContent, ManualVoucher, approve_voucher, draft_voucher
from ledger.books.papers import named_papers
from ledger.books.setup import open_period
from ledger.books.vouchers import Voucher, voucher
from ledger.core.dates import period_of
from ledger.core.entries import Dimensions, Leg, Side, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.cash.movements import approve_move, request_move
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices
from ledger.fund.suspense.resolution import SuspensePaper
from ledger.fund.suspense.suspense import confirm, propose
from ledger.payments.incoming.stated import take_line
from tests.control.conftest import ACCOUNT, BOOK, FISCAL, KEY, REGION, draft
from tests.scenes.papers import PaperSaid, keep_paper

DAY, NEXT = date(2026, 10, 13), date(2026, 10, 14)
OWN, THEIRS = Dimensions(ACCOUNT), Dimensions(FISCAL)
_numbers = itertools.count(1)


def tx(town: Any, user: str) -> Any:
    return unit_of_work(town.service, user, REGION)


def drafted(
    town: Any, *legs: Leg, day: date = NEXT, receipts: tuple[str, ...] = (), **said: Any
) -> ManualVoucher:
    with tx(town, "acc") as t:
        papers = named_papers(t, BOOK, legs, receipts, take_line)
        content = ManualContent(
            day, said.pop("summary", f"入账{next(_numbers)}"), "单据", legs, papers=papers, **said
        )
        return draft_voucher(t, BOOK, content, day)


def approved(town: Any, made: ManualVoucher, day: date = NEXT) -> Voucher:
    with tx(town, "checker") as t:
        open_period(t, BOOK, period_of(day))
        posted = approve_voucher(t, BOOK, made.voucher_id, made.digest, day)
        return voucher(t, BOOK, posted.voucher)


def booked(town: Any, *legs: Leg, **said: Any) -> Voucher:
    day = said.get("day", NEXT)
    return approved(town, drafted(town, *legs, **said), day)


def red(town: Any, number: str, day: date = NEXT, reason: str = "") -> ManualVoucher:
    with tx(town, "acc") as t:
        return draft_red(t, BOOK, number, day, reason=reason)


def replaced(
    town: Any, number: str, kind: str, *legs: Leg, day: date = NEXT, receipts: tuple[str, ...] = ()
) -> ManualVoucher:
    with tx(town, "acc") as t:
        papers = named_papers(t, BOOK, legs, receipts, take_line)
        return draft_replacement(t, BOOK, number, kind, legs, day, papers=papers)


def paper(
    town: Any, receipt_no: str, direction: str, fen: int, reference: str = "", kind: str = "bker"
) -> None:
    """A paper in suspense, as a file of the bank left it."""
    said = PaperSaid(receipt_no, direction, DAY, fen, serial=reference, kind=kind)
    with tx(town, "acc") as t:
        keep_paper(t, ACCOUNT, said, "suspense", "other_credit")


def outcome(town: Any, receipt_no: str) -> str:
    return str(
        town.value(
            f"SELECT outcome || '/' || outcome_code FROM payments.evidence WHERE receipt_no = '{receipt_no}'"
        )
    )


def explained(town: Any, receipt_no: str, what: str, reference: str = "") -> str:
    with tx(town, "acc") as t:
        said = SuspensePaper(310, ACCOUNT, "bker", receipt_no, what, reference, "查询查复书")
        made = propose(t, said, NEXT)
    with tx(town, "checker") as t:
        return confirm(t, made.resolution_id, NEXT).reference


def code(call: Any, *args: Any, **named: Any) -> str:
    with pytest.raises(LedgerError) as error:
        call(*args, **named)
    assert error.value.message
    return error.value.code


def raw(town: Any, statement: str) -> None:
    with tx(town, "acc") as t:
        t.connection.execute(statement)


def income(fen: int) -> tuple[Leg, Leg]:
    return debit(1004, fen, OWN), credit(41010101, fen)


def test_a_red_copy_reverses_once_and_nothing_else(town: Any) -> None:
    first = booked(town, *income(5_000))
    wrong = [(debit(1004, -4_999, OWN), credit(41010101, -4_999)), (debit(1004, -5_000, OWN), Leg(41010101, Side.DEBIT, 5_000)),
             (debit(41010101, 5_000), credit(1004, 5_000, OWN))]  # fmt: skip
    for legs in wrong:
        assert code(drafted, town, *legs, reverses_seq=first.seq) == "correct.not_reverse"
    assert code(drafted, town, *income(-5_000), reverses_seq=99) == "correct.unknown"
    one, two = red(town, first.number), red(town, first.number, reason="科目有误")
    assert (one.content.summary, one.content.correction) == (f"注销10月14日{first.number}号凭证", "red")
    assert [(leg.account, int(leg.side), leg.amount_fen) for leg in one.content.legs] == [
        (1004, 1, -5_000),
        (41010101, -1, -5_000),
    ]
    done = approved(town, one)
    assert (done.reverses_seq, done.rule) == (first.seq, "manual")
    assert code(approved, town, two) == "correct.already"
    assert red(town, first.number).voucher == done.number  # the same again is the first answer
    assert code(red, town, first.number, reason="再冲") == "correct.already"
    assert code(red, town, done.number) == "correct.reversal"
    with tx(town, "acc") as t:
        shown = correctable(t, BOOK, first.number, NEXT)
    assert (shown.code, [(c.kind, c.voucher) for c in shown.corrections if c.voucher]) == (
        "correct.already",
        [("red", done.number)],
    )
    assert town.verify() == []


def test_what_raw_sql_corrects_is_refused_or_named(town: Any) -> None:
    first, other = booked(town, *income(5_000)), booked(town, *income(100))
    done = approved(town, red(town, first.number))
    row = f"({REGION}, 310, {other.seq}, 'red', {done.seq + 1})"
    for statement in (f"INSERT INTO books.correction VALUES {row}", "DELETE FROM books.correction",
                      "UPDATE books.correction SET kind = 'blue'",
                      "INSERT INTO books.voucher_paper SELECT * FROM books.voucher_paper"):  # fmt: skip
        assert code(raw, town, statement) in ("db.permission", "journal.one_door", "journal.frozen"), (
            statement
        )
    with (
        psycopg.connect(town.admin_url) as admin,
        admin.cursor() as cursor,
        pytest.raises(psycopg.Error, match="one_door"),
        cursor.copy("COPY books.correction FROM STDIN") as copy,
    ):
        copy.write_row((REGION, 310, other.seq, "red", done.seq))
    assert town.verify() == []
    town.break_it(f"UPDATE books.correction SET corrected_seq = {other.seq}")
    assert {(b.promise, b.entry) for b in town.verify()} >= {("INV-02", f"seq {done.seq}")}
    town.break_it(f"UPDATE books.correction SET corrected_seq = {first.seq}",
                  f"UPDATE books.entry SET amounts = '{{-4999,-4999}}' WHERE seq = {done.seq} AND fund = 310")  # fmt: skip
    assert "红字凭证不是所冲销凭证的逐行红字" in {b.message for b in town.verify()}


def test_blue_after_red_in_this_year_and_the_difference_alone(town: Any) -> None:
    first = booked(town, *income(5_000))
    right = (debit(1004, 5_000, OWN), credit(440101, 5_000))
    assert code(replaced, town, first.number, "blue", *right) == "correct.red_first"
    made = red(town, first.number)
    assert code(replaced, town, first.number, "blue", *income(5_000)) == "correct.no_change"
    assert code(replaced, town, first.number, "blue", *income(-5_000)) == "correct.blue_letters"
    blue = replaced(town, first.number, "blue", *right)
    assert blue.content.summary == f"订正2026年10月14日{first.number}号凭证"
    assert code(approved, town, blue) == "correct.red_first"
    approved(town, made)
    approved(town, blue)
    again = (debit(1004, 5_000, OWN), credit(440201, 5_000))
    assert code(replaced, town, first.number, "blue", *again) == "correct.already"
    second = booked(town, *income(700))
    assert code(replaced, town, second.number, "difference", *right) == "correct.difference_lines"
    less = approved(town, replaced(town, second.number, "difference", *income(-60)))
    assert code(replaced, town, second.number, "difference", *income(5)) == "correct.already"
    assert code(red, town, second.number) == "correct.difference_stands"
    approved(town, red(town, less.number))
    approved(town, red(town, second.number))
    assert town.verify() == []
    assert (
        town.value("SELECT sum(credit - debit) FROM books.balance WHERE fund = 310 AND account = 440101")
        == 5_000
    )


def test_an_earlier_years_voucher_is_corrected_in_blue_alone(town: Any) -> None:
    first = booked(town, *income(5_000))
    for day in (date(2026, 11, 13), date(2026, 12, 13)):
        booked(town, *income(1), day=day)
    later = date(2027, 1, 8)
    assert code(red, town, first.number, later) == "correct.earlier_year"
    assert code(replaced, town, first.number, "difference", *income(3), day=later) == "correct.earlier_year"
    made = red(town, first.number, date(2026, 12, 13))  # drafted in the year, approved after it
    assert code(approved, town, made, later) == "correct.earlier_year"
    right = (debit(41010101, 5_000), credit(440101, 5_000))
    done = approved(town, replaced(town, first.number, "blue", *right, day=later), later)
    assert done.reverses_seq == 0
    assert code(replaced, town, first.number, "blue", *income(2), day=later) == "correct.already"
    assert town.verify() == []


def test_a_rules_entry_with_its_paper_is_opened_again(town: Any) -> None:
    for number in (1, 3, 4, 6):  # ALLOT, REC, ORD, RCV: each has its own way back
        assert code(red, town, str(number)) == "correct.own_way", number
    paper(town, "S1", "credit", 900)
    paper(town, "T1", "credit", 900, reference="BS1", kind="camt.054")
    move = explained(town, "S1", "interest")
    number = town.value("SELECT max(seq) FROM books.entry WHERE fund = 310")
    assert (outcome(town, "S1"), outcome(town, "BS1")) == (
        "confirmed/booked_by_hand",
        "confirmed/same_movement",
    )
    out = town.value(f"SELECT source_key FROM books.entry WHERE seq = {number} AND fund = 310")
    assert out == f"CASH:{move}"
    undone = "UPDATE fund.cash_move SET state = 'reversed'"
    assert code(raw, town, undone) == "request.decided"
    approved(town, red(town, str(number)))
    assert town.value(f"SELECT state FROM fund.cash_move WHERE move_id = '{move}'") == "reversed"
    assert (outcome(town, "S1"), outcome(town, "BS1")) == ("suspense/reversed", "suspense/reversed")
    assert town.verify() == []
    again = explained(town, "S1", "interest", "pool")
    assert again != move
    assert resolutions(town) == [("approved", "interest"), ("reversed", "interest")]
    assert (outcome(town, "S1"), town.verify()) == ("confirmed/booked_by_hand", [])


def resolutions(town: Any) -> list[Any]:
    with psycopg.connect(town.admin_url) as admin:
        return admin.execute("SELECT state, what FROM payments.resolution ORDER BY 1").fetchall()


def test_a_fee_given_back_is_not_reversed_before_what_followed(town: Any) -> None:
    paper(town, "F1", "debit", 300)
    paper(town, "F2", "credit", 300)
    explained(town, "F1", "fee")
    fee = town.value("SELECT max(seq) FROM books.entry WHERE fund = 310")
    explained(town, "F2", "fee_back")
    assert code(approved, town, red(town, str(fee))) == "correct.gone_on"
    approved(town, red(town, str(fee + 1)))
    approved(town, red(town, str(fee)))
    assert (outcome(town, "F1"), outcome(town, "F2"), town.verify()) == (
        "suspense/reversed",
        "suspense/reversed",
        [],
    )


def test_interest_handed_on_has_a_second_paper_that_goes_back_with_it(town: Any) -> None:
    """A15: the fiscal account's paper is the move's other side; neither a voucher nor another kind books it again."""
    with psycopg.connect(town.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO payments.book_account VALUES (420100, 310, '1003', %s) ON CONFLICT DO NOTHING",
            [FISCAL],
        )
    paper(town, "S1", "credit", 900)
    explained(town, "S1", "interest")
    with tx(town, "acc") as t:
        out = request_move(t, 310, "interest_out", 900, DAY, "OUT1", NEXT).move_id
    with tx(town, "checker") as t:
        approve_move(t, out, NEXT)
    entry = town.value("SELECT max(seq) FROM books.entry WHERE fund = 310")
    with tx(town, "acc") as t:
        keep_paper(t, FISCAL, PaperSaid("IN1", "credit", DAY, 900), "suspense", "other_credit")
    again = (debit(1003, 900, THEIRS), credit(1004, 900, OWN))
    assert code(drafted, town, *again) == "voucher.paper_waits"
    assert code(drafted, town, *again, receipts=("bker:IN1",)) == "voucher.own_booked"
    assert code(told, town, "premium", "") == "suspense.own_booked"
    told(town, "other_side", out)
    assert (outcome(town, "IN1"), found(town)) == ("confirmed/resolved_by_hand", [])
    approved(town, red(town, str(entry)))
    assert outcome(town, "IN1") == "suspense/reversed"
    assert ("reversed", "other_side") in resolutions(town)
    assert found(town) == []


def found(town: Any) -> list[str]:
    """What `verify` finds but the account above, which a superuser wrote."""
    return [one.message for one in town.verify() if one.code != "trace.login"]


def told(town: Any, what: str, reference: str) -> str:
    """The fiscal account's paper IN1, said to be something and confirmed."""
    with tx(town, "acc") as t:
        made = propose(t, SuspensePaper(310, FISCAL, "bker", "IN1", what, reference, "查询查复书"), NEXT)
    with tx(town, "checker") as t:
        return confirm(t, made.resolution_id, NEXT).state


def test_a_voucher_takes_its_papers_out_of_suspense_once(town: Any) -> None:
    paper(town, "P1", "credit", 400)
    paper(town, "P2", "credit", 600)
    paper(town, "T1", "credit", 400, reference="BP1", kind="camt.054")
    assert code(drafted, town, *income(400)) == "voucher.paper_waits"
    assert code(drafted, town, *income(401), receipts=("bker:P1",)) == "voucher.paper_differs"
    assert (
        code(drafted, town, debit(41010101, 400), credit(1004, 400, OWN), receipts=("bker:P1",))
        == "suspense.unknown"
    )
    assert code(drafted, town, *income(400), receipts=("P1",)) == "voucher.receipt"
    both = drafted(town, *income(1_000), receipts=("bker:P1", "bker:P2"))
    rival = drafted(town, *income(400), receipts=("bker:P1:credit",))
    assert ([c.code for c in both.cautions], both.as_json()["receipts"]) == (
        [],
        ["bker:P1:credit", "bker:P2:credit"],
    )
    first = approved(town, both)
    assert [outcome(town, no) for no in ("P1", "P2", "BP1")] == [
        "confirmed/booked_by_voucher", "confirmed/booked_by_voucher", "confirmed/same_movement"]  # fmt: skip
    assert code(approved, town, rival) == "suspense.not_open"
    assert code(drafted, town, *income(400), receipts=("bker:P1",)) == "suspense.not_open"
    assert town.verify() == []
    with pytest.raises(LedgerError), tx(town, "acc") as t:
        t.run(
            "UPDATE payments.evidence SET outcome = 'suspense', outcome_code = 'reversed' WHERE receipt_no = 'P1'"
        )
    made = red(town, first.number)
    blue = replaced(
        town,
        first.number,
        "blue",
        debit(1004, 1_000, OWN),
        credit(440101, 1_000),
        receipts=("bker:P1", "bker:P2"),
    )
    approved(town, made)
    assert [outcome(town, no) for no in ("P1", "P2", "BP1")] == ["suspense/reversed"] * 3
    approved(town, blue)
    assert (outcome(town, "P1"), town.verify()) == ("confirmed/booked_by_voucher", [])
    town.break_it("UPDATE payments.evidence SET outcome = 'suspense' WHERE receipt_no = 'P2'")
    assert {b.promise for b in town.verify() if b.code != "trace.row_changed"} == {"INV-13"}


def test_booked_before_its_receipt_is_matched_and_not_booked_again(town: Any) -> None:
    made = drafted(town, *income(800))
    assert [c.code for c in made.cautions] == ["voucher.awaits_receipt"]
    first = approved(town, made)
    paper(town, "L1", "credit", 800)
    paper(town, "L2", "credit", 801)
    assert code(drafted, town, *income(800), receipts=("bker:L1",)) == "voucher.awaits_paper"
    assert code(explained, town, "L1", "interest") == "suspense.booked_by_voucher"
    assert code(explained, town, "L2", "voucher", made.voucher_id) == "suspense.voucher_differs"
    assert code(explained, town, "L1", "voucher", "x") == "suspense.reference"
    explained(town, "L1", "voucher", made.voucher_id)
    assert (outcome(town, "L1"), town.verify()) == ("confirmed/resolved_by_hand", [])
    paper(town, "L3", "credit", 800)  # another of the same amount: its own movement, its own voucher
    assert code(explained, town, "L3", "voucher", made.voucher_id) == "suspense.voucher_differs"
    booked(town, *income(800), receipts=("bker:L3",))
    approved(town, red(town, first.number))
    assert (outcome(town, "L1"), outcome(town, "L3"), town.verify()) == (
        "suspense/reversed",
        "confirmed/booked_by_voucher",
        [],
    )


def test_accounts_of_rules_are_opened_by_two_persons_only(town: Any) -> None:
    memo = (debit(9101, 5, KEY), credit(9104, 5, KEY))
    for legs in (
        memo,
        (debit(110105, 5, KEY), credit(41010101, 5)),
        (debit(50010101, 5, KEY), credit(41010101, 5)),
    ):
        assert code(drafted, town, *legs) == "voucher.rule_account"
    with tx(town, "maker") as t:
        propose_choice(t, "hand_accounts", "9101,9104", DAY, "市局〔2026〕9号", NEXT)
        seen = read_choices(t).digest
    assert code(drafted, town, *memo) == "voucher.rule_account"
    with tx(town, "checker") as t:
        confirm_choices(t, seen, NEXT)
    posted = booked(town, *memo)
    found = {(b.promise, b.entry) for b in town.verify()}
    assert not [one for one in found if one[0] == "INV-11"]
    assert code(drafted, town, debit(110105, 5, KEY), credit(41010101, 5)) == "voucher.rule_account"
    town.break_it("DELETE FROM fund.region_policy WHERE key = 'hand_accounts'")
    assert ("INV-11", f"seq {posted.seq} ({posted.number})") in {(b.promise, b.entry) for b in town.verify()}


def test_no_account_is_overdrawn_by_hand(town: Any) -> None:
    left = int(
        town.value("SELECT sum(debit - credit) FROM books.balance WHERE fund = 310 AND account = 1004")
    )
    flying = int(town.value("SELECT sum(amount_fen) FROM payments.pay_order WHERE state = 'sent'"))
    assert flying > 0
    out = left - flying
    over = drafted(town, debit(41010101, out + 1), credit(1004, out + 1, OWN))
    assert code(approved, town, over) == "voucher.overdrawn"
    assert code(booked, town, *income(-(out + 1))) == "voucher.overdrawn"
    assert code(booked, town, debit(1004, 5, OWN), credit(1003, 5, THEIRS)) == "voucher.overdrawn"
    assert code(booked, town, debit(1001, 5), credit(1005, 5)) == "voucher.overdrawn"
    halves = [drafted(town, debit(41010101, n), credit(1004, n, OWN)) for n in (out // 2 + 1, out // 2 + 2)]
    said: list[str] = []

    def go(one: ManualVoucher) -> None:
        try:
            said.append(approved(town, one).number)
        except LedgerError as refused:
            said.append(refused.code)

    threads = [threading.Thread(target=go, args=(one,)) for one in halves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(word[:1] for word in said) == ["v", "记"]
    assert "voucher.overdrawn" in said
    assert town.verify() == []
    town.post(draft("late", (debit(41010101, left), credit(1004, left, OWN)), event="RCV"), day=NEXT)
    assert ("T7", f"1004 {ACCOUNT}") in {(b.promise, b.entry) for b in town.verify()}


def test_money_that_comes_back_blue_on_the_other_side_is_warned_of(town: Any) -> None:
    back = drafted(town, debit(1004, 7, OWN), credit(5101, 7))
    assert [c.code for c in back.cautions] == ["voucher.other_side", "voucher.awaits_receipt"]
    assert "5101" in back.cautions[0].message
    assert approved(town, back).number  # goes on
    for legs, codes in (
        ((debit(1004, 7, OWN), debit(5101, -7)), ["voucher.awaits_receipt"]),
        ((debit(41010101, 7), credit(440101, 7)), ["voucher.other_side"]),
        ((debit(530101, 7), credit(4001, 7)), []),
        ((credit(530201, 7), debit(1001, 7)), ["voucher.other_side"]),
    ):
        content = ManualContent(NEXT, "试", "单据", legs)
        one = ManualVoucher(BOOK, "MV-x", content, "acc", NEXT, b"", "drafted", "", None, "", "")
        assert [c.code for c in one.cautions] == codes
