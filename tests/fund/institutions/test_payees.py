"""Where an institution is paid changes by two persons only, and the second one has seen what changes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from ledger.control.alarms.standing import Moment, standing
from ledger.control.alarms.words import in_words
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.founding import bring_in_institutions
from ledger.fund.institutions.load import Loaded, load_institutions
from ledger.fund.institutions.master import Institution, read_institutions
from ledger.fund.institutions.payees import payees
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting, refuse_waiting
from ledger.fund.institutions.read import read_accounts, read_standing
from ledger.simulation.people import DEMO_REGION

DAY = date(2026, 10, 12)
H, OTHER = "H42010000001", "H42010000002"
OLD, NEW = "620000000001", "620000000099"


def hospital(code: str = H, n: int = 1, **other: Any) -> Institution:
    """As in the scene, with what is told otherwise."""
    return replace(
        Institution(
            code, f"第{n}医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
            date(2026, 10, 1), f"第{n}医院", f"62000000000{n}", "模拟银行", "102421000009",
        ),
        **other,
    )  # fmt: skip


def load(month: Any, *items: Institution, reason: str = "") -> Loaded:
    with month.tx() as tx:
        return load_institutions(tx, items, DAY, reason)


def confirm(month: Any, code: str = "") -> dict[str, int]:
    with month.tx("qian") as tx:
        return confirm_waiting(tx, read_waiting(tx, code).digest, DAY, code)


def number_of(month: Any, code: str = H) -> str | None:
    with month.tx() as tx:
        account = payees(tx, [code], DAY)[code].account
    return None if account is None else account.number


def test_loading_the_old_file_again_brings_no_replaced_account_back(month: Any) -> None:
    """The fault shown: the README's own file and its own confirm put a replaced account back."""
    load(month, hospital(payee_number=NEW))
    confirm(month)
    assert number_of(month) == NEW
    done = load(month, hospital(), hospital(OTHER, 2))
    assert (done.payees.came_back, done.payees.in_force, done.payees.proposed) == ([H], [OTHER], [])
    with month.tx("qian") as tx:
        assert read_waiting(tx) == ("", [])
    with pytest.raises(NotFound, match=r"institution\.nothing_open"), month.tx("qian") as tx:
        confirm_waiting(tx, "0" * 32, DAY)
    assert number_of(month) == NEW


@pytest.mark.parametrize("said", ["in the file", "by the option"])
def test_with_a_reason_it_comes_back_and_the_reason_is_shown_and_kept(month: Any, said: str) -> None:
    load(month, hospital(payee_number=NEW))
    confirm(month)
    item = hospital(payee_reason="新账户开错，恢复原户") if said == "in the file" else hospital()
    done = load(month, item, reason="" if said == "in the file" else "新账户开错，恢复原户")
    assert done.payees.proposed == [H]
    with month.tx("qian") as tx:
        [shown] = read_waiting(tx).proposals
        assert (shown.in_force or {})["number"] == NEW
        assert (shown.proposed["number"], shown.why, shown.proposed_by) == (
            OLD,
            "新账户开错，恢复原户",
            "zhao",
        )
    assert confirm(month) == {"agreement": 0, "enrolment": 0, "payee": 1}
    with month.tx() as tx:
        kept = [(a.version, a.number, a.state, a.why, a.confirmed_by) for a in read_accounts(tx, H)]
    assert kept == [
        (3, OLD, "confirmed", "新账户开错，恢复原户", "qian"),
        (2, NEW, "replaced", "", "qian"),
        (1, OLD, "replaced", "", "qian"),
    ]


def bank_refused(month: Any) -> None:
    """The account in force at fault, as after a bank's word (tests/payments/incoming has the word itself)."""
    with month.admin.begin() as admin:
        admin.exec_driver_sql(
            "UPDATE fund.payee_account SET state = 'failed', reason = '账户已销户', ended_on = '2026-10-13'"
            " WHERE institution = 'H42010000001' AND state = 'confirmed'"
        )


@pytest.mark.parametrize(("user", "code"), [("zhao", "access.role_missing"), ("li", "payee.no_word")])
def test_nobody_says_for_the_bank_that_an_account_is_wrong(month: Any, user: str, code: str) -> None:
    with pytest.raises(LedgerError) as refused, month.tx(user) as tx:
        tx.run("SELECT fund.fail_payees(420100, ARRAY['H42010000001'], ARRAY['620000000001'], ARRAY['第1医院'],"
               " ARRAY['账户已销户'], '2026-10-13')")  # fmt: skip
    assert refused.value.code == code
    assert number_of(month) == OLD


def test_an_account_that_a_bank_refused_comes_back_only_with_a_reason(month: Any) -> None:
    bank_refused(month)
    assert number_of(month) is None
    assert load(month, hospital()).payees.came_back == [H]
    with pytest.raises(Conflict, match=r"payee\.came_back.*620000000001"), month.tx() as tx:
        tx.run("INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by)"
               " VALUES (420100, 'H42010000001', 2, '第1医院', '620000000001', '某行', '102421000009', 'proposed', 'zhao')")  # fmt: skip
    assert load(month, hospital(payee_number=NEW)).payees.proposed == [H]


def stands(month: Any) -> list[tuple[str, str, str]]:
    """The alarms of institutions' accounts, as people read them, and since when."""
    with month.tx() as tx:
        moment = Moment(datetime.combine(date(2026, 10, 14), time(9), SHANGHAI), 0.0)
        return [(*in_words(a), a.since) for a in standing(tx, moment) if a.kind == "institution_payee"]


def test_an_account_a_bank_refused_is_an_alarm_until_another_is_in_force(month: Any) -> None:
    assert stands(month) == []
    load(month, hospital(payee_number=NEW))
    confirm(month)
    assert stands(month) == []  # replaced by two persons, not refused
    bank_refused(month)
    assert stands(month) == [(H, "银行退拒，已停用", "2026-10-13")]
    load(month, hospital(payee_number="620000000666"))
    assert stands(month) == [(H, "待确认", "2026-10-13")]
    confirm(month)
    assert stands(month) == []


def test_a_file_loaded_again_proposes_nothing_that_is_in_force_or_waits(month: Any) -> None:
    again = load(month, hospital(), hospital(OTHER, 2))
    assert (again.payees.in_force, again.new, again.names) == ([H, OTHER], [], [])
    load(month, hospital(payee_number=NEW))
    assert load(month, hospital(payee_number=NEW)).payees.waiting == [H]
    renamed = load(month, hospital(name="第一医院"))
    assert (renamed.names, renamed.terms.agreements, renamed.waits) == ([H], [H], True)
    with month.tx() as tx:
        assert [a.version for a in read_accounts(tx, H)] == [2, 1]
        assert [one.name for one in read_standing(tx, DAY, H)] == ["第1医院"]  # until another person confirms


def test_a_later_proposal_withdraws_the_one_that_waits_and_the_digest_of_the_first_is_worth_nothing(
    month: Any,
) -> None:
    load(month, hospital(payee_number=NEW))
    with month.tx("qian") as tx:
        seen = read_waiting(tx)
    load(month, hospital(payee_number="620000000666"))
    with pytest.raises(Conflict, match=r"institution\.changed"), month.tx("qian") as tx:
        confirm_waiting(tx, seen.digest, DAY)
    assert number_of(month) == OLD
    with month.tx() as tx:
        assert [a.state for a in read_accounts(tx, H)] == ["proposed", "withdrawn", "confirmed"]


def test_what_is_in_force_belongs_to_what_was_shown(month: Any) -> None:
    load(month, hospital(payee_number=NEW))
    with month.tx("qian") as tx:
        seen = read_waiting(tx, H)
    bank_refused(month)
    with pytest.raises(Conflict, match=r"institution\.changed"), month.tx("qian") as tx:
        confirm_waiting(tx, seen.digest, DAY, H)


def test_one_institution_alone_or_all_each_by_its_own_digest(month: Any) -> None:
    load(month, hospital(payee_number=NEW), hospital(OTHER, 2, payee_number="620000000098"))
    with month.tx("qian") as tx:
        of_one, of_all = read_waiting(tx, H).digest, read_waiting(tx).digest
    assert len({of_one, of_all}) == 2
    assert all(len(digest) == 32 for digest in (of_one, of_all))
    with pytest.raises(Conflict, match=r"institution\.changed"), month.tx("qian") as tx:
        confirm_waiting(tx, of_all, DAY, H)
    with month.tx("qian") as tx:
        assert confirm_waiting(tx, of_one, DAY, H) == {"agreement": 0, "enrolment": 0, "payee": 1}
    with pytest.raises(Conflict, match=r"institution\.changed"), month.tx("qian") as tx:
        confirm_waiting(tx, of_all, DAY)
    assert (number_of(month), number_of(month, OTHER)) == (NEW, "620000000002")


def test_who_may_not_confirm(month: Any) -> None:
    load(month, hospital(payee_number=NEW))
    with month.tx() as tx:
        digest = read_waiting(tx).digest
    for user in ("zhao", "li", "sun", "zhou"):
        with pytest.raises(Forbidden, match=r"access\.role_missing"), month.tx(user) as tx:
            confirm_waiting(tx, digest, DAY)
    month.pretend("UPDATE access.app_user SET person = (SELECT person FROM access.app_user WHERE user_name = 'zhao')"
                  " WHERE user_name = 'qian'")  # fmt: skip
    with pytest.raises(Forbidden, match=r"request\.same_person"), month.tx("qian") as tx:
        confirm_waiting(tx, digest, DAY)
    assert number_of(month) == OLD


def test_a_wrong_proposal_is_refused_with_its_reason_and_kept(month: Any) -> None:
    load(month, hospital(payee_number=NEW))
    with month.tx("qian") as tx:
        digest = read_waiting(tx, H).digest
        with pytest.raises(InvalidInput, match=r"institution\.reason"):
            refuse_waiting(tx, H, digest, "  ", DAY)
        assert refuse_waiting(tx, H, digest, "与开户许可证不符", DAY) == {
            "agreement": 0,
            "enrolment": 0,
            "payee": 1,
        }
    with month.tx() as tx:
        newest = read_accounts(tx, H)[0]
        assert read_waiting(tx).proposals == []
    assert (newest.state, newest.reason, newest.confirmed_by) == ("refused", "与开户许可证不符", "qian")
    assert number_of(month) == OLD
    # It was never in force: it may be proposed again, and the other person decides again.
    assert load(month, hospital(payee_number=NEW)).payees.proposed == [H]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE fund.payee_account SET state = 'confirmed', confirmed_by = 'qian' WHERE state = 'proposed'",
        "UPDATE fund.payee_account SET state = 'replaced' WHERE state = 'confirmed'",
        "UPDATE fund.payee_account SET number = '620000000666'",
        "DELETE FROM fund.payee_account WHERE state = 'proposed'",
        "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by, confirmed_by)"
        " VALUES (420100, 'H42010000001', 9, 'x', '66666', 'b', '102521000001', 'confirmed', 'zhao', 'qian')",
        "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by)"
        " VALUES (420100, 'H42010000001', 9, 'x', '66666', 'b', '102521000001', 'proposed', 'other')",
    ],
)
@pytest.mark.parametrize("user", ["zhao", "qian"])
def test_past_the_program_nobody_changes_an_account(month: Any, statement: str, user: str) -> None:
    load(month, hospital(payee_number=NEW))
    with pytest.raises(LedgerError) as refused, month.tx(user) as tx:
        tx.connection.execute(statement)
    assert refused.value.code in ("db.permission", "proposal.by_other")
    assert number_of(month) == OLD


def test_an_institution_with_two_lines_in_a_file_is_refused_whole(tmp_path: Path) -> None:
    line = {
        "code": H, "name": "第1医院", "type": "hospital", "level": "3", "status": "active",
        "agreement_start": "2026-01-01", "agreement_end": "2026-12-31",
        "enrolment": {"mode": "daily", "cycle": "daily", "ratio": "0.60", "month_ratio": "0.95", "start": "2026-01-01"},
        "payee": {"name": "第1医院", "account": OLD, "bank_name": "某银行", "cnaps": "102421000001", "reason": " 恢复 "},
    }  # fmt: skip
    path = tmp_path / "twice.jsonl"
    path.write_text(f"{json.dumps(line)}\n", encoding="utf-8")
    assert [item.payee_reason for item in read_institutions(path)] == ["恢复"]
    path.write_text(f"{json.dumps(line)}\n{json.dumps(line)}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"institution\.twice.*第2行.*H42010000001"):
        list(read_institutions(path))


def test_three_hundred_are_proposed_and_confirmed_at_once(month: Any) -> None:
    many = [hospital(f"H4201{n:07d}", 1, payee_number=f"6300{n:08d}") for n in range(100, 400)]
    bring_in_institutions(month.engine, "zhao", "qian", DEMO_REGION, DAY, many)
    with month.tx() as tx:
        rows = {row.institution: row for row in read_standing(tx, DAY)}
    assert len(rows) == 302
    assert all(
        rows[item.code].payee_number == item.payee_number and not rows[item.code].waiting for item in many
    )
