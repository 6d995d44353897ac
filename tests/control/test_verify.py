"""Whatever a database administrator changes with the guards off, verify names the exact place."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from ledger.books.anchors import anchors_path
from ledger.control.verify import CHECKS, examine, resum

E = "books.entry_202610"
OURS = "region = 420100 AND fund = 310"

# What was done, and the (promise, entry) that verify must name. Entries of 420100-310: 1 ALLOT, 2 REC r1 r2,
# 3 REC r3, 4 ORD 0001, 5 ORD 0002, 6 RCV 0001; of 420100-390: 1..5 manual.
ATTACKS: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "amount": (
        f"UPDATE {E} SET amounts[1] = amounts[1] + 1 WHERE {OURS} AND seq = 2",
        {("INV-12", "seq 2 (备-202610-1)"), ("INV-01", "seq 2 (备-202610-1)")},
    ),
    "both amounts": (
        f"UPDATE {E} SET amounts[1] = amounts[1] + 1, amounts[2] = amounts[2] + 1 WHERE {OURS} AND seq = 1",
        {("INV-12", "seq 1 (记-202610-1)"), ("INV-06", "balance 202610 1004 dim 2")},
    ),
    "account": (
        f"UPDATE {E} SET accounts[1] = 1101 WHERE {OURS} AND seq = 1",
        {("INV-12", "seq 1 (记-202610-1)"), ("INV-01", "seq 1 (202610)")},
    ),
    "summary": (
        f"UPDATE {E} SET summary = '另写' WHERE {OURS} AND seq = 3",
        {("INV-12", "seq 3 (备-202610-2)")},
    ),
    "summary with separator": (
        rf"UPDATE {E} SET summary = E'a|b\\c\nd' WHERE {OURS} AND seq = 3",
        {("INV-12", "seq 3 (备-202610-2)")},
    ),
    "signer": (
        f"UPDATE {E} SET reviewed_by = 'acc' WHERE {OURS} AND seq = 1",
        {("INV-12", "seq 1 (记-202610-1)")},
    ),
    "recorded_at": (
        f"UPDATE {E} SET recorded_at = recorded_at - interval '1 day' WHERE {OURS} AND seq = 6",
        {("INV-12", "seq 6 (记-202610-2)")},
    ),
    "voucher date": (
        f"UPDATE {E} SET voucher_date = '2026-10-12' WHERE {OURS} AND seq = 6",
        {("INV-12", "seq 6 (记-202610-2)"), ("INV-03", "seq 6 (记-202610-2)")},
    ),
    "voucher number": (
        f"UPDATE {E} SET vno = 9 WHERE {OURS} AND seq = 6",
        {("INV-12", "seq 6 (记-202610-9)"), ("INV-03", "seq 6 (记-202610-9)")},
    ),
    "deleted entry": (
        f"DELETE FROM {E} WHERE {OURS} AND seq = 4",
        {("INV-02", "seq 4 (202610)"), ("INV-05", "seq 4 (202610)")},
    ),
    "deleted line": (
        f"ALTER TABLE books.entry DROP CONSTRAINT lines; UPDATE {E} SET accounts = accounts[1:1], dims = dims[1:1],"
        f" amounts = amounts[1:1] WHERE {OURS} AND seq = 5",
        {("INV-12", "seq 5 (备-202610-4)"), ("INV-01", "seq 5 (备-202610-4)")},
    ),
    "deleted book row": (
        "DELETE FROM books.source WHERE region = 420100 AND fund = 390 AND seq = 2",
        {("INV-05", "seq 2 (记-202610-2)")},
    ),
    "inserted line": (
        f"UPDATE {E} SET accounts = accounts || 1001, dims = dims || 0, amounts = amounts || 5::bigint WHERE {OURS} AND seq = 5",
        {("INV-12", "seq 5 (备-202610-4)"), ("INV-01", "seq 5 (备-202610-4)"), ("INV-01", "seq 5 (202610)")},
    ),
    "lines swapped": (
        f"UPDATE {E} SET accounts[1] = accounts[2], accounts[2] = accounts[1], dims[1] = dims[2], dims[2] = dims[1],"
        f" amounts[1] = amounts[2], amounts[2] = amounts[1] WHERE {OURS} AND seq = 6",
        {("INV-12", "seq 6 (记-202610-2)")},
    ),
    "constraint": ("ALTER TABLE books.entry DROP CONSTRAINT lines", {("INV-02", "books.entry_202610")}),
    "back-dated entry": (
        f"INSERT INTO {E} SELECT region, fund, period, 7, 3, voucher_date, business_date, recorded_at, reverses_seq,"
        f" attachments, accounts, dims, amounts, series, event, rule, 'new', summary, evidence, evidence_digest, prepared_by,"
        f" reviewed_by FROM {E} WHERE {OURS} AND seq = 1",
        {("INV-12", "seq 7 (记-202610-3)")},
    ),
    "source digest": (
        f"UPDATE books.source SET content_digest = sha256('x') WHERE {OURS} AND seq = 6",
        {("INV-05", "seq 6 (记-202610-2)")},
    ),
    "source key": (
        f"UPDATE books.source SET source_key = 'y' WHERE {OURS} AND seq = 6",
        {("INV-05", "seq 6 (记-202610-2)"), ("INV-05", "seq 6 (202610)")},
    ),
    "dimension": (
        "UPDATE books.dim SET counterparty = 'H42010000002' WHERE counterparty = 'H42010000001'",
        {("INV-12", "dim 3")},
    ),
    "balance": (
        f"UPDATE books.balance SET debit = debit + 1 WHERE {OURS} AND account = 110105",
        {("INV-06", "balance 202610 110105 dim 3")},
    ),
    "missing balance": (
        f"DELETE FROM books.balance WHERE {OURS} AND account = 9201",
        {("INV-06", "balance 202610 9201 dim 3")},
    ),
    "posting": (
        f"UPDATE books.posting SET credit = credit + 1 WHERE {OURS} AND account = 9201",
        {("INV-06", "seq 6 (202610)")},
    ),
    "posting offset": (
        "UPDATE books.posting SET offs = '{0,1,2,3,3}' WHERE region = 420100 AND fund = 390 AND account = 1001",
        {("INV-06", "seq 1 (202610)"), ("INV-06", "seq 5 (202610)")},
    ),
    "deleted posting": (
        f"DELETE FROM books.posting WHERE {OURS} AND account = 9201",
        {("INV-06", "seq 6 (202610)")},
    ),
    "sum by block": (
        f"UPDATE books.account_block SET credit = credit + 1 WHERE {OURS} AND account = 9201",
        {("INV-06", "block 6 9201")},
    ),
    "deleted sum by block": (
        f"DELETE FROM books.account_block WHERE {OURS} AND account = 9201",
        {("INV-06", "block 6 9201")},
    ),
    "block time": (
        f"UPDATE books.block SET recorded_at = recorded_at - interval '1 day' WHERE {OURS} AND block = 3",
        {("INV-12", "seq 3 (202610)"), ("INV-12", "seq 3–3 (202610)")},
    ),
    "head": (f"UPDATE books.head SET seq = seq + 1 WHERE {OURS}", {("INV-12", "seq 6")}),
    "counter": (
        f"UPDATE books.counter SET last = last + 1 WHERE {OURS} AND series = '记'",
        {("INV-03", "记-202610")},
    ),
    "chart": (
        f"UPDATE books.account SET name = '别名' WHERE {OURS} AND account = 1004",
        {("INV-12", "account 1004")},
    ),
    "period": (f"DELETE FROM books.period WHERE {OURS}", {("INV-04", "seq 1 (记-202610-1)")}),
    "record": (
        "UPDATE fund.record SET hifp_pay = hifp_pay + 1 WHERE setl_id = 'r1'",
        {("INV-12", "record r1，凭证业务键REC:1")},
    ),
    "record and its digest": (
        "UPDATE fund.record SET content_digest = sha256('x') WHERE setl_id = 'r1'",
        {("INV-12", "seq 2 (备-202610-1)")},
    ),
    "payable": (
        "UPDATE fund.payable SET ratio = 9999 WHERE setl_id = 'r3'",
        {("INV-12", "seq 3 (备-202610-2)")},
    ),
    "payable's entry": (
        "UPDATE fund.payable SET recognised_by = 'REC:9' WHERE setl_id = 'r3'",
        {("INV-12", "seq 3 (备-202610-2)"), ("INV-12", "key REC:9")},
    ),
    "added payable": (
        "INSERT INTO fund.payable SELECT region, fund, setl_id, 'acct', institution, service_year, term, category, day, 1, 0, 0,"
        " 'REC:2', '', '' FROM fund.payable WHERE setl_id = 'r3'",
        {("INV-12", "seq 3 (备-202610-2)"), ("T1", "9001 H42010000001/acct/2026/202610/inpatient")},
    ),
    "order payee": (
        "UPDATE payments.pay_order SET payee_number = '9558999999' WHERE order_no = 'FL20261013-0002'",
        {("INV-12", "seq 5 (备-202610-4)"), ("INV-11", "batch B1")},
    ),
    "order amount": (
        "UPDATE payments.pay_order SET amount_fen = amount_fen + 1 WHERE order_no = 'FL20261013-0002'",
        {("INV-12", "seq 5 (备-202610-4)"), ("INV-10", "order FL20261013-0002"), ("INV-10", "file F1")},
    ),
    "order state": (
        "UPDATE payments.pay_order SET state = 'paid' WHERE order_no = 'FL20261013-0002'",
        {("INV-10", "order FL20261013-0002"), ("T3", "9104 H42010000001/pool/2026/202610/inpatient")},
    ),
    "order item": (
        "UPDATE payments.order_item SET category = 'outpatient' WHERE order_no = 'FL20261013-0001'",
        {("INV-12", "seq 4 (备-202610-3)"), ("INV-11", "batch B1")},
    ),
    "deleted order": (
        "DELETE FROM payments.pay_order WHERE order_no = 'FL20261013-0001'",
        {("INV-12", "seq 4 (备-202610-3)"), ("INV-11", "batch B1")},
    ),
    "approval digest": ("UPDATE payments.approval SET digest = sha256('x')", {("INV-11", "batch B1")}),
    "approver": ("UPDATE payments.approval SET approved_by = 'maker2'", {("INV-11", "batch B1")}),
    "deleted approval": (
        "DELETE FROM payments.approval",
        {("INV-11", "order FL20261013-0001"), ("INV-11", "order FL20261013-0002")},
    ),
    "order event": (
        "DELETE FROM payments.order_event WHERE order_no = 'FL20261013-0002' AND n = 3",
        {("INV-10", "order FL20261013-0002")},
    ),
    "evidence": (
        "UPDATE payments.evidence SET other_name = '别的医院' WHERE receipt_no = 'R1'",
        {("INV-13", "seq 6 (记-202610-2)")},
    ),
    "evidence and its digest": (
        "UPDATE payments.evidence SET digest = sha256('x')",
        {("INV-13", "seq 6 (记-202610-2)"), ("INV-13", "evidence bker:R1")},
    ),
    "deleted evidence": ("DELETE FROM payments.evidence", {("INV-13", "seq 6 (记-202610-2)")}),
    "unposted evidence": (
        "UPDATE payments.evidence SET outcome = 'waiting'",
        {("INV-13", "evidence bker:R1")},
    ),
    "bank file": ("UPDATE payments.bank_file SET content = 'x'", {("INV-12", "file F1")}),
    "another file under its name": (
        "UPDATE payments.bank_file SET content = 'x', sha256 = sha256('x')",
        {("INV-10", "file F1")},
    ),
    "inbound file": ("UPDATE payments.inbound_file SET content = 'x'", {("INV-12", "inbound R1-debit.xml")}),
    "payee account": (
        "UPDATE fund.payee_account SET confirmed_by = 'maker2'",
        {("INV-11", "payee H42010000001 v1")},
    ),
    "row security": ("ALTER TABLE fund.record DISABLE ROW LEVEL SECURITY", {("INV-14", "fund.record")}),
    "trigger": (f"ALTER TABLE {E} DISABLE TRIGGER frozen", {("INV-02", "books.entry_202610")}),
    "dropped trigger": ("DROP TRIGGER frozen ON books.block", {("INV-02", "books.block")}),
    "grant": ("GRANT UPDATE ON books.entry TO fundledger_service", {("INV-02", "books.entry")}),
    "business trigger": (
        "ALTER TABLE payments.approval DISABLE TRIGGER ALL",
        {("INV-02", "payments.approval")},
    ),
    "over available": (
        f"UPDATE books.balance SET debit = 0 WHERE {OURS} AND account = 1004",
        {("T7", "1004 − 9104 − 9503"), ("INV-07", "period 202610")},
    ),
}


def test_a_whole_day_is_clean(town: Any) -> None:
    done = examine(town.auditor, town.home)
    assert done.breaches == []
    assert done.waiting.pop("待入账的应付明细") == 1
    assert [name.partition("（")[0] for name in done.waiting] == [
        "统筹区420100没有要求审批由本人签名",
        "未核验：本登录无权看口令的保存方式，是否众所周知的口令须由管理员查看",
    ]
    assert (done.entries, done.lines) == (11, 26)
    heard: list[str] = []
    examine(town.auditor, town.home, progress=heard.append)
    assert heard == [name for name, _ in CHECKS]


def test_resum_reads_every_line(town: Any) -> None:
    lines, debit, credit = resum(town.auditor)
    assert lines == 26
    assert debit == credit == town.value("SELECT sum(amount_fen) FROM books.leg WHERE side = 1")


@pytest.mark.fault(53, 66)
@pytest.mark.parametrize("attack", ATTACKS)
def test_a_change_is_named(town: Any, attack: str) -> None:
    statement, expected = ATTACKS[attack]
    town.break_it(statement)
    found = {(finding.promise, finding.entry) for finding in town.verify()}
    assert expected <= found


def test_a_change_is_told_from_its_neighbours(town: Any) -> None:
    town.break_it(
        f"UPDATE {E} SET amounts[1] = amounts[1] + 1 WHERE region = 420100 AND fund = 390 AND seq = 3"
    )
    named = {finding.entry for finding in town.verify() if finding.promise == "INV-12"}
    assert named == {"seq 3 (记-202610-3)"}


def _said(town: Any) -> list[str]:
    return [found.message for found in town.verify() if found.entry.startswith("balance 202610")]


def test_a_wrong_balance_is_told_from_changed_lines_by_the_digests(town: Any) -> None:
    town.break_it(f"UPDATE books.balance SET debit = debit + 1 WHERE {OURS} AND account = 110105")
    assert ["以分录行为准" in said for said in _said(town)] == [True]
    town.break_it(f"UPDATE books.balance SET debit = debit - 1 WHERE {OURS} AND account = 110105")
    assert town.verify() == []
    town.break_it(
        f"UPDATE {E} SET amounts[1] = amounts[1] + 1, amounts[2] = amounts[2] + 1 WHERE {OURS} AND seq = 1"
    )
    told = _said(town)
    assert len(told) == 2
    assert all("勿按分录行改余额" in said and "以分录行为准" not in said for said in told)


@pytest.mark.fault(66)
def test_lines_whose_chain_was_rewritten_are_not_trusted_either(town: Any) -> None:
    """The digests agree with the changed lines; the anchor does not."""
    town.break_it(f"UPDATE books.balance SET debit = debit + 1 WHERE {OURS} AND account = 110105")
    anchors = anchors_path(town.home)
    lines = [json.loads(line) for line in anchors.read_text().splitlines()]
    anchors.write_text(
        "".join(
            json.dumps(line | ({"hash": "0" * 64} if line["fund"] == 310 else {})) + "\n" for line in lines
        )
    )
    assert ["勿按分录行改余额" in said for said in _said(town)] == [True]


def test_the_service_role_cannot_run_the_snapshot(town: Any) -> None:
    """Row security gives the service nothing without a user, so a verification under it would find nothing: it must not pass.
    What proves templates and passwords it may not read at all."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        examine(town.service, town.home)
