"""Statements taken in: proven, chained, kept; every bad one refused whole with a code that names the place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from adapters.banks.formats.statements.read import read_statements, read_written
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import AccountStatement
from adapters.banks.simulator.messages.ofd import write_ofd
from adapters.banks.simulator.messages.statement import PrintedStatement, write_bkrs, write_camt053
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.payments.statements.take import (
    StatementFile,
    confirm_entered,
    enter,
    files,
    load,
    refuse_entered,
    taken,
)
from tests.payments.conftest import OWN, REGION, World
from tests.payments.statements.conftest import AFTER, OCT, Bank, line

VERSIONS = ("02", "03", "04", "06", "08", "10", "13", "14")


def d(day: int) -> date:
    return date(2026, 10, day)


def october(bank: Bank, **options: Any) -> PrintedStatement:
    return bank.statement(
        d(1), OCT, line("B1", 10_000, d(12), other_account="6222", other_name="财政局", purpose="拨款", receipt_no="R1"),
        line("B2", -3_000, d(13), order_no="FL420100-310-20261013-00001", receipt_no="R2"), **options,
    )  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_camt053_of_every_version(bank: Bank, version: str) -> None:
    printed = october(bank)
    content = write_camt053(printed, namespace=f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}")
    [found] = read_statements("a.xml", content, Stated(OWN))
    assert (found.form, found.account, found.sequence) == ("camt.053", OWN, 1)
    assert (found.first_day, found.last_day, found.opening_fen, found.closing_fen) == (d(1), OCT, 0, 7_000)
    assert [
        (one.effect_fen, one.bank_reference, one.order_no, one.other_name, one.text) for one in found.lines
    ] == [
        (10_000, "B1", "", "财政局", "拨款"),
        (-3_000, "B2", "FL420100-310-20261013-00001", "", ""),
    ]


def test_bkrs_bare_and_in_an_ofd_with_a_nought_twin(bank: Bank) -> None:
    printed = october(bank)
    xml = write_bkrs(printed, twin=True)
    ofd = write_ofd({"bkrs_issuer_20261031.xml": xml})
    for content in (xml, ofd):
        [found] = read_statements("b", content, Stated(OWN))
        assert (found.form, found.opening_fen, found.closing_fen, found.last_day) == ("bkrs", 0, 7_000, OCT)
        assert [(one.effect_fen, one.receipt_no, one.balance_fen) for one in found.lines] == [
            (10_000, "R1", 10_000),
            (-3_000, "R2", 7_000),
        ]
        assert found.lines[1].order_no == "FL420100-310-20261013-00001"


def test_an_overdrawn_month_of_bkrs(bank: Bank) -> None:
    [found] = read_statements("b", write_bkrs(bank.statement(d(1), OCT, line("B1", -5, d(3)))), Stated(OWN))
    assert (found.opening_fen, found.closing_fen) == (0, -5)


PROFILE = b"""
date_format = "%Y%m%d"
encoding = "gb18030"
skip = 1
debit_words = ["\xe6\x94\xaf"]
credit_words = ["\xe6\x94\xb6"]
newest_first = true
[columns]
day = "\xe6\x97\xa5\xe6\x9c\x9f"
amount = "\xe9\x87\x91\xe9\xa2\x9d"
side = "\xe6\x94\xb6\xe6\x94\xaf"
balance = "\xe4\xbd\x99\xe9\xa2\x9d"
reference = "\xe6\xb5\x81\xe6\xb0\xb4"
"""
TABLE = '账户明细\n日期,收支,金额,余额,流水\n20261013,支,"3,000.00",7000.00,B2\n20261012,收,"10,000.00","10,000.00",B1\n'


def read_csv(text: str, profile: bytes = PROFILE, **stated: Any) -> AccountStatement:
    [found] = read_statements("t.csv", text.encode("gb18030"), Stated(OWN, **stated), ("p.toml", profile))
    return found


def test_a_table_by_its_profile() -> None:
    found = read_csv(TABLE, first_day=d(1), last_day=OCT)
    assert (found.opening_fen, found.closing_fen) == (0, 700_000)
    assert [(one.effect_fen, one.bank_reference) for one in found.lines] == [
        (1_000_000, "B1"),
        (-300_000, "B2"),
    ]


@pytest.mark.parametrize(
    ("text", "profile", "code"),
    [
        (TABLE.replace('支,"3', '转,"3'), PROFILE, "bankfile.direction"),
        (TABLE.replace("7000.00", "7000.01"), PROFILE, "bankfile.running_balance"),
        (TABLE.replace("20261013", "2026-10-13"), PROFILE, "bankfile.date"),
        (TABLE.replace("余额", "可用余额"), PROFILE, "bankfile.column"),
        (TABLE.replace("7000.00,B2", "7000.00"), PROFILE, "bankfile.column"),
        (TABLE.replace("10,000.00", "1e4"), PROFILE, "bankfile.amount"),
        ("账户明细\n", PROFILE, "bankfile.empty"),
        (TABLE, b"columns = 3", "bankfile.profile"),
        (TABLE, b"[columns]\nday = 'x'", "bankfile.profile"),
        (TABLE, b"colour = 1\n[columns]\nday = 'x'\namount = 'y'", "bankfile.profile"),
        (TABLE, b"date_format = '%Y'\n[columns]\nday = 'x'\namount = 'y'", "bankfile.profile"),
        (TABLE, b"encoding = 'klingon'\n[columns]\nday = 'x'\namount = 'y'", "bankfile.profile"),
        (TABLE, b"{", "bankfile.profile"),
    ],
)
def test_a_bad_table_is_refused(text: str, profile: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_csv(text, profile)
    assert refused.value.code == code
    assert not re.search("[A-Za-z]+ [a-z]", refused.value.message), "a sentence of the parser's"
    assert "t.csv" in refused.value.message


def spoiled(content: bytes, *pairs: tuple[str, str]) -> bytes:
    text = content.decode()
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


@pytest.mark.parametrize(
    ("pairs", "code"),
    [
        ([('<Amt Ccy="CNY">70.00</Amt>', '<Amt Ccy="CNY">70.01</Amt>')], "bankfile.statement_total"),
        ([("<Sum>130.00</Sum>", "<Sum>130.01</Sum>")], "bankfile.totals"),
        ([("<NbOfNtries>2</NbOfNtries>", "<NbOfNtries>3</NbOfNtries>")], "bankfile.totals"),
        ([("<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>")], "bankfile.missing"),
        ([("<Cd>OPBD</Cd>", "<Cd>OPAV</Cd>")], "bankfile.missing"),
        ([('<Amt Ccy="CNY">0.00</Amt>', '<Amt Ccy="USD">0.00</Amt>')], "bankfile.currency"),
        ([('<Amt Ccy="CNY">0.00</Amt>', '<Amt Ccy="CNY">0.001</Amt>')], "bankfile.amount"),
        ([("<Dt>2026-10-12</Dt>", "<Dt>2026-11-12</Dt>")], "bankfile.statement_days"),
        ([("<Dt>2026-10-12</Dt>", "<Dt>2026-10-14</Dt>")], "bankfile.statement_days"),
        ([("2026-10-01T00:00:00", "2026-11-01T00:00:00")], "bankfile.statement_days"),
        ([(f"<Id>{OWN}</Id>", "<Id>4299999999999</Id>")], "bankfile.foreign_account"),
        (
            [("<FrToDt>", "<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn><FrToDt>")],
            "bankfile.pages",
        ),
        (
            [("<BkToCstmrStmt>", "<BkToCstmrAcctRpt>"), ("</BkToCstmrStmt>", "</BkToCstmrAcctRpt>")],
            "bankfile.kind",
        ),
        ([("</Document>", "")], "bankfile.malformed"),
    ],
)
def test_a_bad_camt053_is_refused_whole(bank: Bank, pairs: Sequence[tuple[str, str]], code: str) -> None:
    content = spoiled(write_camt053(october(bank)), *pairs)
    with pytest.raises(InvalidInput) as refused:
        read_statements("坏.xml", content, Stated(OWN))
    assert refused.value.code == code
    assert refused.value.message.startswith("文件坏.xml：")


def test_entries_not_booked_and_noughts_are_left_out(bank: Bank) -> None:
    content = spoiled(write_camt053(october(bank)), ("<Cd>BOOK</Cd>", "<Cd>PDNG</Cd>"), ('<Amt Ccy="CNY">70.00</Amt>', '<Amt Ccy="CNY">30.00</Amt>'),
                      ("<CdtDbtInd>CRDT</CdtDbtInd>\n        <Dt>\n          <Dt>2026-10-31", "<CdtDbtInd>DBIT</CdtDbtInd>\n        <Dt>\n          <Dt>2026-10-31"))  # fmt: skip
    [found] = read_statements("a.xml", content, Stated(OWN))
    assert [one.bank_reference for one in found.lines] == ["B2"]
    assert found.closing_fen == -3_000


def test_each_begins_where_the_last_ended(world: World, bank: Bank) -> None:
    made = bank.load(
        october(bank), bank.statement(date(2026, 11, 2), date(2026, 11, 3), line("B3", 5, date(2026, 11, 2)))
    )
    assert [(one.n, one.opening_fen, one.closing_fen, one.lines, one.gap_days) for one in made] == [
        (1, 0, 7_000, 2, 0),
        (2, 7_000, 7_005, 1, 1),
    ]
    again = bank.load(bank.printed[0])
    assert again == [made[0]]  # the same file is the first answer
    with world.tx() as tx:
        assert [
            world.opened(row[0])
            for row in tx.rows("SELECT content FROM payments.statement_file ORDER BY name")
        ] == [write_camt053(one) for one in bank.printed]


@pytest.mark.parametrize(
    ("first", "last", "opening", "sequence", "code"),
    [
        (date(2026, 11, 1), date(2026, 11, 2), 7_001, 2, "statement.opening"),
        (date(2026, 11, 1), date(2026, 11, 2), 7_000, 3, "statement.gap"),
        (date(2026, 11, 1), date(2026, 11, 2), 7_000, 1, "statement.gap"),
        (OCT, date(2026, 11, 2), 7_000, 2, "statement.overlap"),
        (date(2026, 9, 1), date(2026, 9, 30), 0, 2, "statement.order"),
        (d(1), OCT, 0, 2, "statement.repeat"),
    ],
)
def test_what_does_not_follow_is_refused(
    world: World, bank: Bank, first: date, last: date, opening: int, sequence: int, code: str
) -> None:
    bank.load(october(bank))
    lines = [line("Z", 7_000, OCT)] if code == "statement.repeat" else []
    wrong = bank.statement(first, last, *lines, opening=opening, sequence=sequence)
    with pytest.raises(Conflict) as refused:
        bank.load(replace(wrong, statement_id="WRONG"))
    assert refused.value.code == code
    assert "WRONG.xml" in refused.value.message
    with world.tx() as tx:
        assert len(taken(tx)) == len(files(tx)) == 1  # nothing of it stays


def test_who_may_not_is_refused_and_no_account_is_unknown(world: World, bank: Bank) -> None:
    printed = october(bank)
    for user in ("cashier", "checker", "maker", "other.region"):
        with pytest.raises(LedgerError):
            bank.load(printed, user=user)
    with pytest.raises(NotFound), world.tx() as tx:
        load(tx, "4200000000009", StatementFile("x", b"x"), [], AFTER)


HAND = "记账日,支出,收入,余额,流水号,回单号,指令号,对方账号,对方户名,摘要\n2026-10-12,,100.00,,B1,R1,,6222,财政局,拨款\n2026-10-13,30.00,,,B2,R2,,,,\n"


def written(content: bytes, closing: int = 7_000) -> AccountStatement:
    return read_written("手.csv", content, Stated(OWN, "纸1", d(1), OCT, 0, closing))


def test_one_copied_from_paper_counts_after_a_second_person(world: World) -> None:
    content = HAND.encode()
    kept = StatementFile("手.csv", content, stated={"opening": "0", "closing": "70.00"})
    with world.tx() as tx:
        made = enter(tx, OWN, kept, written(content), AFTER)
        assert enter(tx, OWN, kept, written(content), AFTER) == made
        assert taken(tx) == []
    with pytest.raises(Forbidden), world.tx() as tx:
        confirm_entered(tx, OWN, made.digest, lambda one: written(one.content), AFTER)
    with pytest.raises(NotFound), world.tx("checker") as tx:
        confirm_entered(tx, OWN, b"\0" * 32, lambda one: written(one.content), AFTER)
    with world.tx("checker") as tx:
        [done] = confirm_entered(tx, OWN, made.digest, lambda one: written(one.content), AFTER)
        assert confirm_entered(tx, OWN, made.digest, lambda one: written(one.content), AFTER) == [done]
    assert (done.form, done.closing_fen, done.lines) == ("hand", 7_000, 2)
    with pytest.raises(Conflict), world.tx("checker") as tx:
        refuse_entered(tx, OWN, made.digest, AFTER, "晚了")


def test_one_sent_back_is_kept_and_may_come_again(world: World) -> None:
    content = HAND.encode()
    kept = StatementFile("手.csv", content)
    with world.tx() as tx:
        made = enter(tx, OWN, kept, written(content), AFTER)
    with world.tx("checker") as tx:
        assert refuse_entered(tx, OWN, made.digest, AFTER, "与纸质不符").state == "refused"
    with world.tx() as tx:
        assert enter(tx, OWN, kept, written(content), AFTER).n == 2
        assert [one.state for one in files(tx, OWN)] == ["refused", "proposed"]
    with pytest.raises(InvalidInput) as wrong:
        written(content, closing=7_001)
    assert wrong.value.code == "bankfile.statement_total"


def test_the_database_holds_the_chain(world: World, bank: Bank) -> None:
    """As the service role, past the program."""
    bank.load(october(bank))
    row = (
        "INSERT INTO payments.bank_statement SELECT region, account, %(n)s, file_sha256, 2, form, '', %(seq)s, %(first)s, '2026-11-30',"
        " %(opening)s, %(closing)s, 0 FROM payments.bank_statement WHERE region = %(r)s"
    )
    good: dict[str, Any] = {
        "n": 2,
        "seq": 2,
        "first": "2026-11-01",
        "opening": 7_000,
        "closing": 7_000,
        "r": REGION,
    }
    for change, code in (
        ({"n": 3}, "statement.order"),
        ({"seq": 4}, "statement.gap"),
        ({"first": "2026-10-31"}, "statement.overlap"),
        ({"opening": 6_999, "closing": 6_999}, "statement.opening"),
        ({"closing": 7_001}, "statement.total"),
    ):
        with pytest.raises(LedgerError) as refused, world.tx() as tx:
            tx.run(row, **good | change)
        assert refused.value.code == code
    with pytest.raises(Forbidden), world.tx("cashier") as tx:
        tx.run(row, **good)
    late = (
        "INSERT INTO payments.statement_line SELECT region, account, statement, 3, booked_on, direction, amount_fen, NULL, '', '',"
        " '', '', '', '', false FROM payments.statement_line WHERE region = %(r)s LIMIT 1"
    )
    for change, code in (
        (late, "business.frozen"),
        ("UPDATE payments.statement_line SET amount_fen = 1 WHERE region = %(r)s", ""),
        ("DELETE FROM payments.bank_statement WHERE region = %(r)s", ""),
    ):
        with pytest.raises(LedgerError) as frozen, world.tx() as tx:
            tx.run(change, r=REGION)
        assert code in ("", frozen.value.code)
    hand = (
        "INSERT INTO payments.statement_file SELECT region, account, sha256('x'), 1, 'x', 'hand', 'FUNDLEDGER-SEAL3', '', '{}', digest, 'taken', 'acc',"
        " '2026-11-02', 'checker', '2026-11-02', '' FROM payments.statement_file WHERE region = %(r)s"
    )
    with pytest.raises(Forbidden) as alone, world.tx() as tx:
        tx.run(hand, r=REGION)
    assert alone.value.code == "request.prepared_by"
