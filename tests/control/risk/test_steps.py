"""Notice, interview, lower ratio, suspension: in order, each by two persons under what was shown, and each works."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from typing import Any

import psycopg
import pytest

from ledger.access.signing.signer import WithKey
from ledger.control.risk.cases import next_step, read_case
from ledger.control.risk.steps import confirm_step, propose_step, refuse_step
from ledger.core.dates import SHANGHAI
from ledger.core.errors import LedgerError
from ledger.fund.institutions.read import read_standing
from ledger.fund.institutions.terms import set_agreement
from ledger.payments.orders.approve import approve
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.simulation.people import DEMO_REGION
from tests.scenes.month import HOSPITAL, bill_line
from tests.scenes.risk import AMOUNT, COUNT, REVERSAL, TODAY, TOMORROW, take
from tests.scenes.signed import Signers

pytestmark = pytest.mark.usefixtures("kept_risk")
LOWER: dict[str, Any] = {"ratio": 4_000, "from_day": TOMORROW}


def refused(code: str, do: Callable[[], object]) -> None:
    with pytest.raises(LedgerError) as error:
        do()
    assert error.value.code == code


def propose(
    month: Any,
    step: str,
    user: str = "zhao",
    case: int = AMOUNT,
    document: str = "通知〔2026〕1号",
    **lower: Any,
) -> str:
    with month.tx(user) as tx:
        return propose_step(tx, case, step, document, TODAY, **lower).digest


def confirm(month: Any, digest: str, user: str = "qian", case: int = AMOUNT) -> None:
    with month.tx(user) as tx:
        confirm_step(tx, case, digest, TODAY)


def test_the_steps_follow_each_other(month: Any) -> None:
    for step, lower in (("interview", {}), ("lower_ratio", LOWER), ("suspend", {})):
        refused("risk.order", lambda step=step, lower=lower: propose(month, step, **lower))
    assert month.asked("SELECT count(*) FROM fund.terms WHERE state = 'proposed'")[0][0] == 0
    take(month, AMOUNT, "notice")
    refused("risk.over", lambda: propose(month, "notice"))
    refused("risk.order", lambda: propose(month, "suspend"))
    take(month, AMOUNT, "interview")
    refused("risk.order", lambda: propose(month, "suspend"))
    with month.tx("zhou") as tx:
        assert next_step(tx, read_case(tx, AMOUNT), TODAY) == "lower_ratio"


def test_each_step_is_two_persons_and_as_it_was_shown(month: Any, second_name: str) -> None:
    digest = propose(month, "notice")
    refused("risk.waits", lambda: propose(month, "withdraw", "li"))
    refused("request.same_person", lambda: confirm(month, digest, second_name))
    for user in ("zhao", "li", "zhou", "xitong"):
        refused("access.role_missing", lambda user=user: confirm(month, digest, user))
    for user in ("qian", "zhou", "sun", "xitong"):
        refused("access.role_missing", lambda user=user: propose(month, "interview", user, COUNT))
    refused("risk.changed", lambda: confirm(month, "0" * 64))
    with month.tx("qian") as tx:
        refuse_step(tx, AMOUNT, digest, "依据不足", TODAY)
    refused("risk.none", lambda: confirm(month, digest))
    again = propose(month, "notice", document="通知〔2026〕2号")
    assert again != digest
    refused("risk.changed", lambda: confirm(month, digest))
    confirm(month, again)
    with month.tx("zhou") as tx:
        case = read_case(tx, AMOUNT)
    assert [(one.state, one.reason) for one in case.steps] == [("refused", "依据不足"), ("confirmed", "")]


def test_what_is_no_step_is_refused(month: Any) -> None:
    refused("risk.step", lambda: propose(month, "fine"))
    refused("risk.document", lambda: propose(month, "notice", document=" "))
    refused("risk.document", lambda: propose(month, "notice", document="a|b"))
    refused("risk.ratio", lambda: propose(month, "notice", **LOWER))
    refused("risk.ratio", lambda: propose(month, "lower_ratio"))
    refused("risk.unknown", lambda: propose(month, "notice", case=9))
    take(month, AMOUNT, "notice")
    take(month, AMOUNT, "interview")
    refused("risk.ratio", lambda: propose(month, "lower_ratio", ratio=6_000, from_day=TOMORROW))
    refused("risk.ratio", lambda: propose(month, "lower_ratio", ratio=4_000, from_day=TODAY))
    assert month.asked("SELECT count(*) FROM fund.terms WHERE state = 'proposed'")[0][0] == 0


def test_a_lower_ratio_is_the_institution_s_next_enrolment(town: Any) -> None:
    month = town.month
    take(month, AMOUNT, "notice")
    take(month, AMOUNT, "interview")
    digest = propose(month, "lower_ratio", **LOWER)
    with month.tx("zhao") as tx:  # something else waits with it: it is not confirmed unseen
        tx.run(
            "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by, proposed_on)"
            " VALUES (420100, 'H42010000001', 2, '第1医院', '620000009999', '模拟银行', '102421000009', 'proposed', 'zhao', '2026-10-13')"
        )
    refused("risk.other_open", lambda: confirm(month, digest))
    month.pretend("DELETE FROM fund.payee_account WHERE version = 2")
    confirm(month, digest)
    rows = month.asked(
        "SELECT from_day::text, ratio, month_ratio, mode FROM fund.enrolment WHERE institution = 'H42010000001' ORDER BY 1"
    )
    assert [tuple(row) for row in rows] == [
        ("2026-10-01", 6_000, 9_500, "daily"),
        ("2026-10-14", 4_000, 9_500, "daily"),
    ]
    month.take(bill_line("N1", day="2026-10-14"))
    assert tuple(month.asked("SELECT ratio, daily_fen FROM fund.payable WHERE setl_id = 'N1'")[0]) == (
        4_000,
        40_000,
    )
    town.verified("fund.payee_account H42010000001/2")


def test_a_lower_ratio_sent_back_leaves_the_ratio(month: Any) -> None:
    take(month, AMOUNT, "notice")
    take(month, AMOUNT, "interview")
    digest = propose(month, "lower_ratio", **LOWER)
    with month.tx("qian") as tx:
        refuse_step(tx, AMOUNT, digest, "幅度过大", TODAY)
    assert month.asked("SELECT state, reason FROM fund.terms ORDER BY version DESC LIMIT 1")[0][:] == (
        "refused",
        "幅度过大",
    )
    assert month.asked("SELECT count(*) FROM fund.enrolment WHERE institution = 'H42010000001'")[0][0] == 1


def suspended(month: Any) -> None:
    take(month, AMOUNT, "notice")
    take(month, AMOUNT, "interview")
    take(month, AMOUNT, "lower_ratio", **LOWER)
    take(month, AMOUNT, "suspend")


def paid_to(town: Any) -> set[str]:
    """Who was paid by what was sent."""
    return {
        row[0]
        for row in town.month.asked(
            "SELECT institution FROM payments.pay_order WHERE state IN ('sent', 'accepted', 'paid', 'unknown')"
        )
    }


def batch_of(month: Any) -> tuple[str, bytes]:
    [(batch, digest)] = month.asked("SELECT batch_id, digest FROM payments.batch")
    return batch, bytes(digest)


def leave(town: Any, batch: str) -> None:
    """Whatever may, is filed and sent."""
    for hour in (9, 10):
        moment = datetime.combine(TODAY, time(hour), SHANGHAI)
        file(town.engine, "zhao", DEMO_REGION, batch, town.bank_of, moment)
        if not any(
            one.outcome == "stale" for one in send(town.engine, "sun", DEMO_REGION, town.bank_of, TODAY)
        ):
            break


@pytest.mark.parametrize("when", ["drafted", "approved", "filed"])
def test_a_suspension_stops_what_is_not_sent(town: Any, when: str) -> None:
    month = town.month
    batch, digest = batch_of(month)
    if when == "drafted":
        suspended(month)
    approve(town.engine, "qian", DEMO_REGION, batch, digest, TODAY)
    if when == "filed":
        file(
            town.engine, "zhao", DEMO_REGION, batch, town.bank_of, datetime.combine(TODAY, time(8), SHANGHAI)
        )
    if when != "drafted":
        suspended(month)
    leave(town, batch)
    assert paid_to(town) == {"H42010000002"}
    states = dict(tuple(row) for row in month.asked("SELECT institution, state FROM payments.pay_order"))
    assert states == {HOSPITAL: "cancelled", "H42010000002": "sent"}
    with month.tx("zhou") as tx:
        assert {one.agreement_state for one in read_standing(tx, TODAY, HOSPITAL)} == {"suspended"}
        assert next_step(tx, read_case(tx, AMOUNT), TODAY) == ""
    refused("risk.over", lambda: propose(month, "notice"))
    take(month, AMOUNT, "withdraw")
    town.verified()


def test_without_a_suspension_both_are_paid(town: Any) -> None:
    batch, digest = batch_of(town.month)
    approve(town.engine, "qian", DEMO_REGION, batch, digest, TODAY)
    leave(town, batch)
    assert paid_to(town) == {HOSPITAL, "H42010000002"}


def test_who_has_no_daily_ratio_is_suspended_after_the_interview(month: Any) -> None:
    month.pretend("UPDATE fund.enrolment SET mode = 'monthly' WHERE institution = 'H42010000002'")
    take(month, REVERSAL, "notice")
    refused("risk.order", lambda: propose(month, "suspend", case=REVERSAL))
    take(month, REVERSAL, "interview")
    with month.tx("zhou") as tx:
        assert next_step(tx, read_case(tx, REVERSAL), TODAY) == "suspend"
    assert take(month, REVERSAL, "suspend").state == "suspend"


def test_a_case_withdrawn_is_over(month: Any) -> None:
    take(month, AMOUNT, "withdraw")
    refused("risk.over", lambda: propose(month, "notice"))


def test_going_on_again_takes_two_as_ever(month: Any) -> None:
    suspended(month)
    with month.tx("zhao") as tx:
        assert set_agreement(tx, HOSPITAL, "active", TODAY) is False


def test_no_step_of_risk_without_the_one_before_it(month: Any) -> None:
    """Past the program, as the service's login: the tables take no step, the functions ask the same as the program."""
    take(month, AMOUNT, "notice")
    tries = (
        ("zhao", "INSERT INTO fund.risk_step (region, case_n, n, step, document, case_digest, proposed_by, proposed_on)"
                 " VALUES (420100, 1, 2, 'suspend', 'x', sha256('x'), 'zhao', '2026-10-13')"),
        ("qian", "UPDATE fund.risk_step SET state = 'confirmed', decided_by = 'qian', decided_on = '2026-10-13'"),
        ("qian", "DELETE FROM fund.risk_step"),
        ("xitong", "UPDATE fund.risk_case SET figure = 0"),
        ("xitong", "DELETE FROM fund.risk_case"),
        ("zhao", "SELECT fund.propose_risk(420100, 1, 'suspend', 'x', NULL, '2026-10-13')"),
        ("zhao", "SELECT fund.propose_risk(420100, 1, 'lower_ratio', 'x', 1, '2026-10-13')"),
        ("zhou", "SELECT fund.propose_risk(420100, 1, 'interview', 'x', NULL, '2026-10-13')"),
        ("zhao", "INSERT INTO fund.risk_case (region, rule, institution, period, day, figure, threshold, terms, evidence, seq_310, seq_390, found_on)"
                 " VALUES (420100, 'amount', 'H42010000002', '2026-10-12', '2026-10-12', 2, 1, '{}', '[]', 0, 0, '2026-10-13')"),
        ("xitong", "INSERT INTO fund.risk_case (region, rule, institution, period, day, figure, threshold, terms, evidence, seq_310, seq_390, found_on)"
                   " VALUES (420100, 'amount', 'H42010000002', '2026-10-12', '2026-10-12', 2, 1, '{}', '[]', 999999, 0, '2026-10-13')"),
    )  # fmt: skip
    before = month.asked("SELECT count(*), max(state) FROM fund.risk_step")
    for user, sql in tries:
        with pytest.raises((LedgerError, psycopg.Error)), month.tx(user) as tx:
            tx.run(sql)
    assert month.asked("SELECT count(*), max(state) FROM fund.risk_step") == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("DELETE FROM fund.risk_step WHERE step = 'interview'", "之前的一步没有经两人办理"),
        (
            "UPDATE fund.risk_step SET proposed_by = 'qian', decided_by = 'zhao2' WHERE step = 'interview'",
            "不是两个不同的人",
        ),
        ("UPDATE fund.risk_step SET ratio = 3000 WHERE step = 'lower_ratio'", "没有随之改变"),
        ("UPDATE fund.risk_step SET case_digest = sha256('x') WHERE step = 'notice'", "不是所核对的那一件"),
    ],
)
def test_a_step_taken_alone_or_out_of_order_is_named(town: Any, change: str, message: str) -> None:
    suspended(town.month)
    town.month.pretend(change)
    with pytest.raises(AssertionError, match=message):
        town.verified()


@pytest.mark.unsigned
def test_each_confirmation_is_signed_where_that_is_demanded(month: Any) -> None:
    signers = Signers(month.engine, TODAY)
    for user in ("shen", "zhao", "qian", "li"):
        signers.enroll(user)
    signers.demand()

    def signed(digest: str) -> None:
        with month.tx("qian") as tx:
            tx.signer = WithKey(lambda: signers.enroll("qian"))
            confirm_step(tx, AMOUNT, digest, TODAY)

    digest = propose(month, "notice")
    refused("signature.missing", lambda: confirm(month, digest))
    signed(digest)
    signed(propose(month, "interview"))
    digest = propose(month, "lower_ratio", **LOWER)
    refused("signature.missing", lambda: confirm(month, digest))
    signed(digest)
    acts = month.asked(
        "SELECT act, count(*) FROM access.signature WHERE user_name = 'qian' AND act !~ 'sign|key' GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(row) for row in acts] == [("institution.confirm", 1), ("risk.confirm", 3)]
