"""Interest and fees told by two papers, the electronic receipt and camt.054: booked once, whichever comes or is entered first."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

import pytest

from adapters.banks.ports import BankAccount, Direction
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from adapters.banks.simulator.messages.receipt import PrintedReceipt, write_bker
from ledger.books.anchors import write_anchors
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict
from ledger.fund.cash.movements import approve_move, request_move
from ledger.fund.suspense.resolution import SuspensePaper
from ledger.fund.suspense.suspense import confirm, propose
from ledger.payments.incoming.receive import receive
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT

OWN = EXPENDITURE_ACCOUNT.number
DAY = date(2026, 12, 21)
FEN = 1_234
PAPERS = ("bker", "camt.054")


def paper(kind: str, serial: str = "SN1", fen: int = FEN, number: str = "LX0001") -> bytes:
    """Quarterly interest as the bank tells it, by a receipt of that number or by a notice."""
    own = BankAccount("支出户", OWN, "模拟银行", "102421000001")
    bank = BankAccount("应付利息", "1000000001", "模拟银行", "102421000001")
    if kind == "bker":
        return write_bker(
            PrintedReceipt(
                receipt_no=number, issuer_cnaps="102421000001", booking_date=DAY, issue_date=DAY, payer=bank, payee=own,
                amount_fen=fen, serial=serial, usage="结息", notes="结息",
            )
        )  # fmt: skip
    moved = NotifiedMovement(serial, Direction.CREDIT, fen, DAY, bank.number, bank.name)
    return write_camt054(
        Notification(f"N{number}", datetime.combine(DAY, time(18), SHANGHAI), OWN, "支出户", [moved])
    )


def told(town: Any, kind: str, **said: Any) -> str:
    """The paper comes by the channel; its number."""
    town.serial += 1
    name = f"{town.serial:05d}.{'zip' if kind == 'bker' else 'xml'}"
    town.bank.channel.papers[name] = paper(kind, **said)
    town.open(DAY)
    done = receive(town.engine, "xitong", DEMO_REGION, OWN, town.bank, DAY)
    assert (done.files, done.problems) == (1, [])
    return str(
        town.value(
            f"SELECT receipt_no FROM payments.evidence WHERE kind = '{kind}' ORDER BY ctid DESC LIMIT 1"
        )
    )


def outcomes(town: Any) -> list[tuple[str, str, str]]:
    sql = "SELECT kind, outcome, outcome_code FROM payments.evidence ORDER BY kind, receipt_no"
    return [tuple(row) for row in town.month.asked(sql)]


def by_hand(town: Any, receipt_no: str, fen: int = FEN) -> str:
    with town.tx() as tx:
        return str(request_move(tx, 310, "interest", fen, DAY, receipt_no, DAY).move_id)


def agreed(town: Any, move_id: str) -> None:
    with town.tx("qian") as tx:
        approve_move(tx, move_id, DAY)


def proposed(town: Any, kind: str, number: str) -> str:
    with town.tx("li") as tx:
        return propose(tx, SuspensePaper(310, OWN, kind, number, "interest", "", "结息单"), DAY).resolution_id


def confirmed(town: Any, resolution: str) -> None:
    with town.tx("qian") as tx:
        confirm(tx, resolution, DAY)


@pytest.fixture
def bare(town: Any) -> Any:
    town.begin(fen=0)
    town.open(DAY)
    return town


@pytest.mark.parametrize(("first", "second"), [PAPERS, PAPERS[::-1]])
def test_both_papers_are_here_and_one_is_explained(bare: Any, first: str, second: str) -> None:
    numbers = {first: told(bare, first), second: told(bare, second)}
    assert {outcome for _, outcome, _ in outcomes(bare)} == {"suspense"}
    one, two = proposed(bare, first, numbers[first]), proposed(bare, second, numbers[second])
    confirmed(bare, one)
    assert {outcome for _, outcome, _ in outcomes(bare)} == {"confirmed"}
    with pytest.raises(Conflict, match=r"suspense\.not_open"):
        confirmed(bare, two)
    with pytest.raises(Conflict, match=r"cash\.paper_differs"):
        agreed(bare, by_hand(bare, numbers[second]))
    assert bare.balance(1004) == FEN
    bare.verified()


@pytest.mark.parametrize(("first", "second"), [PAPERS, PAPERS[::-1]])
def test_the_other_paper_comes_after_the_booking(bare: Any, first: str, second: str) -> None:
    number = told(bare, first)
    agreed(bare, by_hand(bare, number))
    told(bare, second)
    assert sorted(code for _, _, code in outcomes(bare)) == ["booked_by_hand", "same_movement"]
    assert bare.balance(1004) == FEN
    bare.verified()


@pytest.mark.parametrize(("first", "second"), [PAPERS, PAPERS[::-1]])
def test_booked_from_the_statement_before_any_paper_came(bare: Any, first: str, second: str) -> None:
    number = {"bker": "LX0001", "camt.054": "SN1"}[first]
    agreed(bare, by_hand(bare, number))
    assert told(bare, first) == number
    told(bare, second)
    assert {outcome for _, outcome, _ in outcomes(bare)} == {"confirmed"}
    bare.verified()


def test_a_paper_that_says_otherwise_stays(bare: Any) -> None:
    agreed(bare, by_hand(bare, "LX0001"))
    told(bare, "bker", fen=FEN + 1)
    assert outcomes(bare) == [("bker", "suspense", "receipt_differs")]
    told(bare, "bker", serial="SN2", number="LX0002")
    agreed(bare, by_hand(bare, "LX0002"))
    told(bare, "camt.054", serial="SN2", fen=FEN - 1, number="LX0003")
    assert ("camt.054", "suspense", "reference_reused") in outcomes(bare)


def test_the_same_interest_entered_with_both_numbers_is_found(bare: Any) -> None:
    """Nothing could tell before the papers came; now they do, and the second one is not waved through."""
    agreed(bare, by_hand(bare, "LX0001"))
    agreed(bare, by_hand(bare, "SN1"))
    told(bare, "bker")
    told(bare, "camt.054")
    assert outcomes(bare) == [
        ("bker", "confirmed", "booked_by_hand"),
        ("camt.054", "suspense", "booked_twice"),
    ]
    with suppress(FileNotFoundError):
        write_anchors(bare.month.database.auditor_engine, bare.home)
    found = verify(bare.month.database.auditor_engine, bare.home)
    assert any(one.promise == "INV-13" and "SN1" in one.entry and "记了两次" in one.message for one in found)
