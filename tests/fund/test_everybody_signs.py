"""Stories of other rooms, told once more in a region where everybody signs: what a second person decides goes no other way."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from ledger.access.signing.signing import signed as sign
from ledger.control.checks.signatures import check_signatures
from ledger.control.snapshot import open_snapshot
from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import bring_in_institutions, choose
from ledger.fund.month.other_deductions import OtherDeduction, approve_deduction_in, propose_deduction
from ledger.fund.month.read import MonthScope
from ledger.fund.outregion.parties import Counterparty, add_counterparty, confirm_counterparty
from ledger.simulation.people import DEMO_REGION
from reports.evidence.export import evidence_of
from reports.evidence.verify import check_evidence
from tests.db.test_second_persons import listed
from tests.fund.advances import test_advances
from tests.fund.advances.test_advances import rich as rich  # the fixture
from tests.fund.cash import test_cash
from tests.fund.institutions.test_payees import hospital
from tests.scenes.people import admit
from tests.scenes.signed import Signers
from tests.scenes.signed import signers as signers  # the fixture

DAY = date(2026, 11, 20)
pytestmark = pytest.mark.unsigned


def signed(town: Any) -> set[str]:
    with psycopg.connect(town.month.database.admin_url) as admin:
        return {act for (act,) in admin.execute("SELECT DISTINCT act FROM access.signature").fetchall()}


def found(town: Any) -> list[str]:
    with open_snapshot(town.month.database.auditor_engine, town.home, []) as snapshot:
        return [f"{one.promise} {one.entry}" for one in check_signatures(snapshot)]


def test_money_of_persons_and_between_accounts(
    town: Any, bill: Any, second_name: str, signers: Signers
) -> None:
    test_cash.test_the_request_is_what_falls_due_less_what_is_there_and_is_granted_once(
        town, bill, second_name
    )
    assert {"fund_request.approve", "person_payment.approve"} <= signed(town)
    assert signers.proven() == signed(town)
    assert found(town) == []
    with psycopg.connect(town.month.database.admin_url) as admin:
        kept = admin.execute(
            "SELECT content FROM access.signature WHERE act = 'person_payment.approve'"
        ).fetchall()
        assert set(kept) == {("",)}  # who is paid is not kept a second time
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE fund.fund_request_line SET amount_fen = amount_fen + 1")
    assert {one.partition("REQ-")[0] for one in found(town)} == {"INV-11 fund_request.approve "}


def test_an_advance_goes_out_and_comes_back(rich: Any, signers: Signers) -> None:
    test_advances.test_a_returned_prepayment_leaves_1101_and_one_not_returned_bars_the_next_year(rich)
    assert {"advance.approve", "refund.approve", "payments.approve"} <= signed(rich)
    assert signers.proven() == signed(rich)
    assert found(rich) == []


def test_unsigned_nobody_decides_and_the_evidence_needs_no_database(town: Any, signers: Signers) -> None:
    town.begin()
    party = Counterparty(
        430100, "邻市医保中心", "对方专户", "4300000000001003", "模拟银行", "102421000001", "", ""
    )
    with town.tx("zhao") as tx:
        add_counterparty(tx, party)
    asked = OtherDeduction("KK-9", MonthScope(310, "H42010000001", 202610), "违约金文件1号", 500)
    propose_deduction(town.engine, "zhao", DEMO_REGION, asked)
    for decide in (
        lambda tx: confirm_counterparty(tx, 430100, DAY),
        lambda tx: approve_deduction_in(tx, "KK-9", DAY),
    ):
        with pytest.raises(Forbidden) as refused, town.tx("qian") as tx:
            tx.signer = None
            decide(tx)
        assert refused.value.code == "signature.missing"
        with town.tx("qian") as tx:
            decide(tx)
    with pytest.raises(Forbidden) as raw, town.tx("qian") as tx:  # a date of one's own choice
        tx.run("UPDATE fund.other_deduction SET approved_on = '2026-10-01'")
    assert raw.value.code == "deduction.same_person"
    assert found(town) == []
    with unit_of_work(town.engine, "qian", DEMO_REGION) as tx:
        document = evidence_of(tx, "outregion.confirm", "430100", signers.listed(tx))
    checked = check_evidence(document)
    assert (checked.flaws, checked.content, [one.user for one in checked.proven]) == ([], True, ["qian"])
    other = document | {"content": document["content"].replace("4300000000001003", "4300000000001004")}
    assert check_evidence(other).flaws == ["第1个签名不成立：所附内容与所签的摘要不符"]
    with psycopg.connect(town.month.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE fund.outregion_counterparty SET payee_number = '4300000000001004'")
        admin.execute("UPDATE fund.other_deduction SET approved_by = 'li' WHERE deduction_id = 'KK-9'")
    assert found(town) == ["INV-11 deduction.approve KK-9", "INV-11 outregion.confirm 430100"]


def test_evidence_of_every_act_holds_without_a_database_and_not_with_a_byte_changed(
    town: Any, signers: Signers
) -> None:
    """Each act of the list of second persons, decided on twice over two texts: closes, roles and ratios among them. That the acts
    themselves sign what they show is told above and by the suites."""
    acts = {act for acts in listed().values() for act in acts} - {
        "key.enroll",
        "key.confirm",
        "signing.demand",
    }
    assert {"period.confirm", "role.confirm", "institution.confirm", "payments.approve"} <= acts
    for n in (1, 2):
        with town.tx("qian") as tx:
            for act in sorted(acts):
                text = json.dumps({"act": act, "n": n, "单": "甲"}, ensure_ascii=False)
                assert sign(tx, act, "乙 1", sha256(text.encode()).hexdigest()[: 32 * n], DAY, text)
    assert acts <= signers.proven()


def test_what_a_ratio_a_choice_and_a_role_were_confirmed_of_is_in_the_evidence(
    town: Any, signers: Signers
) -> None:
    town.begin()
    admit(town.engine, "xin", "person-new", "新人", "maker")
    choose(town.engine, "li", "qian", DEMO_REGION, "retention_log", "11", DAY, "某文〔2026〕1号")
    new = hospital("H42010000077", 77, payee_number="4200000000007777")
    bring_in_institutions(town.engine, "zhao", "qian", DEMO_REGION, DAY, [new])
    with psycopg.connect(town.month.database.admin_url) as admin:
        told = dict(
            admin.execute(
                "SELECT act, string_agg(content, ' ') FROM access.signature WHERE act IN ('role.confirm', 'policy.confirm',"
                " 'institution.confirm') GROUP BY 1"
            ).fetchall()
        )
    assert "新人" in told["role.confirm"]
    assert "retention_log" in told["policy.confirm"]
    assert "4200000000007777" in told["institution.confirm"]
    assert found(town) == []
    assert set(told) <= signers.proven()


def test_a_version_that_is_not_in_the_list_signed_that_day_is_named(town: Any, signers: Signers) -> None:
    """A signature over another list of the same day, by the same person, was taken for one over whatever else was confirmed that day."""
    town.begin()
    choose(town.engine, "li", "qian", DEMO_REGION, "retention_log", "11", DAY, "某文〔2026〕1号")
    new = hospital("H42010000077", 77, payee_number="4200000000007777")
    bring_in_institutions(town.engine, "zhao", "qian", DEMO_REGION, DAY, [new])
    assert found(town) == []
    for change, subject in (
        (
            "UPDATE fund.payee_account SET number = '6222000000000001' WHERE institution = 'H42010000077'",
            "institution.confirm H42010000077",
        ),
        (
            "UPDATE fund.terms SET ratio = 10000 WHERE institution = 'H42010000077' AND kind = 'enrolment'",
            "institution.confirm H42010000077",
        ),
        (
            "UPDATE fund.policy_proposal SET value = '99' WHERE key = 'retention_log'",
            f"policy.confirm {DEMO_REGION}",
        ),
        (
            "UPDATE access.signature SET content = '' WHERE act = 'policy.confirm' AND content LIKE '%retention_log%'",
            f"policy.confirm {DEMO_REGION}",
        ),
        (
            "UPDATE access.signature SET content = '{\n[]\n{\"version\": [], \"key\": {}}' WHERE act = 'policy.confirm' AND content = ''",
            f"policy.confirm {DEMO_REGION}",
        ),
    ):
        with psycopg.connect(town.month.database.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            assert admin.execute(change).rowcount == 1, change
        of_versions = {one for one in found(town) if not one.startswith("INV-11 signature")}
        assert of_versions == {f"INV-11 {subject}"}, change
        with psycopg.connect(town.month.database.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(
                "UPDATE fund.payee_account SET number = '4200000000007777' WHERE institution = 'H42010000077'"
            )
            admin.execute(
                "UPDATE fund.terms SET ratio = %s WHERE institution = 'H42010000077' AND kind = 'enrolment'",
                [new.ratio],
            )
            admin.execute("UPDATE fund.policy_proposal SET value = '11' WHERE key = 'retention_log'")
