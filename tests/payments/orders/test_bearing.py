"""A name no file can bear: refused by the database whichever way it comes, and one from before is kept out of the file alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount
from adapters.banks.registry import make_format
from adapters.banks.simulator.messages.payment_file import read_pain001
from ledger.control.verify import examine, verify
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput
from ledger.core.text import UNBEARABLE
from ledger.db.unit_of_work import translate
from ledger.payments.orders.bearing import asking
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from tests.core.test_text import BORNE, REFUSED

MOMENT = datetime(2026, 10, 13, 9, 30, tzinfo=SHANGHAI)
REGION = 420100
OWN = "4200000000001"
INSERTS = {
    "机构名称": "INSERT INTO fund.institution (region, institution, name, type, level, agreement_from, agreement_to) VALUES (420100, 'H42099999999', %(name)s, '1', '3', '2026-01-01', '2030-12-31')",
    "收款户名": "INSERT INTO fund.payee_account VALUES (420100, 'H42010000001', 9, %(name)s, '622200099', '银行', '102521000001', 'proposed', 'maker')",
    "开户行": "INSERT INTO fund.payee_account VALUES (420100, 'H42010000001', 9, '医院', '622200099', %(name)s, '102521000001', 'proposed', 'maker')",
    "自有账户户名": "INSERT INTO payments.bank_account VALUES (420100, '4200000000009', '1004', 'iso20022', %(name)s, '银行', '102521000001')",
    "对方名称": "INSERT INTO fund.outregion_counterparty VALUES (420100, 420200, %(name)s, '户名', '622200099', '银行', '102521000001', 'maker')",
}
COPIES = {
    "机构名称": (
        "fund.institution (region, institution, name, type, level, agreement_from, agreement_to)",
        "420100\tH42099999999\t{}\t1\t3\t2026-01-01\t2030-12-31\n",
    ),
    "收款户名": (
        "fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by)",
        "420100\tH42010000001\t9\t{}\t622200099\t银行\t102521000001\tproposed\tmaker\n",
    ),
}


def storable(character: str) -> bool:
    return character != "\0" and not 0xD800 <= ord(character) <= 0xDFFF


@pytest.fixture
def batch(world: Any) -> Any:
    world.allot(100000)
    return world.approved(300, 200, 100)


def plant(world: Any, statement: str) -> None:
    """As it lay in a home from before the guards."""
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(statement.encode())


def test_python_and_the_database_refuse_the_same_characters(world: Any) -> None:
    rows = world.rows(
        "SELECT n FROM generate_series(1, 1114111) AS n WHERE n NOT BETWEEN 55296 AND 57343"
        " AND fund.text_flaw('甲' || chr(n) || '乙', 'x', 140) IS NOT NULL"
    )
    refused = {n for first, last in UNBEARABLE for n in range(first, last + 1)}
    assert {n for (n,) in rows} == refused - {0} - set(range(0xD800, 0xE000))


@pytest.mark.fault(58)
@pytest.mark.parametrize("field", INSERTS)
@pytest.mark.parametrize("character", [c for c in REFUSED.values() if storable(c)])
def test_raw_sql_brings_no_such_name(world: Any, field: str, character: str) -> None:
    world.institutions(1)
    with pytest.raises(InvalidInput) as refused, world.tx("maker") as tx:
        tx.run(INSERTS[field], name=f"医院{character}甲")
    assert refused.value.code in ("text.unbearable", "db.constraint")
    if refused.value.code == "text.unbearable":
        assert f"{field}第3个字符U+{ord(character):04X}" in refused.value.message


@pytest.mark.parametrize("field", COPIES)
@pytest.mark.parametrize("character", ["\u3164", "\ufffd", "\ue000", "\u202e", "\ufdd0", "\u3000"])
def test_copy_brings_none_either(world: Any, field: str, character: str, database: Any) -> None:
    """By the owner: the service may not COPY into these tables at all."""
    world.institutions(1)
    table, line = COPIES[field]
    with psycopg.connect(database.admin_url) as admin:
        admin.execute(
            "SELECT set_config('app.actor', 'maker', true), set_config('app.region', '420100', true)"
        )
        with (
            pytest.raises(psycopg.Error) as refused,
            admin.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy,
        ):
            copy.write(line.format(f"医院{character}甲"))
    assert f"{field}第3个字符U+{ord(character):04X}" in str(translate(refused.value))


@pytest.mark.fault(46)
@pytest.mark.parametrize("name", BORNE)
def test_rare_characters_come_in(world: Any, name: str) -> None:
    world.institutions(1)
    for field in ("机构名称", "收款户名", "开户行"):
        with world.tx("maker") as tx:
            tx.run(INSERTS[field].replace(", 9,", f", {9 + (field == '开户行')},"), name=name)
    assert world.value("SELECT name FROM fund.institution WHERE institution = 'H42099999999'") == name


def test_an_old_name_may_stay_but_not_change_for_another_of_its_kind(world: Any) -> None:
    world.institutions(1)
    plant(world, "UPDATE fund.institution SET name = E'医院\\t甲'")
    with psycopg.connect(world.admin_url, autocommit=True) as owner:
        owner.execute("UPDATE fund.institution SET level = '2'")
        with pytest.raises(psycopg.Error, match=r"U.3164"):
            owner.execute("UPDATE fund.institution SET name = '医院' || chr(12644)")
        owner.execute("UPDATE fund.institution SET name = '医院'")


def test_one_order_that_cannot_be_written_leaves_the_file_the_others_go(
    world: Any, bank: Any, batch: Any, database: Any
) -> None:
    bad = batch.order_nos[1]
    name = world.orders([bad])[0].payee.name
    for table, column in (("payments.pay_order", "payee_name"), ("fund.payee_account", "name")):
        where = f"WHERE {column} = '{name}'"
        plant(world, f"UPDATE {table} SET {column} = E'武汉\\t医院' {where}")
    # drafted and approved so, before names were judged
    plant(world, "UPDATE payments.batch SET digest = payments.batch_digest(region, batch_id)")
    plant(
        world,
        "UPDATE payments.approval a SET digest = b.digest FROM payments.batch b WHERE b.batch_id = a.batch_id",
    )
    done = file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
    words = "收款户名第3个字符U+0009不能写入付款文件"
    assert (done.unbearable, done.cancelled) == ([(bad, words)], [])
    [made] = done.files
    assert (made.orders, made.total_fen) == (2, 400)
    assert [s.outcome for s in send(world.engine, "cashier", REGION, bank.of, MOMENT.date())] == ["sent"]
    told = read_pain001((bank.root / "inbox" / made.name).read_bytes())
    assert bad not in {i.order_no for i in told.instructions}
    assert world.states() == {"sent": 2, "cancelled": 1}
    event = "SELECT reason FROM payments.order_event WHERE order_no = %(o)s AND event = 'cancel'"
    assert world.value(event, o=bad) == words
    # free to be ordered again, and named until its name is mended
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no = ''") == 1
    assert file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT).files == []
    examined = examine(database.auditor_engine, database.settings.home)
    assert any("收款户名第3个字符U+0009" in name for name in examined.waiting)


def test_nothing_of_the_kind_is_waiting_in_a_clean_region(world: Any, batch: Any, database: Any) -> None:
    examined = examine(database.auditor_engine, database.settings.home)
    assert not any("不能写入" in name for name in examined.waiting)
    assert batch.order_nos
    assert not [b for b in verify(database.auditor_engine, database.settings.home) if "名" in b.message]


@pytest.mark.parametrize(
    ("bank", "name", "words"),
    [
        ("iso20022", "𠮷野诊所", ""),
        ("iso20022-gbk", "武汉医院（东）", ""),
        ("iso20022-gbk", "武汉𠮷野诊所", "收款户名第3个字符U+20BB7不能写入付款文件（该行字符集为GBK）"),
        ("iso20022-gbk", "阿卜杜拉·买买提", ""),
    ],
)
def test_what_one_bank_cannot_write_is_asked_of_it(world: Any, bank: str, name: str, words: str) -> None:
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("UPDATE payments.bank_account SET bank = %s", (bank,))
    with world.tx() as tx:
        can_bear = asking(make_format)(tx, OWN)
    assert can_bear(BankAccount(name, "622200001", "工商银行", "102521000001"), "日拨付") == words


@pytest.mark.fault(47)
def test_too_long_in_the_bank_s_bytes() -> None:
    short = Iso20022Format(frozenset({OWN}), charset="gbk", name_bytes_max=10, purpose_bytes_max=8)
    payee = BankAccount("武汉医院", "622200001", "工商银行", "102521000001")
    assert short.can_bear(payee, "日拨付") == ""
    assert short.can_bear(payee, "日拨付款项") == "摘要占10字节，超过该行上限8字节"
    long = BankAccount("武汉医院东院", "622200001", "工商银行", "102521000001")
    assert short.can_bear(long, "日拨付") == "收款户名占12字节，超过该行上限10字节"
    wrong = BankAccount("武汉医院", "6222 0001", "工商银行", "102521000001")
    assert "账号" in short.can_bear(wrong, "日拨付")
