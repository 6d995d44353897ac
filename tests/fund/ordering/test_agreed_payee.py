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
from ledger.fund.daily.run import run_daily
from ledger.payments.orders.approve import discard
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import Batch, BatchDraft, ItemDraft, OrderDraft, PayableDraft
from ledger.simulation.people import DEMO_REGION
from tests.fund.cash.test_cash import DAY, PERSON, agreed_person

OWN = BankAccount("李四", "6217000000000999", "模拟银行", "102421000009")
"""The maker's, or a friend's."""
PERSON_TERMS = (PERSON.subfund, PERSON.service_year, PERSON.term, PERSON.category)


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
    dims = Dimensions(NOBODY, *PERSON_TERMS)
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


@pytest.mark.parametrize("kind", ["supplier", "person", "daily"])
def test_what_is_owed_to_an_institution_goes_to_its_account_whatever_its_batch_calls_itself(
    town: Any, bill: Any, kind: Any
) -> None:
    """Its maker's account under the kind of a batch whose accounts nobody compared when its file set out: paid, and `verify` clean."""
    town.begin(fen=5_000_000)
    town.month.take(bill("a1"), bill("a2"))
    town.open(DAY)
    [made] = run_daily(town.engine, "zhao", DEMO_REGION, DAY).batches
    discard(town.engine, "zhao", DEMO_REGION, made.batch_id, "改由手工", DAY)
    with town.tx() as tx:
        owed = tx.rows(
            "SELECT setl_id, subfund, service_year, term, category, daily_fen, institution FROM fund.payable WHERE daily_fen > 0 ORDER BY 1"
        )
        items = [ItemDraft(9101, Dimensions(row[6], *row[1:5]), row[5]) for row in owed]
        taken = [PayableDraft(row[0], row[1], row[5]) for row in owed]
        order = OrderDraft(owed[0][6], items, taken, OWN, "付款", "4200000000001004")
        away = create_batch(tx, BatchDraft(DEMO_REGION, 310, kind, "BY-HAND", DAY, DAY, [order]))
    with pytest.raises(Conflict, match=r"order\.other_payee"):
        town.send(away, DAY)
    town.month.pretend(
        "INSERT INTO payments.approval SELECT region, batch_id, digest, prepared_by, 'qian', pay_date FROM payments.batch"
        " WHERE batch_id = 'BY-HAND'"
    )
    assert found(town) == [f"order {away.order_nos[0]}"]


def test_what_is_owed_to_a_region_goes_to_its_account_whatever_its_batch_calls_itself(town: Any) -> None:
    """A bill of another region's under the kind of a batch to a person: refused, and past every guard named."""
    town.begin(fen=5_000_000)
    away = by_hand(town, "person", "420200", 9103, Dimensions("420200", *PERSON_TERMS), 60_000)
    with pytest.raises(Conflict, match=r"batch\.not_owed"):
        town.send(away, DAY)
    town.month.pretend(
        "INSERT INTO payments.approval SELECT region, batch_id, digest, prepared_by, 'qian', pay_date FROM payments.batch"
    )
    assert found(town) == [f"order {away.order_nos[0]}"]
