"""Every entry rests on rows, whatever its event: change the rows, the entry or nothing but its event, and verify names it."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.control.checks.journal.vouchers import CHECKED
from ledger.core.entries import Book, credit, debit
from ledger.rules.load import rulebook
from tests.scenes.set_apart import let_closing_entries_in

EVENTS = sorted({rule.event.entry_event for rules in rulebook().rules.values() for rule in rules})
OURS = "region = 420100 AND fund = 310"
ALLOT = "seq 1 (记-202610-1)"

# What was done as a superuser without guards, and what verify must name. Entry 1 of 420100-310 rests on the fund request.
PAPERS: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "request": (
        "UPDATE fund.fund_request SET receipt_no = 'Z2' WHERE request_id = 'REQ-00000001'",
        {("INV-12", ALLOT)},
    ),
    "granted amount": (
        "UPDATE fund.fund_request SET granted_fen = granted_fen - 1 WHERE request_id = 'REQ-00000001'",
        {("INV-12", ALLOT)},
    ),
    "approver": (
        "UPDATE fund.fund_request SET approved_by = 'acc' WHERE request_id = 'REQ-00000001'",
        {("INV-11", ALLOT)},
    ),
    "grant taken back": (
        "UPDATE fund.fund_request SET state = 'approved', granted_fen = 0, receipt_no = '' WHERE request_id = 'REQ-00000001'",
        {("INV-12", ALLOT)},
    ),
    "deleted request": (
        "DELETE FROM fund.fund_request WHERE request_id = 'REQ-00000001'",
        {("INV-12", ALLOT)},
    ),
    "added forecast line": (
        "INSERT INTO fund.fund_request_line VALUES (420100, 'REQ-00000001', 1, 'daily', '2026-10-13', 5)",
        {("INV-12", ALLOT)},
    ),
    "entry's digest": (
        f"UPDATE books.entry SET evidence_digest = sha256('x') WHERE {OURS} AND seq = 1",
        {("INV-12", ALLOT)},
    ),
    "paper without entry": (
        "INSERT INTO fund.cash_move (region, fund, move_id, kind, account, fiscal_account, subfund, booked_on, amount_fen, receipt_no,"
        " state, prepared_by, prepared_on, approved_by) VALUES (420100, 310, 'CASH-0000001', 'interest', '6222000001', '', 'pool',"
        " '2026-10-13', 5, 'N1', 'approved', 'maker', '2026-10-13', 'checker')",
        {("INV-12", "paper CASH:CASH-0000001")},
    ),
}
VOUCHERS: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "draft": ("UPDATE books.voucher SET evidence = '别的'", {("INV-12", "seq 1 (记-202610-1)")}),
    "draft's digest": ("UPDATE books.voucher SET digest = sha256('x')", {("INV-12", "seq 1 (记-202610-1)")}),
    "draft's line": ("UPDATE books.voucher_line SET amount_fen = 101", {("INV-12", "seq 1 (记-202610-1)")}),
    "deleted line": ("DELETE FROM books.voucher_line WHERE n = 2", {("INV-12", "seq 1 (记-202610-1)")}),
    "decision's digest": (
        "UPDATE books.voucher_decision SET digest = sha256('x')",
        {("INV-12", "seq 1 (记-202610-1)")},
    ),
    "decider": (
        "UPDATE books.voucher_decision SET decided_by = 'maker'",
        {("INV-11", "seq 1 (记-202610-1)")},
    ),
    "rejected after all": (
        "UPDATE books.voucher_decision SET decision = 'rejected', reason = 'x'",
        {("INV-11", "seq 1 (记-202610-1)")},
    ),
    "deleted decision": ("DELETE FROM books.voucher_decision", {("INV-11", "seq 1 (记-202610-1)")}),
    "deleted draft": ("DELETE FROM books.voucher", {("INV-11", "seq 1 (记-202610-1)")}),
    "entry's line": (
        "UPDATE books.entry SET amounts[1] = 99 WHERE fund = 390 AND seq = 1",
        {("INV-12", "seq 1 (记-202610-1)")},
    ),
    "entry's rule": (
        "UPDATE books.entry SET rule = 'MAN@1' WHERE fund = 390 AND seq = 1",
        {("INV-11", "seq 1 (记-202610-1)")},
    ),
    "deleted entry": ("DELETE FROM books.entry WHERE fund = 390 AND seq = 1", {("INV-12", "voucher")}),
}


def test_every_event_of_the_rules_has_a_check() -> None:
    """A new event of rules.csv needs its line in CHECKED and, below, a check that finds an entry resting on nothing."""
    assert set(EVENTS) <= set(CHECKED)


@pytest.mark.parametrize("event", [*EVENTS, "MAN", "XYZ"])
def test_an_entry_that_rests_on_nothing_is_named(town: Any, new_draft: Any, event: str) -> None:
    """As an accountant could post it who signs for a rule: no record, order, receipt, sheet or paper stands behind it."""
    legs = (debit(1001, 7), credit(1005, 7))
    if event.startswith(
        "CLOSE-"
    ):  # the database lets none in but the chief's: past that guard, verify names it
        let_closing_entries_in(town.admin_url)
        legs = (debit(41010101, 7), credit(3001, 7))
    entry = new_draft(f"{event}:nothing", legs, event=event, evidence="nothing", digest=b"\x01" * 32)
    [posted] = town.post(entry, book=Book(420100, 390))
    found = [f for f in town.verify() if f.entry == f"seq {posted.seq} ({posted.voucher})"]
    assert {f.promise for f in found} & {"INV-11", "INV-12", "INV-13"}, found
    assert all(f.book == "420100-390" for f in found)


@pytest.mark.parametrize("attack", PAPERS)
def test_a_changed_paper_is_named(town: Any, attack: str) -> None:
    statement, expected = PAPERS[attack]
    town.break_it(statement)
    assert expected <= {(f.promise, f.entry) for f in town.verify() if f.book == "420100-310"}


@pytest.mark.parametrize("attack", VOUCHERS)
def test_a_changed_voucher_is_named(town: Any, attack: str) -> None:
    statement, expected = VOUCHERS[attack]
    town.break_it(statement)
    found = {(f.promise, f.entry.split(" MV-")[0]) for f in town.verify() if f.book == "420100-390"}
    assert expected <= found
