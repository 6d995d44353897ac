"""Doors found open in the SQL by its reviewer. Each test states the promise and fails until the door is shut."""

from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.access.proposals import propose_key, propose_role
from ledger.books.journal import intern
from ledger.books.setup import open_period
from ledger.closing.checks import MonthAsked, line
from ledger.core.entries import NO_DIMENSIONS, Book, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from tests.scenes.closing import begin_close

R = 420100


def admin(town, q):
    with psycopg.connect(town.admin_url, autocommit=True) as c:
        c.execute(q)


def tx(town, user):
    return unit_of_work(town.service, user, R)


@pytest.mark.fault(62)
def test_h1_order_added_to_an_approved_batch_is_not_approved(town: Any):
    with pytest.raises(LedgerError), tx(town, "maker") as t:
        t.run(
            "INSERT INTO payments.pay_order SELECT region, 'FL20261013-0099', fund, batch_id, institution, 999, account, 'x', '12345', payee_bank, payee_cnaps, purpose, '', 'draft' FROM payments.pay_order LIMIT 1"
        )
        t.run("UPDATE payments.pay_order SET state = 'approved' WHERE order_no = 'FL20261013-0099'")


def test_h2_items_added_to_an_approved_order_are_refused(town: Any):
    with pytest.raises(LedgerError), tx(town, "maker") as t:
        t.run(
            "INSERT INTO payments.order_item VALUES (420100, 'FL20261013-0001', 9, 9101, 'pool', 2026, 202610, 'inpatient', 5)"
        )


def test_h3_an_order_without_items_changes_the_batch_digest(town: Any) -> None:
    digest = "SELECT payments.batch_digest(420100, 'B9')"
    with psycopg.connect(town.admin_url) as admin:
        before = admin.execute(digest).fetchone()
        admin.execute(
            "INSERT INTO payments.pay_order SELECT region, 'FL20261013-0099', fund, 'B9', institution, 999, account, 'x', '12345',"
            " payee_bank, payee_cnaps, purpose, '', 'draft' FROM payments.pay_order LIMIT 1"
        )
        after = admin.execute(digest).fetchone()
        admin.rollback()
    assert after != before


@pytest.mark.fault(62, 64)
@pytest.mark.parametrize("who", ["nobody", "checker"])
def test_h4_a_maker_does_not_confirm_a_payee_in_another_name(town: Any, who: str):
    with pytest.raises(LedgerError) as refused, tx(town, "maker") as t:
        t.run(
            "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by, confirmed_by) VALUES (420100, 'H42010000001', 2, 'x', '66666', 'b', '102521000001', 'proposed', 'maker', '')"
        )
        t.run("UPDATE fund.payee_account SET state = 'replaced' WHERE version = 1")
        t.run(f"UPDATE fund.payee_account SET state = 'confirmed', confirmed_by = '{who}' WHERE version = 2")
    assert refused.value.code == "db.permission"


def test_h5_a_cashier_who_is_also_system_keeps_no_books(town: Any, new_draft: Any):
    with pytest.raises(psycopg.Error):
        admin(town, "INSERT INTO access.user_role VALUES (420100, 'cash', 'system', 0)")


def test_h6_no_key_for_a_user_who_also_works_elsewhere(town: Any):
    admin(town, "INSERT INTO access.app_user VALUES ('far', 'p77', 'far')")
    admin(town, "INSERT INTO access.user_role VALUES (420200, 'far', 'checker', 0)")
    admin(town, "INSERT INTO access.user_role VALUES (420100, 'far', 'intake', 0)")
    with pytest.raises(LedgerError) as refused, tx(town, "adm") as t:
        propose_key(t, "far", "x", date(2027, 1, 1), date(2026, 10, 13))
    assert refused.value.code == "user.other_region"


def test_h7_no_period_opens_before_a_closed_one(town: Any):
    from ledger.core.entries import Book

    with tx(town, "acc") as t:
        begin_close(t, Book(R, 390), 202610, date(2026, 11, 2))
    with pytest.raises(LedgerError), tx(town, "acc") as t:
        open_period(t, Book(R, 390), 202609)


def test_h7b_a_period_closes_only_after_the_ones_before(town: Any):
    from ledger.core.entries import Book

    with tx(town, "acc") as t:
        open_period(t, Book(R, 390), 202611)
    with pytest.raises(LedgerError), tx(town, "acc") as t:
        begin_close(t, Book(R, 390), 202611, date(2026, 12, 2))


def test_h8_a_replay_after_the_close_returns_the_first_answer(town: Any, new_draft: Any):
    from ledger.core.entries import Book

    d = new_draft("late", (debit(1001, 7), credit(1005, 7)))
    town.post(d, book=Book(R, 390))
    with tx(town, "acc") as t:
        begin_close(t, Book(R, 390), 202610, date(2026, 11, 2))
    assert town.post(d, book=Book(R, 390))[0].outcome == "replayed"


def test_h9_an_accountant_alone_does_not_post_as_a_rule(town: Any, new_draft: Any):
    import dataclasses

    d = dataclasses.replace(
        new_draft("solo", (debit(1001, 7), credit(1005, 7))),
        rule="manual",
        prepared_by="rule:anything",
        reviewed_by="acc",
    )
    with pytest.raises(LedgerError):
        town.post(d)


def test_h9b_signers_have_a_role_here(town: Any, new_draft: Any):
    import dataclasses

    admin(town, "INSERT INTO access.app_user VALUES ('far', 'p77', 'far', false)")
    d = dataclasses.replace(
        new_draft("sig", (debit(1001, 7), credit(1005, 7))), prepared_by="maker", reviewed_by="far"
    )
    with pytest.raises(LedgerError):
        town.post(d)


def test_h10_an_admin_of_one_fund_does_not_grant_the_other(town: Any):
    admin(town, "INSERT INTO access.app_user VALUES ('adm2', 'p78', 'a')")
    admin(town, "INSERT INTO access.user_role VALUES (420100, 'adm2', 'admin', 390)")
    with pytest.raises(LedgerError) as refused, tx(town, "adm2") as t:
        propose_role(t, "checker", "accountant", 310, date(2026, 10, 13))
    assert refused.value.code == "access.role_missing"


def test_h11_a_payable_leaves_no_order_that_is_not_there(town: Any):
    with tx(town, "maker") as t:
        t.run("UPDATE fund.payable SET order_no = 'FLNOSUCHORDER' WHERE setl_id = 'r4'")
    with pytest.raises(LedgerError), tx(town, "maker") as t:
        t.run("UPDATE fund.payable SET order_no = '' WHERE setl_id = 'r4'")


def test_h12_the_file_of_a_sent_order_stays(town: Any):
    with pytest.raises(LedgerError), tx(town, "maker") as t:
        t.run("UPDATE payments.pay_order SET file_id = 'F2' WHERE order_no = 'FL20261013-0002'")


def test_h13_two_movements_without_a_bank_reference_both_post(town: Any):
    with tx(town, "acc") as t:
        for n in (1, 2):
            t.run(
                f"INSERT INTO payments.evidence VALUES (420100, '6222000001', 'bker', 'X{n}', '\\x00', 'debit', '2026-10-14', 1, '', '', '', '', false, '', '', '\\x00', 'posted', '')"
            )


def test_h14_the_bank_channel_takes_two_persons(town: Any) -> None:
    columns = "INSERT INTO payments.bank_channel (region, account, version, channel, state, proposed_by, confirmed_by) VALUES "
    with pytest.raises(LedgerError), tx(town, "maker") as t:
        t.run(columns + "(420100, '6222000001', 1, '{}', 'confirmed', 'maker', 'checker')")
    with tx(town, "maker") as t:
        t.run(columns + "(420100, '6222000001', 1, '{}', 'proposed', 'maker', '')")
    for user, name in (("maker", "maker"), ("maker", "checker"), ("acc", "acc"), ("acc", "checker")):
        with pytest.raises(LedgerError), tx(town, user) as t:
            t.run(f"UPDATE payments.bank_channel SET state = 'confirmed', confirmed_by = '{name}'")
    with tx(town, "checker") as t:
        assert t.run("UPDATE payments.bank_channel SET state = 'confirmed', confirmed_by = 'checker'") == 1


def test_h15_who_may_not_see_a_fund_sees_no_receipts_or_items_of_it(town: Any):
    admin(town, "INSERT INTO access.app_user VALUES ('n390', 'p79', 'a')")
    admin(town, "INSERT INTO access.user_role VALUES (420100, 'n390', 'reviewer', 390)")
    with tx(town, "n390") as t:
        seen = {
            x: t.connection.execute(f"SELECT count(*) FROM payments.{x}").fetchone()[0]
            for x in ("order_item", "evidence", "bank_file", "approval", "order_event", "order_payable")
        }
    assert not any(seen.values()), seen


def test_h16_dates_are_finite(town: Any, new_draft: Any):
    with pytest.raises(LedgerError), tx(town, "acc") as t:
        numbers = intern(t, Book(420100, 390), [NO_DIMENSIONS])
        dim = numbers[NO_DIMENSIONS]
        t.run(
            "INSERT INTO e_in VALUES (0, 'MAN', 'm', 'inf', 'infinity', 0, 's', '', '', 0, 'maker', 'checker',"
            " '{1001,-1005}', ARRAY[%(dim)s::int, %(dim)s::int], '{5,5}')",
            dim=dim,
        )
        t.run("SELECT * FROM books.post(420100, 390::smallint, '2026-10-14')")


def test_h17_any_role_does_not_take_in_records(town: Any):
    with pytest.raises(LedgerError), tx(town, "cash") as t:
        t.run(
            "INSERT INTO fund.payable SELECT region, fund, 'zzz', subfund, institution, service_year, term, category, day, 5, 5, 0 FROM fund.payable LIMIT 1"
        )


def sheet(town: Any, state: str = "approved") -> None:
    """A month sheet of the town's hospital, put there without its month."""
    signed = "'checker', '2026-10-13'" if state == "approved" else "'', NULL"
    with psycopg.connect(town.admin_url, autocommit=True) as c:
        c.execute("SET session_replication_role = replica")
        c.execute(
            "INSERT INTO fund.sheet (region, fund, sheet_id, institution, term, version, month_ratio, cutoff, due_on, records,"
            " records_digest, result_fen, prepared_by, prepared_on, digest, state, approved_by, approved_on)"
            " VALUES (420100, 310, 'YJ-00000001', 'H42010000001', 202610, 1, 9500, '2026-11-09', '2026-12-09', 0, sha256(''), 0,"
            f" 'maker', '2026-10-13', sha256(''), '{state}', {signed})"
        )


SETTLED = {
    "payable": "UPDATE fund.payable SET settled_by = 'YJ-00000001' WHERE setl_id = 'r4'",
    "term": "INSERT INTO fund.settled_term VALUES (420100, 310, 'H42010000001', 202610, 'YJ-00000001')",
    "deduction": "SELECT fund.take_deduction(420100, 'D1', 'YJ-00000001', 5)",
}


@pytest.mark.parametrize("what", SETTLED)
def test_h18_nothing_is_settled_but_by_an_approved_paper(town: Any, what: str):
    with tx(town, "maker") as t:
        t.run(
            "INSERT INTO fund.other_deduction VALUES (420100, 310, 'D1', 'H42010000001', 202610, '扣', 5, 'maker')"
        )
    with tx(town, "checker") as t:
        t.run("UPDATE fund.other_deduction SET approved_by = 'checker'")
    for state in ("", "draft"):
        if state:
            sheet(town, state)
        for user in ("maker", "checker", "cash"):
            with pytest.raises(LedgerError) as refused, tx(town, user) as t:
                t.connection.execute(SETTLED[what])
            # Who may take a deduction at all is asked first.
            wanted = "access.role_missing" if (what, user) == ("deduction", "cash") else "settlement.none"
            assert refused.value.code == wanted
    admin(
        town,
        "SET session_replication_role = replica; UPDATE fund.sheet SET state = 'approved', approved_by = 'checker', approved_on = '2026-10-13';"
        "INSERT INTO fund.sheet_taking VALUES (420100, 310, 'YJ-00000001', 'other', 'D1', 1, 5)",
    )
    with tx(town, "checker") as t:
        assert t.connection.execute(SETTLED[what]).rowcount == 1


def test_h19_a_sheet_is_not_linked_to_another_order(town: Any):
    sheet(town)
    for order in ("FL20261013-0001", "FL20261013-0002", "FLNOSUCHORDER"):
        with pytest.raises(LedgerError) as refused, tx(town, "maker") as t:
            t.run("INSERT INTO fund.sheet_order VALUES (420100, 310, 'YJ-00000001', %(o)s)", o=order)
        assert refused.value.code == "month.other_order"


ADVANCE = (
    "INSERT INTO fund.advance (region, fund, advance_id, institution, kind, year, term, recovery, amount_fen, quota_fen, conditions,"
    " document, payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on)"
    " VALUES (420100, 310, 'ADV-0001', 'H42010000001', 'prepayment', 2026, 202610, 'offset', 94074, 94074, '', '申1', '', '', '', '',"
    " '2026-10-14', 'maker', '2026-10-13')"
)


def test_h20_an_advance_is_not_called_paid_by_an_order_that_paid_something_else(town: Any):
    """FL20261013-0001 is a paid daily order of just that amount: linked to an advance, it would look paid and be offset."""
    with tx(town, "maker") as t:
        t.run(ADVANCE)
    with tx(town, "checker") as t:
        t.run(
            "UPDATE fund.advance SET state = 'approved', approved_by = 'checker', approved_on = '2026-10-13'"
        )
    for order in ("FL20261013-0001", "FL20261013-0002", "FLNOSUCHORDER"):
        with pytest.raises(LedgerError) as refused, tx(town, "maker") as t:
            t.run("UPDATE fund.advance SET order_no = %(o)s", o=order)
        assert refused.value.code == "request.other_order"
    with pytest.raises(LedgerError) as refused, tx(town, "checker") as t:
        t.run("INSERT INTO fund.advance_offset VALUES (420100, 'ADV-0001', 'YJ-00000001', 5)")
    assert refused.value.code == "advance.no_settlement"


def test_h21_the_lines_of_a_refund_are_its_requesters_and_its_sum(town: Any):
    refund = (
        "INSERT INTO fund.refund (region, fund, refund_id, institution, kind, ordered_by, account, received_on, amount_fen, document,"
        " receipt_no, prepared_by, prepared_on) VALUES (420100, 310, 'REF-0001', 'H42010000001', 'same_year', 'institution',"
        " '6222000009', '2026-10-13', 100, '函1', 'J1', 'maker', '2026-10-13')"
    )
    line = "INSERT INTO fund.refund_line VALUES (420100, 'REF-0001', {}, 9103, 'pool', 2026, 202610, 'inpatient', {})"
    admin(town, "INSERT INTO payments.book_account VALUES (420100, 310, '1003', '6222000009')")
    with tx(town, "maker") as t:
        t.run(refund)
        t.connection.execute(line.format(1, 60))
    approve = "UPDATE fund.refund SET state = 'approved', approved_by = 'checker', approved_on = '2026-10-13'"
    with pytest.raises(LedgerError) as refused, tx(town, "checker") as t:
        t.connection.execute(line.format(2, 40))
    assert refused.value.code == "business.frozen"
    with pytest.raises(LedgerError) as refused, tx(town, "checker") as t:
        t.run(approve)
    assert refused.value.code == "refund.lines"
    with tx(town, "maker") as t:
        t.connection.execute(line.format(2, 40))
    with tx(town, "checker") as t:
        t.run(approve)
    with pytest.raises(LedgerError), tx(town, "maker") as t:
        t.connection.execute(line.format(3, 5))


def test_h22_a_bill_of_another_region_is_the_message_that_came(town: Any):
    with tx(town, "maker") as t:
        t.run(
            "INSERT INTO fund.outregion_counterparty VALUES (420100, 430100, '邻市', '户', '6222333', '行', '102521000001', 'maker')"
        )
    with pytest.raises(LedgerError) as refused, tx(town, "maker") as t:
        t.run(
            "INSERT INTO fund.outregion_bill VALUES (420100, 310, 'OUTB-0001', 'insured', 430100, 202610, 1, 100, '2026-10-13', sha256('x'))"
        )
    assert refused.value.code == "outregion.no_message"


PROPOSED = {
    "policy": "INSERT INTO fund.region_policy VALUES (420100, 'daily_accounting', '2026-10-01', 'P2', '文', '{}', 'checker')",
    "enrolment": "INSERT INTO fund.enrolment VALUES (420100, 'H42010000001', '2026-10-01', '2026-12-31', 'daily', 'daily', 10000, 10000, 2)",
    "institution": "UPDATE fund.institution SET agreement_state = 'active'",
}


@pytest.mark.parametrize("what", PROPOSED)
@pytest.mark.parametrize("user", ["cash", "adm", "maker", "checker", "acc"])
def test_what_takes_two_persons_nobody_writes(town: Any, what: str, user: str):
    with pytest.raises(LedgerError) as refused, tx(town, user) as t:
        t.connection.execute(PROPOSED[what].format(user))
    assert refused.value.code == "db.permission"


WRITTEN = {
    "account": "INSERT INTO payments.book_account VALUES (420100, 310, '1003', '6222000001')",
    "grade": "INSERT INTO fund.clearing_grade VALUES (420100, 310, 2026, 'A', 0, '文', '{}')",
    "band": "INSERT INTO fund.clearing_band VALUES (420100, 310, 2026, 'surplus', 0, 10000, 10000, '文', '{}')",
    "inbox": "INSERT INTO fund.outregion_inbox VALUES (420100, 'L1', 'bill', 310, 430100, 5, '{{}}', sha256('x'), '2026-10-13')",
    "agreed": "INSERT INTO fund.reconciliation VALUES (420100, 310, 'H42010000001', 202610, '21', 'open')",
}


@pytest.mark.parametrize("what", WRITTEN)
@pytest.mark.parametrize("user", ["cash", "adm"])
def test_h23_who_does_no_business_writes_no_master_data_or_choices(town: Any, what: str, user: str):
    with pytest.raises(LedgerError) as refused, tx(town, user) as t:
        t.connection.execute(WRITTEN[what].format(user))
    assert refused.value.code == "business.writer"


@pytest.mark.parametrize("what", ["grade", "band"])
def test_h24_a_choice_is_signed_by_who_makes_it(town: Any, what: str):
    with pytest.raises(LedgerError) as refused, tx(town, "acc") as t:
        t.connection.execute(WRITTEN[what].format("checker"))
    assert refused.value.code == "business.writer"


@pytest.mark.fault(67)
def test_h25_nobody_writes_the_log_in_anothers_name(town: Any):
    for statement in (
        "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail) VALUES (420100, 'acc', 'x', 'x', 'done', '')",
        "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)"
        " VALUES (420100, 'FL20261013-0002', 9, 'accept', 'sent', 'accepted', 'acc', '2026-10-13', '', '')",
    ):
        with pytest.raises(LedgerError) as refused, tx(town, "maker") as t:
            t.connection.execute(statement)
        assert refused.value.code == "business.writer"


@pytest.mark.fault(32)
def test_orders_in_flight_are_named_with_their_ages_and_hinder_no_close(town: Any):
    inflight = town.value(
        "SELECT count(*) FROM payments.pay_order o JOIN payments.state s USING (state) WHERE s.in_flight AND o.fund = 310"
    )
    assert inflight
    with tx(town, "acc") as t:
        found = line(MonthAsked(t, Book(R, 310), 202610, date(2026, 11, 2)), "in_flight")
        begin_close(t, Book(R, 310), 202610, date(2026, 11, 2))
    assert (found.ok, len(found.items)) == (True, inflight)
    assert found.note == "、".join(f"{order}已20天" for order in found.items)


RAW = {
    "serial": ("maker", "UPDATE payments.pay_order SET bank_reference = 'MINE' WHERE order_no = 'FL20261013-0002'", "access.role_missing"),
    "serial again": ("acc", "UPDATE payments.pay_order SET bank_reference = 'MINE' WHERE bank_reference <> ''", "business.frozen"),
    "sent on": ("cash", "UPDATE payments.pay_order SET sent_on = '2026-10-01' WHERE order_no = 'FL20261013-0002'", "business.frozen"),
    "quarantine": ("maker", "UPDATE fund.quarantine SET state = 'resolved'", "db.permission"),
    "log id": (
        "acc", "INSERT INTO access.operator_log (id, region, user_name, action, object, outcome, detail) OVERRIDING SYSTEM VALUE"
        " VALUES (1, 420100, 'acc', 'x', 'x', 'done', '')", "db.permission",
    ),
    "log time": (
        "acc", "INSERT INTO access.operator_log (recorded_at, region, user_name, action, object, outcome, detail)"
        " VALUES ('2026-01-01', 420100, 'acc', 'x', 'x', 'done', '')", "db.permission",
    ),
    "job": ("acc", "INSERT INTO jobs.job_run VALUES (420100, 'check', '2026-10-13', 'running', 'me', 1, now() + interval '1 hour', '')", "db.permission"),
    "job done": ("sys", "INSERT INTO jobs.job_run VALUES (420100, 'check', '2026-10-13', 'done', 'me', 1, now() + interval '1 hour', '')", "job.state"),
    "channel": (
        "cash", "INSERT INTO payments.bank_channel (region, account, version, channel, state, proposed_by, confirmed_by)"
        " VALUES (420100, '6222000001', 1, '{}', 'proposed', 'cash', '')", "db.permission",
    ),
}  # fmt: skip


def test_h26_raw_statements_of_the_services_login_are_refused_by_post_and_step(town: Any) -> None:
    admin(town, "INSERT INTO access.app_user VALUES ('sys', 'p80', 's')")
    admin(town, "INSERT INTO access.user_role VALUES (420100, 'sys', 'system', 0)")
    with tx(town, "acc") as t:  # the bank's word is kept once
        t.run("UPDATE payments.pay_order SET bank_reference = 'B7' WHERE order_no = 'FL20261013-0001'")
    for what, (user, statement, code) in RAW.items():
        with pytest.raises(LedgerError) as refused, tx(town, user) as t:
            t.connection.execute(statement)
        assert (what, refused.value.code) == (what, code)
    with tx(town, "sys") as t:
        t.run(
            "INSERT INTO jobs.job_run VALUES (420100, 'search', '2026-10-13', 'running', 'me', 1, now() + interval '1 hour', '')"
        )
    for change in (
        "state = 'running', epoch = 2",
        "state = 'done', epoch = 9",
        "owner = 'you', state = 'done'",
    ):
        with pytest.raises(LedgerError) as refused, tx(town, "sys") as t:
            t.connection.execute(f"UPDATE jobs.job_run SET {change}")
        assert refused.value.code == "job.state"
    with tx(town, "sys") as t:
        assert t.run("UPDATE jobs.job_run SET state = 'done', message = 'ok'") == 1
    with pytest.raises(LedgerError), tx(town, "sys") as t:
        t.run("UPDATE jobs.job_run SET state = 'failed'")
