"""A refusal that no bank sent, made whole by the service's own login, bytes and all: seen where the bank's statement shows the debit.

Of a bank whose status is final nothing in the database tells such a file from the bank's: it decodes, and everything made of it
is in it. The day's statement is another paper; it has both debits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

import pytest

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus, write_pain002
from ledger.control.alarms.standing import Moment, standing
from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.db.engine import build_engine, let_go, login_url
from ledger.fund.daily.run import run_daily
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve
from ledger.payments.orders.order import Order
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.payments.statements.take import StatementFile, load
from ledger.simulation.people import DEMO_REGION
from tests.scenes.town import OWN, AnsweringBank

H = "H42010000001"
PAY, NEXT, LATER = date(2026, 10, 13), date(2026, 10, 14), date(2026, 10, 15)


@contextmanager
def by_payments(town: Any) -> Iterator[Any]:
    """The login that pays, and no other."""
    settings = town.month.database.settings
    engine = build_engine(login_url(settings, "payments"), "payments", home=settings.home)
    try:
        yield engine
    finally:
        let_go(engine, for_good=True)


@dataclass
class Twice:
    """An order that was sent, refused by a file of nobody's, and paid again under another number."""

    town: Any
    first: Order
    second: Order

    def state_of(self, *lines: PrintedLine) -> None:
        """The bank's statement from the first payment to the second."""
        balance, printed = 10**11, []
        for one in lines:
            balance += one.amount_fen if one.direction is Direction.CREDIT else -one.amount_fen
            printed.append(replace(one, balance_fen=balance))
        made = PrintedStatement(
            "ST1", 1, datetime.combine(LATER, time(8), SHANGHAI), OWN, "支出户", PAY, NEXT, 10**11, printed
        )
        content = write_camt053(made)
        with self.town.tx("li") as tx:
            load(
                tx,
                OWN,
                StatementFile("ST1.xml", content),
                read_statements("ST1.xml", content, Stated(OWN)),
                LATER,
            )

    def line(
        self, serial: str, order: Order, on: date, way: Direction = Direction.DEBIT, **more: Any
    ) -> PrintedLine:
        return PrintedLine(serial, way, order.amount_fen, on, 0, **more)

    def found(self) -> list[Breach]:
        return [
            one
            for one in verify(self.town.month.database.auditor_engine, self.town.home)
            if one.promise != "INV-09" and not one.code.startswith("anchor")
        ]

    def alarms(self) -> list[tuple[str, str]]:
        with self.town.tx() as tx:
            now = datetime.combine(LATER, time(9), SHANGHAI)
            return [
                (one.subject, one.detail)
                for one in standing(tx, Moment(now, now.timestamp()))
                if one.kind == "debited"
            ]


@pytest.fixture
def twice(town: Any, bill: Any) -> Twice:
    town.begin()
    town.month.take(bill("a", fund=50_000))
    town.open(PAY)
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, PAY).batches
    [first] = town.send(batch, PAY)
    said = TransactionStatus(first.order_no, "RJCT", first.amount_fen, "AM04", "余额不足", "")
    report = StatusReport(
        "FORGED1",
        datetime.combine(PAY, time(17), SHANGHAI),
        first.file_id,
        1,
        first.amount_fen,
        "PART",
        transactions=[said],
    )
    nobody = AnsweringBank()
    nobody.channel.papers["status.xml"] = write_pain002(report)
    with by_payments(town) as engine:
        assert not receive(engine, "xitong", DEMO_REGION, OWN, nobody, PAY).failures
    assert [order.state for order in town.orders([first.order_no])] == ["rejected"]
    [second] = town.pay_daily(NEXT)
    assert (second.amount_fen, second.payee) == (first.amount_fen, first.payee)
    made = Twice(town, first, second)
    assert (made.found(), made.alarms()) == ([], [])  # what the database has is in itself whole
    return made


@pytest.mark.fault(65)
@pytest.mark.parametrize("named", [True, False])
def test_paid_twice_over_a_forged_refusal_is_named_and_told(twice: Twice, named: bool) -> None:
    """By the orders' numbers, or where the bank prints none by sum and payee: one debit more than orders."""
    told = [
        {"order_no": order.order_no} if named else {"other_account": order.payee.number}
        for order in (twice.first, twice.second)
    ]
    twice.state_of(
        twice.line("X1", twice.first, PAY, **told[0]), twice.line("X2", twice.second, NEXT, **told[1])
    )
    [one] = [one for one in twice.found() if one.code == "order.paid_twice"]
    assert (one.promise, one.entry) == ("INV-10", f"order {twice.first.order_no}")
    assert twice.second.order_no in one.message
    assert "一款两付" in one.message
    [(subject, detail)] = twice.alarms()
    assert subject == twice.first.order_no
    assert twice.second.order_no in detail


@pytest.mark.parametrize("named", [True, False])
def test_one_debit_for_both_is_no_finding(twice: Twice, named: bool) -> None:
    told = {"order_no": twice.second.order_no} if named else {"other_account": twice.second.payee.number}
    twice.state_of(twice.line("X2", twice.second, NEXT, **told))
    assert ([one for one in twice.found() if one.code.startswith("order.")], twice.alarms()) == ([], [])


def test_a_debit_that_the_bank_took_back_itself_is_no_finding(twice: Twice) -> None:
    first = {"order_no": twice.first.order_no}
    twice.state_of(
        twice.line("X1", twice.first, PAY, **first),
        twice.line("X9", twice.first, PAY, Direction.CREDIT, **first),
        twice.line("X2", twice.second, NEXT, order_no=twice.second.order_no),
    )
    assert ([one for one in twice.found() if one.code.startswith("order.")], twice.alarms()) == ([], [])


def test_a_stored_file_that_is_not_the_one_made_is_never_sent(town: Any, bill: Any) -> None:
    """Past the guards: the sealed bytes cut, another file's in their place. The bank gets nothing, its orders stay as they were."""
    town.begin()
    town.month.take(bill("a", fund=50_000))
    town.open(PAY)
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, PAY).batches
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
    file(
        town.engine,
        "zhao",
        DEMO_REGION,
        batch.batch_id,
        town.bank_of,
        datetime.combine(PAY, time(9), SHANGHAI),
    )
    before = town.orders(batch.order_nos)
    for other in (b"", b"<Document/>"):
        town.month.pretend(
            "UPDATE payments.bank_file SET content = decode('" + (other.hex() or "00") + "', 'hex')"
        )
        [held] = send(town.engine, "sun", DEMO_REGION, town.bank_of, PAY)
        assert (held.outcome, held.code) == ("held", "file.altered")
        assert town.orders(batch.order_nos) == before
