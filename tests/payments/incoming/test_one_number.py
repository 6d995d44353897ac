"""One number of the bank for two movements, and two numbers for one: each movement posts once, and none is lost."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.banks.ports import Direction
from ledger.control.verify import verify
from ledger.core.errors import LedgerError
from ledger.fund.suspense.resolution import SuspensePaper
from ledger.fund.suspense.suspense import confirm, propose
from ledger.payments.orders.listing import open_papers
from tests.payments.incoming.test_cases import CASES, OWN, fill

CASE = CASES / "L08-return-same-reference"
TWICE = CASES / "L64-two-papers-other-serials"
PAPERS = "SELECT receipt_no, direction, outcome FROM payments.evidence ORDER BY 2 DESC"


def put(bank: Any, folder: Any, order: Any, *names: str) -> None:
    for name in names:
        bank.put(fill((folder / name).read_bytes(), [order]), f"{bank_no()}-{name}")


def breaches(database: Any) -> list[Any]:
    """What verify says of papers and orders (the scene's records are written past their intake)."""
    found = verify(database.auditor_engine, database.settings.home)
    return [one for one in found if one.promise in ("INV-10", "INV-13")]


def numbers(world: Any, kind: str) -> list[str]:
    return [
        number
        for (number,) in world.rows(
            "SELECT DISTINCT receipt_no FROM payments.evidence WHERE kind = %(k)s ORDER BY 1", k=kind
        )
    ]


def bank_no(count: list[int] = [0]) -> int:  # noqa: B006 one counter for all names of this file
    count[0] += 1
    return count[0]


@pytest.mark.parametrize("names", [("a.xml", "b.xml"), ("b.xml", "a.xml")])
@pytest.mark.parametrize("polls", [1, 2])
def test_a_return_under_its_debits_number_is_a_movement_of_its_own(
    world: Any, bank: Any, sent: Any, database: Any, names: tuple[str, str], polls: int
) -> None:
    """Whichever comes first, together or one after the other, and again later: paid once, returned once."""
    [order] = sent(10000)
    for name in names:
        put(bank, CASE, order, name)
        if polls == 2:
            world.receive(bank)
    world.receive(bank)
    number = world.value("SELECT min(receipt_no) FROM payments.evidence")
    assert world.rows(PAPERS) == [(number, "debit", "posted"), (number, "credit", "posted")]
    assert world.state(order.order_no) == "returned"
    entries = world.value("SELECT count(*) FROM books.entry WHERE event IN ('RCV', 'RTN')")
    again = fill((CASE / "b.xml").read_bytes(), [order]).replace(b"<MsgId>N1<", b"<MsgId>N2<")
    bank.put(again, "again.xml")
    done = world.receive(bank)
    assert (entries, done.problems, done.outcomes.total()) == (2, [], 0)
    assert breaches(database) == []


def test_a_direction_is_asked_where_both_papers_of_a_number_are_open(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    [order] = sent(10000)
    foreign = fill((CASE / "a.xml").read_bytes(), [order]).replace(order.order_no.encode(), b"NOT-OURS")
    back = fill((CASE / "b.xml").read_bytes(), [order]).replace(order.order_no.encode(), b"NOT-OURS")
    bank.put(foreign, "f1.xml")
    bank.put(back, "f2.xml")
    world.receive(bank)
    [number] = numbers(world, "camt.054")
    said = SuspensePaper(310, OWN, "camt.054", number, "to_return", "", "银行查复1号")
    with pytest.raises(LedgerError) as asked, world.tx("acc") as tx:
        propose(tx, said, order.pay_date)
    assert asked.value.code == "suspense.direction_open"
    found = {}
    for direction in ("debit", "credit"):
        with world.tx("acc") as tx:
            found[direction] = propose(
                tx,
                SuspensePaper(310, OWN, "camt.054", number, "to_return", "", "银行查复1号", direction),
                order.pay_date,
            )
    assert found["debit"].resolution_id != found["credit"].resolution_id
    assert [one.key.direction for one in found.values()] == [Direction.DEBIT, Direction.CREDIT]


def test_two_papers_of_one_movement_are_proposed_as_one(
    world: Any, bank: Any, sent: Any, database: Any
) -> None:
    """The notice and the receipt of one debit bear different serials: no second payment, and the way out is said."""
    [order] = sent(10000)
    put(bank, TWICE, order, "a.xml")
    world.receive(bank)
    put(bank, TWICE, order, "b.xml")
    world.receive(bank)
    with world.tx("acc") as tx:
        [paper] = open_papers(tx)
        assert (paper.code, paper.same_as) == ("already_paid", f"camt.054:{numbers(world, 'camt.054')[0]}")
        said = SuspensePaper(310, OWN, "bker", paper.receipt_no, "same", paper.same_as, "银行查复2号")
        found = propose(tx, said, order.pay_date)
        assert open_papers(tx)[0].same_as == ""
    entries = world.value("SELECT count(*) FROM books.entry")
    with world.tx("checker") as tx:
        confirm(tx, found.resolution_id, order.pay_date)
    assert world.rows(
        "SELECT outcome, outcome_code, matched_order FROM payments.evidence WHERE kind = 'bker'"
    ) == [("confirmed", "resolved_by_hand", order.order_no)]
    assert world.value("SELECT count(*) FROM books.entry") == entries
    assert breaches(database) == []


@pytest.mark.parametrize("change", ["amount", "kind"])
def test_what_is_another_movement_is_not_the_same(
    world: Any, bank: Any, sent: Any, movement: Any, change: str
) -> None:
    [order] = sent(10000)
    put(bank, TWICE, order, "a.xml")
    if change == "amount":
        text = fill((TWICE / "b.xml").read_bytes(), [order]).replace(b">100.00<", b">99.00<")
        kind = "bker"
    else:
        text = fill((TWICE / "a.xml").read_bytes(), [order]).replace(b"ACC-1", b"ACC-2")
        kind = "camt.054"
    bank.put(text, "other.xml")
    world.receive(bank)
    first = world.value("SELECT kind || ':' || receipt_no FROM payments.evidence WHERE outcome = 'posted'")
    number = world.value("SELECT receipt_no FROM payments.evidence WHERE outcome = 'suspense'")
    with pytest.raises(LedgerError) as refused, world.tx("acc") as tx:
        propose(tx, SuspensePaper(310, OWN, kind, number, "same", first, "查复"), order.pay_date)
    assert refused.value.code == "suspense.same_differs"
    with pytest.raises(Exception, match=r"suspense\.unexplained"), world.tx("acc") as tx:
        tx.run(
            "UPDATE payments.evidence SET outcome = 'confirmed', matched_order = %(o)s WHERE receipt_no = %(n)s",
            o=order.order_no,
            n=number,
        )
