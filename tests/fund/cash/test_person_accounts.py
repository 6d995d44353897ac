"""A person's account that the bank said is wrong: the payment waits until two persons said where to, and says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from adapters.banks.ports import BankAccount
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus, write_pain002
from ledger.control.alarms.standing import Moment, standing
from ledger.control.checks.payments.limits import check_limits
from ledger.control.snapshot import open_snapshot
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, Forbidden
from ledger.fund.cash.orders import order_persons
from ledger.fund.cash.person_accounts import approve_account, propose_account, refuse_account
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.values import Batch
from ledger.simulation.people import DEMO_REGION
from tests.fund.cash.test_cash import DAY, PERSON, agreed_person, refused
from tests.scenes.town import OWN


def test_a_person_s_faulty_account_holds_the_payment_and_stops_no_paper(town: Any, second_name: str) -> None:
    """Refused for the account (BE01), paid to another, given back for that, paid to the first again: each time by two persons."""
    town.begin(fen=5_000_000)
    agreed_person(town)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    [order] = town.send(batch, DAY)
    moment = datetime.combine(DAY, time(15), SHANGHAI)
    told = TransactionStatus(order.order_no, "RJCT", order.amount_fen, "BE01", "收款人户名与账号不符")
    town.bank.channel.papers["status.xml"] = write_pain002(
        StatusReport("ST1", moment, order.file_id, 1, order.amount_fen, "RJCT", transactions=[told])
    )
    done = receive(town.engine, "xitong", DEMO_REGION, OWN, town.bank, DAY)
    assert (done.failures, done.problems, done.events["reject"]) == ([], [], 1)
    assert [one.state for one in town.orders(batch.order_nos)] == ["rejected"]
    other = replace(PERSON.payee, number="6217000000000777")
    batch = corrected(town, order.order_no, other, second_name)
    [order] = town.pay(batch, DAY)
    assert order.payee == other
    town.receipt(order, DAY, back=True, why=("BE01", "账号户名不符"))
    assert [one.state for one in town.orders(batch.order_nos)] == ["returned"]
    assert (town.balance(1004), town.balance(200104)) == (5_000_000, -1_280_000)
    batch = corrected(town, order.order_no, PERSON.payee, second_name)
    [order] = town.pay(batch, DAY)
    assert order.payee == PERSON.payee
    assert (town.balance(50010105), town.balance(200104), town.balance(1004)) == (1_280_000, 0, 3_720_000)
    town.verified()


def held(town: Any) -> list[tuple[str, str]]:
    """What the day's drafting passes over, and the alarms of persons that stand."""
    with town.tx() as tx:
        done = order_persons(tx, 310, DAY + timedelta(days=1))
        assert done.batches == []
        moment = Moment(datetime.combine(DAY + timedelta(days=1), time(9), SHANGHAI), 0.0)
        stands = [(a.subject, a.detail) for a in standing(tx, moment) if a.kind == "payee_failed"]
    assert [one.reason for one in done.skipped] == ["payee_failed"]
    assert [subject for subject, _ in stands] == [one.key for one in done.skipped]
    return stands


def corrected(town: Any, order_no: str, payee: BankAccount, second_name: str) -> Batch:
    """The batch that pays a held payment, once two persons said where to; nothing is ordered on the way there."""
    [(payment, state)] = held(town)
    assert state == "failed"
    with pytest.raises(Conflict, match=r"request\.decided"), town.tx() as tx:
        tx.run("UPDATE fund.person_account SET state = 'approved', approved_by = 'qian'")
    with town.tx("zhao") as tx:
        asked = propose_account(tx, payment, payee, "本人申请", DAY)
    assert (asked.account_id, asked.why, asked.state) == (
        f"PAC-{order_no}",
        "户名与账号不符（BE01）",
        "requested",
    )
    assert payee.number not in str(asked)
    assert refused(lambda: propose_twice(town, payment, payee), Conflict) == "person.account_waits"
    with pytest.raises(Forbidden, match=r"request\.same_person"), town.tx(second_name) as tx:
        approve_account(tx, asked.account_id, DAY)
    with town.tx("qian") as tx:
        assert refuse_account(tx, asked.account_id, DAY, "无本人签名").state == "refused"
    assert held(town) == [(payment, "refused")]
    with town.tx("zhao") as tx:
        propose_account(tx, payment, payee, "本人申请（签名）", DAY)
    assert held(town) == [(payment, "requested")]
    with town.tx("qian") as tx:
        approve_account(tx, asked.account_id, DAY)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    return batch


def propose_twice(town: Any, payment: str, payee: BankAccount) -> None:
    with town.tx("zhao") as tx:
        propose_account(tx, payment, payee, "又一申请", DAY)


def test_past_the_program_a_held_payment_goes_nowhere_and_verify_finds_where_it_went(town: Any) -> None:
    """Raw SQL of the service's login links no order to it, marks no account without the bank's word, and what an administrator does is found."""
    town.begin(fen=5_000_000)
    agreed_person(town)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    [order] = town.pay(batch, DAY)
    with pytest.raises(Conflict, match=r"person\.no_word"), town.tx("qian") as tx:
        tx.run("SELECT fund.fail_persons(%(r)s, %(o)s, %(d)s)", r=DEMO_REGION, o=[order.order_no], d=DAY)
    town.receipt(order, DAY, back=True, why=("AC04", "账户已销户"))
    [(payment, _)] = held(town)
    away = replace(PERSON, document="生津〔2026〕9号")
    agreed_person(town, away)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    with pytest.raises(Conflict, match=r"person\.account_failed"), town.tx() as tx:
        tx.run(
            "UPDATE fund.person_payment SET order_no = %(o)s WHERE payment_id = %(p)s",
            o=batch.order_nos[0],
            p=payment,
        )
    town.month.pretend("UPDATE fund.person_payment SET order_no = '' WHERE document = '生津〔2026〕9号'")
    town.month.pretend(
        f"UPDATE fund.person_payment SET order_no = '{batch.order_nos[0]}' WHERE payment_id = '{payment}'"
    )
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        assert [one.entry for one in check_limits(snapshot)] == [f"order {batch.order_nos[0]}"]
