"""An order goes to the account that two persons agreed on in what stands behind it: not to another that its maker wrote by himself."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.banks.ports import BankAccount
from ledger.control.checks.payments.limits import check_limits
from ledger.control.snapshot import open_snapshot
from ledger.core.entries import Dimensions
from ledger.core.errors import Conflict
from ledger.core.persons import PERSON as NOBODY
from ledger.fund.cash.orders import order_persons
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import Batch, BatchDraft, ItemDraft, OrderDraft
from ledger.simulation.people import DEMO_REGION
from tests.fund.cash.test_cash import DAY, PERSON, agreed_person

OWN = BankAccount("李四", "6217000000000999", "模拟银行", "102421000009")
"""The maker's, or a friend's."""


def by_hand(
    town: Any, kind: Any, institution: str, source: int, dims: Dimensions, fen: int, day: date = DAY
) -> Batch:
    """A batch of one order to the maker's account, as who has the program's login may draw it up."""
    order = OrderDraft(institution, [ItemDraft(source, dims, fen)], [], OWN, "付款", "4200000000001004")
    with town.tx() as tx:
        return create_batch(tx, BatchDraft(DEMO_REGION, 310, kind, f"{kind}-BY-HAND", day, day, [order]))


def found(town: Any) -> list[str]:
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        return [one.entry for one in check_limits(snapshot)]


def test_a_person_s_payment_is_not_ordered_elsewhere(town: Any) -> None:
    town.begin(fen=5_000_000)
    agreed_person(town)
    dims = Dimensions(NOBODY, PERSON.subfund, PERSON.service_year, PERSON.term, PERSON.category)
    away = by_hand(town, "person", NOBODY, 5001, dims, PERSON.amount_fen)
    with town.tx() as tx:
        tx.run("UPDATE fund.person_payment SET order_no = %(o)s", o=away.order_nos[0])
    with pytest.raises(Conflict, match=r"order\.other_payee"):
        town.send(away, DAY)
    assert found(town) == [f"order {away.order_nos[0]}"]
    town.month.pretend("UPDATE fund.person_payment SET order_no = ''")
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    [order] = town.pay(batch, DAY)
    assert (order.payee, found(town)) == (PERSON.payee, [])
