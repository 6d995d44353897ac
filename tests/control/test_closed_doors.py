"""Doors found open in the SQL by its reviewer. Each test states the promise and fails until the door is shut."""

from typing import Any

import psycopg
import pytest

from ledger.books.setup import close_period, open_period
from ledger.core.entries import credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work

R = 420100


def admin(town, q):
    with psycopg.connect(town.admin_url, autocommit=True) as c:
        c.execute(q)


def tx(town, user):
    return unit_of_work(town.service, user, R)


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


@pytest.mark.parametrize("who", ["nobody", "checker"])
def test_h4_a_maker_does_not_confirm_a_payee_in_another_name(town: Any, who: str):
    with pytest.raises(LedgerError), tx(town, "maker") as t:
        t.run(
            "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by, confirmed_by) VALUES (420100, 'H42010000001', 2, 'x', '66666', 'b', '102521000001', 'proposed', 'maker', '')"
        )
        t.run("UPDATE fund.payee_account SET state = 'replaced' WHERE version = 1")
        t.run(f"UPDATE fund.payee_account SET state = 'confirmed', confirmed_by = '{who}' WHERE version = 2")


def test_h5_a_cashier_who_is_also_system_keeps_no_books(town: Any, new_draft: Any):
    with pytest.raises(psycopg.Error):
        admin(town, "INSERT INTO access.user_role VALUES (420100, 'cash', 'system', 0)")


def test_h6_no_key_for_a_user_who_also_works_elsewhere(town: Any):
    admin(town, "INSERT INTO access.app_user VALUES ('far', 'p77', 'far')")
    admin(town, "INSERT INTO access.user_role VALUES (420200, 'far', 'checker', 0)")
    with pytest.raises(LedgerError), tx(town, "adm") as t:
        t.run("SELECT access.grant_role(420100, 'far', 'intake', 0::smallint)")
        t.run("SELECT access.add_key(420100, 'far', sha256('k'), 'x', '2027-01-01')")


def test_h7_no_period_opens_before_a_closed_one(town: Any):
    from ledger.core.entries import Book

    with tx(town, "acc") as t:
        close_period(t, Book(R, 390), 202610)
    with pytest.raises(LedgerError), tx(town, "acc") as t:
        open_period(t, Book(R, 390), 202609)


def test_h7b_a_period_closes_only_after_the_ones_before(town: Any):
    from ledger.core.entries import Book

    with tx(town, "acc") as t:
        open_period(t, Book(R, 390), 202611)
    with pytest.raises(LedgerError), tx(town, "acc") as t:
        close_period(t, Book(R, 390), 202611)


def test_h8_a_replay_after_the_close_returns_the_first_answer(town: Any, new_draft: Any):
    from ledger.core.entries import Book

    d = new_draft("late", (debit(1001, 7), credit(1005, 7)))
    town.post(d, book=Book(R, 390))
    with tx(town, "acc") as t:
        close_period(t, Book(R, 390), 202610)
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
    with pytest.raises(LedgerError), tx(town, "adm2") as t:
        t.run("SELECT access.grant_role(420100, 'checker', 'accountant', 310::smallint)")


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
        t.run("SELECT books.stage()")
        t.run("INSERT INTO d_in VALUES (0, '', '', 0, 0, '')")
        t.run(
            "INSERT INTO e_in VALUES (0, 'MAN', 'm', 'inf', 'infinity', 0, 's', '', '', 0, 'maker', 'checker')"
        )
        t.run("INSERT INTO l_in VALUES (0, 1, 1, 1, 5, 1001, 0), (0, 2, 1, -1, 5, 1005, 0)")
        t.run("SELECT * FROM books.post(420100, 390::smallint, '2026-10-14')")


def test_h17_any_role_does_not_take_in_records(town: Any):
    with pytest.raises(LedgerError), tx(town, "cash") as t:
        t.run(
            "INSERT INTO fund.payable SELECT region, fund, 'zzz', subfund, institution, service_year, term, category, day, 5, 5, 0 FROM fund.payable LIMIT 1"
        )
