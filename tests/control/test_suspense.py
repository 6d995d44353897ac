"""Papers nobody could match: one person says what they are, another confirms, the rules book it, and nothing is paid twice."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.suspense.resolution import Resolution, SuspensePaper, read_resolutions
from ledger.fund.suspense.suspense import confirm, propose, refuse
from tests.control.conftest import BOOK, FISCAL
from tests.scenes.papers import PaperSaid, keep_paper

REGION = 420100
ACCOUNT = "6222000001"
PAID, SENT = "FL20261013-0001", "FL20261013-0002"
PAID_FEN, SENT_FEN = 94074, 525926
DAY, LATER = date(2026, 10, 13), date(2026, 10, 14)


def tx(town: Any, user: str) -> Any:
    return unit_of_work(town.service, user, REGION)


def paper(town: Any, receipt_no: str, direction: str, fen: int, **said: Any) -> None:
    """A paper in suspense, as a file of the bank left it."""
    other, serial = said.get("other", "9558000001"), said.get("reference", "")
    with tx(town, "acc") as t:
        printed = PaperSaid(receipt_no, direction, DAY, fen, other=other, serial=serial)
        keep_paper(t, ACCOUNT, printed, "suspense", said.get("code", "unknown_order"))


def said(receipt_no: str, what: str, reference: str = "", **changes: Any) -> SuspensePaper:
    values = {"fund": 310, "account": ACCOUNT, "kind": "bker", "document": "查询查复书12号", **changes}
    return SuspensePaper(receipt_no=receipt_no, what=what, reference=reference, **values)


def proposed(town: Any, *told: str, user: str = "acc") -> Resolution:
    with tx(town, user) as t:
        return propose(t, said(*told), LATER)


def confirmed(town: Any, found: Resolution, user: str = "checker") -> Resolution:
    with tx(town, user) as t:
        return confirm(t, found.resolution_id, LATER)


def outcome(town: Any, receipt_no: str) -> Any:
    return town.value(f"SELECT outcome FROM payments.evidence WHERE receipt_no = '{receipt_no}'")


def entries(town: Any) -> int:
    return int(town.value("SELECT count(*) FROM books.entry"))


def code_of(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(LedgerError) as refused:
        call(*arguments, **named)
    assert refused.value.message
    return refused.value.code


def test_a_debit_that_named_no_order_pays_it_once(town: Any) -> None:
    paper(town, "S1", "debit", SENT_FEN)
    before = entries(town)
    found = proposed(town, "S1", "order", SENT)
    assert proposed(town, "S1", "order", SENT) == found
    assert (found.state, entries(town), outcome(town, "S1")) == ("requested", before, "suspense")
    done = confirmed(town, found)
    assert confirmed(town, found) == done
    assert (done.state, done.prepared_by, done.approved_by) == ("approved", "acc", "checker")
    assert (entries(town), outcome(town, "S1")) == (before + 1, "posted")
    assert town.value(f"SELECT state FROM payments.pay_order WHERE order_no = '{SENT}'") == "paid"
    assert (
        town.value(
            f"SELECT event || business_date || reviewed_by FROM books.entry WHERE source_key = 'RCV:{SENT}:bker:S1'"
        )
        == "RCV2026-10-13checker"
    )
    assert town.verify() == []
    paper(town, "S2", "debit", SENT_FEN)
    assert code_of(proposed, town, "S2", "order", SENT) == "suspense.order_state"
    assert entries(town) == before + 1


def test_two_papers_claimed_for_one_order_pay_it_once(town: Any) -> None:
    paper(town, "S1", "debit", SENT_FEN)
    paper(town, "S2", "debit", SENT_FEN)
    one, two = proposed(town, "S1", "order", SENT), proposed(town, "S2", "order", SENT)
    confirmed(town, one)
    assert code_of(confirmed, town, two) == "suspense.order_state"
    assert (outcome(town, "S2"), town.verify()) == ("suspense", [])


def test_a_credit_that_named_no_order_returns_it(town: Any) -> None:
    paper(town, "S1", "credit", PAID_FEN, code="other_credit")
    confirmed(town, proposed(town, "S1", "order", PAID))
    assert town.value(f"SELECT state FROM payments.pay_order WHERE order_no = '{PAID}'") == "returned"
    assert town.value("SELECT count(*) FROM fund.payable WHERE order_no <> ''") == 1
    assert town.verify() == []


@pytest.mark.parametrize(
    ("direction", "fen", "order", "reference", "code"),
    [
        ("debit", SENT_FEN + 1, SENT, "B1", "suspense.order_differs"),
        ("debit", PAID_FEN, PAID, "B1", "suspense.order_state"),
        ("credit", SENT_FEN, SENT, "B1", "suspense.order_state"),
        ("debit", SENT_FEN, "FL20261013-0077", "B1", "order.unknown"),
        ("debit", SENT_FEN, SENT, "BR1", "suspense.reference_reused"),
    ],
)
def test_what_cannot_be_that_order_is_refused(
    town: Any, direction: str, fen: int, order: str, reference: str, code: str
) -> None:
    paper(town, "S1", direction, fen, reference=reference)
    assert code_of(proposed, town, "S1", "order", order) == code
    assert outcome(town, "S1") == "suspense"


def test_one_proposes_another_confirms_each_by_their_post(town: Any) -> None:
    with psycopg.connect(town.admin_url, autocommit=True) as admin:
        admin.execute("INSERT INTO access.app_user VALUES ('acc2', 'p1', 'acc2')")
        admin.execute("INSERT INTO access.user_role VALUES (420100, 'acc2', 'checker', 0)")
    paper(town, "S1", "debit", SENT_FEN)
    for user in ("maker", "checker", "cash", "adm"):
        assert code_of(proposed, town, "S1", "order", SENT, user=user) == "access.role_missing"
    found = proposed(town, "S1", "order", SENT)
    for user, code in (
        ("acc", "access.role_missing"),
        ("maker", "access.role_missing"),
        ("acc2", "request.same_person"),
    ):
        assert code_of(confirmed, town, found, user) == code
    assert outcome(town, "S1") == "suspense"


def test_a_refused_proposal_is_kept_and_another_may_follow(town: Any) -> None:
    paper(town, "S1", "debit", 1_500)
    first = proposed(town, "S1", "fee")
    assert code_of(proposed, town, "S1", "to_return") == "db.duplicate"
    with tx(town, "checker") as t:
        assert refuse(t, first.resolution_id, LATER, "是邮费").state == "refused"
    assert town.value("SELECT state FROM fund.cash_move") == "refused"
    assert code_of(confirmed, town, first) == "request.decided"
    second = proposed(town, "S1", "fee")
    assert second.resolution_id != first.resolution_id
    assert outcome(town, "S1") == "suspense"


@pytest.mark.parametrize(
    ("what", "direction", "reference", "event", "legs"),
    [
        ("fee", "debit", "", "FEE", {(110109, 1500), (1004, -1500)}),
        ("interest", "credit", "pool", "INT", {(1004, 1500), (42010101, -1500)}),
    ],
)
def test_the_banks_own_doing_is_a_move_of_the_account(
    town: Any, what: str, direction: str, reference: str, event: str, legs: set[tuple[int, int]]
) -> None:
    paper(town, "S1", direction, 1500, code="other_credit")
    confirmed(town, proposed(town, "S1", what, reference))
    with psycopg.connect(town.admin_url) as admin:
        found = admin.execute(
            "SELECT e.event, l.account, l.side * l.amount_fen, e.prepared_by, e.reviewed_by FROM books.entry e"
            " JOIN books.leg l USING (region, fund, period, seq) WHERE e.source_key LIKE 'CASH:%'"
        ).fetchall()
    assert {row[1:3] for row in found} == legs
    assert {(row[0], *row[3:]) for row in found} == {(event, "acc", "checker")}
    assert (outcome(town, "S1"), town.verify()) == ("confirmed", [])
    wrong = "credit" if direction == "debit" else "debit"
    paper(town, "S2", wrong, 1500)
    assert code_of(proposed, town, "S2", what, reference) == "suspense.direction"


def _request(town: Any, key: str, fen: int) -> None:
    with tx(town, "maker") as t:
        t.run(
            "INSERT INTO fund.fund_request (region, fund, request_id, account, fiscal_account, upto, forecast_fen, available_fen,"
            " amount_fen, prepared_by, prepared_on) VALUES (420100, 310, %(k)s, '6222000001', '6222000009', '2026-10-14', %(f)s, 0,"
            " %(f)s, 'maker', '2026-10-13')",
            k=key,
            f=fen,
        )
    with tx(town, "checker") as t:
        t.run(
            "UPDATE fund.fund_request SET state = 'approved', approved_by = 'checker', approved_on = '2026-10-13'"
            " WHERE request_id = %(k)s",
            k=key,
        )


def test_fiscal_money_grants_its_request(town: Any) -> None:
    town.by_hand(BOOK, "财政补贴", legs=(debit(1003, 70_000, Dimensions(FISCAL)), credit(41010101, 70_000)))
    _request(town, "REQ-00000002", 70_000)
    paper(town, "S1", "credit", 70_001, code="other_credit")
    assert code_of(proposed, town, "S1", "request", "REQ-00000002") == "suspense.request_differs"
    paper(town, "S2", "credit", 70_000, code="other_credit")
    before = entries(town)
    confirmed(town, proposed(town, "S2", "request", "REQ-00000002"))
    assert (
        town.value(
            "SELECT state || granted_fen || receipt_no FROM fund.fund_request WHERE request_id = 'REQ-00000002'"
        )
        == "granted70000S2"
    )
    assert (entries(town), outcome(town, "S2"), town.verify()) == (before + 1, "confirmed", [])


def test_fiscal_money_granted_by_hand_before_books_nothing_again(town: Any) -> None:
    paper(town, "S1", "credit", 2_000_000, code="other_credit")
    paper(town, "S2", "credit", 2_000_000, code="other_credit")
    before = entries(town)
    confirmed(town, proposed(town, "S1", "request", "REQ-00000001"))
    assert (entries(town), outcome(town, "S1"), town.verify()) == (before, "confirmed", [])
    assert code_of(proposed, town, "S2", "request", "REQ-00000001") == "db.duplicate"


def test_what_is_not_ours_waits_for_the_banks_opposite_paper(town: Any) -> None:
    before = entries(town)
    paper(town, "S1", "credit", 8_800, code="other_credit")
    assert code_of(proposed, town, "S1", "to_return", "x") == "suspense.reference"
    confirmed(town, proposed(town, "S1", "to_return"))
    assert (
        town.value("SELECT outcome || '/' || outcome_code FROM payments.evidence WHERE receipt_no = 'S1'")
        == "suspense/to_return"
    )
    assert town.verify() == []
    paper(town, "S2", "debit", 8_801)
    assert code_of(proposed, town, "S2", "counter", "bker:S1") == "suspense.counter_differs"
    paper(town, "S3", "debit", 8_800)
    confirmed(town, proposed(town, "S3", "counter", "bker:S1"))
    assert [outcome(town, key) for key in ("S1", "S2", "S3")] == ["confirmed", "suspense", "confirmed"]
    assert (entries(town), town.verify()) == (before, [])
    paper(town, "S4", "debit", 8_800)
    assert code_of(proposed, town, "S4", "counter", "bker:S1") == "suspense.counter_differs"


def test_what_was_thought_not_ours_may_turn_out_to_be_an_order(town: Any) -> None:
    paper(town, "S1", "debit", SENT_FEN)
    confirmed(town, proposed(town, "S1", "to_return"))
    confirmed(town, proposed(town, "S1", "order", SENT))
    assert (outcome(town, "S1"), town.verify()) == ("posted", [])


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (said("S9", "fee"), "suspense.unknown"),
        (said("R1", "fee"), "suspense.not_open"),
        (said("S1", "gift"), "suspense.kind"),
        (said("S1", "fee", document=" "), "request.text"),
        (said("S1", "to_return", fund=390), "suspense.other_book"),
        (said("S1", "request", "REQ-X"), "suspense.direction"),
    ],
)
def test_nonsense_is_refused(town: Any, told: SuspensePaper, code: str) -> None:
    paper(town, "S1", "debit", 100)
    with pytest.raises(LedgerError) as refused, tx(town, "acc") as t:
        propose(t, told, LATER)
    assert refused.value.code == code


@pytest.mark.parametrize("user", ["acc", "checker", "maker", "cash"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments.evidence SET outcome = 'confirmed' WHERE receipt_no = 'S1'",
        f"UPDATE payments.evidence SET outcome = 'posted', matched_order = '{SENT}' WHERE receipt_no = 'S1'",
        "UPDATE payments.resolution SET state = 'approved', approved_by = 'checker', approved_on = '2026-10-14', what = 'fee'",
        "DELETE FROM payments.resolution",
        "INSERT INTO payments.resolution SELECT region, 310, 'SUS-00000000000000000000', account, kind, receipt_no, digest, 'order', 'x',"
        " 'd', 'approved', 'acc', '2026-10-14', 'checker', '2026-10-14', '' FROM payments.evidence WHERE receipt_no = 'S1'",
    ],
)
def test_raw_sql_explains_nothing(town: Any, statement: str, user: str) -> None:
    paper(town, "S1", "debit", SENT_FEN)
    proposed(town, "S1", "to_return")
    with pytest.raises(LedgerError), tx(town, user) as t:
        t.connection.execute(statement)
    assert outcome(town, "S1") == "suspense"


@pytest.mark.parametrize("user", ["maker", "checker", "cash"])
def test_who_does_not_keep_books_writes_no_papers(town: Any, user: str) -> None:
    with pytest.raises(LedgerError), tx(town, user) as t:
        t.run(
            "INSERT INTO payments.evidence SELECT region, account, kind, 'S1', file_sha256, direction, booking_date, amount_fen,"
            " other_account, other_name, order_no, 'B9', is_return, reason_code, reason, digest, 'posted', '', %(o)s"
            " FROM payments.evidence",
            o=SENT,
        )


ATTACKS = {
    "paper": ("UPDATE payments.evidence SET amount_fen = 5 WHERE receipt_no = 'S3'", "evidence bker:S3"),
    "said": ("UPDATE payments.resolution SET reference = 'bker:S9' WHERE what = 'counter'", "resolution"),
    "confirmed without a word": (
        "UPDATE payments.evidence SET outcome = 'confirmed' WHERE receipt_no = 'S4'",
        "evidence bker:S4",
    ),
    "deleted": ("DELETE FROM payments.resolution WHERE what = 'counter'", "evidence bker:S1"),
    "opened again": (
        "UPDATE payments.evidence SET outcome = 'suspense' WHERE receipt_no = 'S3'",
        "resolution",
    ),
    "one person": (
        "UPDATE payments.resolution SET approved_by = 'acc2x' WHERE what = 'counter'",
        "resolution",
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_change_behind_the_guards_is_named(town: Any, attack: str) -> None:
    for receipt_no, direction in (("S1", "credit"), ("S3", "debit"), ("S4", "debit")):
        paper(town, receipt_no, direction, 8_800)
    confirmed(town, proposed(town, "S3", "counter", "bker:S1"))
    assert town.verify() == []
    statement, where = ATTACKS[attack]
    town.break_it(statement)
    named = {f.entry.split(" SUS-")[0] for f in town.verify() if f.promise in ("INV-11", "INV-13")}
    assert where in named
    with tx(town, "acc") as t:
        assert len(read_resolutions(t, state="approved")) <= 1
