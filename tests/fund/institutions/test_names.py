"""A name no file can bear is refused where it enters; one from before keeps its own payment waiting, never the run."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount
from ledger.core.errors import InvalidInput
from ledger.fund.advances.advance import AdvanceRequest, request_advance
from ledger.fund.cash.persons import PersonRequest, request_person
from ledger.fund.daily.run import run_daily
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.fund.month.orders import draft_month_orders
from ledger.fund.outregion.parties import Counterparty, add_counterparty
from ledger.payments.orders.own_accounts import OwnAccount, add_account
from ledger.simulation.people import DEMO_REGION
from tests.core.test_text import REFUSED

H, OTHER = "H42010000001", "H42010000002"
PAY = date(2026, 10, 13)
LINE = {
    "code": "H42010000077", "name": "第七十七医院", "type": "hospital", "level": "3", "status": "active",
    "agreement_start": "2026-01-01", "agreement_end": "2026-12-31",
    "enrolment": {"mode": "daily", "cycle": "daily", "ratio": "0.60", "month_ratio": "0.95", "start": "2026-01-01"},
    "payee": {"name": "第七十七医院", "account": "6222000077", "bank_name": "某银行", "cnaps": "102421000001"},
}  # fmt: skip


@pytest.mark.parametrize("character", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("field", ["机构名称", "收款户名", "开户行"])
def test_a_file_of_institutions_is_refused_by_line_field_and_character(
    tmp_path: Path, character: str, field: str
) -> None:
    text = f"医院{character}甲"
    payee = LINE["payee"] | {"收款户名": {"name": text}, "开户行": {"bank_name": text}}.get(field, {})  # type: ignore[operator]
    bad = LINE | {"payee": payee} | ({"name": text} if field == "机构名称" else {})
    path = tmp_path / "institutions.jsonl"
    path.write_text(f"{json.dumps(LINE)}\n{json.dumps(bad)}\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        list(read_institutions(path))
    assert refused.value.message == (
        f"institutions.jsonl第2行：{field}第3个字符U+{ord(character):04X}不能写入付款文件"
    )


@pytest.mark.parametrize("character", ["\t", "\u3164", "\ufffd", "\ue815", "\u202e", chr(0xD83D)])
def test_other_names_are_refused_where_they_enter(town: Any, character: str) -> None:
    bad = f"医院{character}甲"
    payee = BankAccount(bad, "622200001", "银行", "102421000001")
    claim = PersonRequest(
        310, "reimbursement", "P1", "pool", 2026, 202610, "inpatient", 100, "D1", payee, PAY
    )
    acts = [
        lambda tx: request_person(tx, claim, PAY),
        lambda tx: add_counterparty(
            tx, Counterparty(420200, "鄂州市", bad, "622200001", "银行", "102421000001", "", "")
        ),
        lambda tx: add_account(
            tx, OwnAccount("1004", "4200000000077", bad, "iso20022", "银行", "102421000001")
        ),
        lambda tx: request_advance(
            tx, AdvanceRequest(310, H, "supplier", 100, "D2", PAY, term=202610, supplier=payee), PAY
        ),
    ]
    for act in acts:
        with pytest.raises(InvalidInput) as refused, town.tx() as tx:
            act(tx)
        assert refused.value.code in ("text.unbearable", "request.text")
        assert f"第3个字符U+{ord(character):04X}不能写入付款文件" in refused.value.message


def plant(town: Any, statement: str) -> None:
    with psycopg.connect(town.month.database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(statement.encode())


def test_a_tab_from_before_blocks_its_institution_not_the_run(town: Any, bill: Any) -> None:
    """Shown: a TAB in one payee's name stopped a whole region's payout."""
    town.begin()
    town.month.take(bill("a1"))
    town.month.take(bill("b1", institution=OTHER, day="2026-10-12"))
    plant(town, f"UPDATE fund.payee_account SET name = E'武汉\\t医院' WHERE institution = '{H}'")
    town.open(PAY)
    run = run_daily(town.engine, "zhao", DEMO_REGION, PAY)
    [blocked] = run.blocked
    words = "收款户名第3个字符U+0009不能写入付款文件"
    assert (blocked.institution, blocked.reason, blocked.words) == (H, "unbearable", words)
    assert run.as_json()["blocked"][0]["detail"] == words  # type: ignore[index]
    [batch] = run.batches
    assert [order.institution for order in town.pay(batch, PAY)] == [OTHER]
    assert town.month.asked("SELECT institution, reason, detail FROM payments.blocked WHERE fund = 310") == [
        (H, "unbearable", words)
    ]
    # its name mended by a new account, it is paid
    plant(town, f"UPDATE fund.payee_account SET name = '武汉医院' WHERE institution = '{H}'")
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, PAY).batches
    assert [order.institution for order in town.pay(batch, PAY)] == [H]
    town.verified(f"fund.payee_account {H}/1")


def test_a_name_its_bank_cannot_write_is_known_when_it_is_drafted(town: Any, bill: Any) -> None:
    town.begin()
    town.month.take(bill("a1"))
    town.month.take(bill("b1", institution=OTHER, day="2026-10-12"))
    plant(town, f"UPDATE fund.payee_account SET name = '武汉𠮷野医院' WHERE institution = '{H}'")
    town.open(PAY)
    gbk = Iso20022Format(frozenset({"4200000000001004"}), charset="gbk")
    run = run_daily(town.engine, "zhao", DEMO_REGION, PAY, lambda _tx, _account: gbk.can_bear)
    [blocked] = run.blocked
    assert (blocked.institution, blocked.words) == (
        H,
        "收款户名第3个字符U+20BB7不能写入付款文件（该行字符集为GBK）",
    )
    assert len(run.batches[0].order_nos) == 1


def test_the_month_orders_the_others(town: Any, bill: Any) -> None:
    town.begin()
    for name, code in (("a1", H), ("b1", OTHER)):
        town.month.take(bill(name, institution=code))
    town.pay_daily(PAY)
    for code in (H, OTHER):
        town.settle(code, 202610, date(2026, 11, 9), date(2026, 11, 25))
    plant(town, f"UPDATE fund.payee_account SET bank_name = '银行' || chr(12644) WHERE institution = '{H}'")
    on = date(2026, 12, 8)
    town.open(on)
    made = draft_month_orders(town.engine, "zhao", DEMO_REGION, 310, on, town.bank_of)
    [blocked] = made.blocked
    assert (blocked.institution, blocked.reason) == (H, "unbearable")
    assert blocked.detail == "收款开户行第3个字符U+3164不能写入付款文件"
    assert made.batch is not None
    assert [order.institution for order in town.orders(made.batch.order_nos)] == [OTHER]


def test_loading_a_bad_line_changes_nothing(town: Any, tmp_path: Path) -> None:
    before = town.month.asked("SELECT count(*) FROM fund.institution")
    path = tmp_path / "i.jsonl"
    bad = LINE | {"payee": LINE["payee"] | {"name": "医院\u200b"}, "code": "H42010000078"}  # type: ignore[operator]
    path.write_text(f"{json.dumps(LINE)}\n{json.dumps(bad)}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"第3个字符U.200B"), town.tx() as tx:
        load_institutions(tx, read_institutions(path), PAY)
    assert town.month.asked("SELECT count(*) FROM fund.institution") == before
