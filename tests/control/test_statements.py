"""`verify` on statements and sheets: what an administrator changes behind the guards is named; a receipt nobody sent is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from itertools import count
from typing import Any, cast

import psycopg
import pytest

from adapters.banks.formats.statements.read import read_pages, read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.books.correcting import draft_red
from ledger.books.manual import ManualContent, ManualVoucher, approve_voucher, draft_voucher
from ledger.books.papers import named_papers
from ledger.books.setup import open_period
from ledger.control.breach import Breach
from ledger.control.checks.house.traces import check_traced
from ledger.control.checks.payments.statements import check_statements
from ledger.control.snapshot import Snapshot
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Dimensions, Posted, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.incoming.stated import take_line
from ledger.payments.statements.by_hand import LegKey, LineKey, match_by_hand, undo
from ledger.payments.statements.matching import Matched, match
from ledger.payments.statements.pages import load_page
from ledger.payments.statements.sheet import BankSheet, make, review
from ledger.payments.statements.take import StatementFile, files, load, taken
from ledger.payments.statements.withdraw import (
    Withdrawal,
    ask_page_withdrawal,
    ask_withdrawal,
    decide_withdrawal,
    withdrawals,
)
from tests.control.conftest import ACCOUNT, BOOK, REGION, draft
from tests.payments.statements.test_pages import pages

NOVEMBER = date(2026, 11, 2)
_numbers = count(1)


def statement(
    n: int, first: date, last: date, opening: int, *lines: tuple[str, int, date]
) -> PrintedStatement:
    rows, running = [], opening
    for serial, fen, on in lines:
        running += fen
        rows.append(
            PrintedLine(serial, Direction.CREDIT if fen > 0 else Direction.DEBIT, abs(fen), on, running)
        )
    created = datetime(2026, 11, 1, 8, tzinfo=SHANGHAI)
    return PrintedStatement(f"ST{n}", n, created, ACCOUNT, "支出户", first, last, opening, rows)


def loaded(town: Any, *made: PrintedStatement) -> None:
    for one in made:
        content = write_camt053(one)
        with unit_of_work(town.service, "acc", REGION) as tx:
            load(
                tx,
                ACCOUNT,
                StatementFile(f"{one.statement_id}.xml", content),
                read_statements("", content, Stated(ACCOUNT)),
                NOVEMBER,
            )


def reviewed(town: Any) -> BankSheet:
    with unit_of_work(town.service, "acc", REGION) as tx:
        match(tx, ACCOUNT, NOVEMBER)
        made = make(tx, ACCOUNT, 202610, NOVEMBER)
    with unit_of_work(town.service, "checker", REGION) as tx:
        return review(tx, ACCOUNT, 202610, made.digest, NOVEMBER)


def book(town: Any, key: str, fen: int, evidence: str, on: date) -> Posted:
    """Money into the account on a day, with the paper it says it rests on."""
    legs = (debit(1004, fen, Dimensions(ACCOUNT)), credit(41010101, fen))
    entry = replace(draft(key, legs, event="ALLOT", evidence=evidence), business_date=on)
    [posted] = town.post(entry, day=on)
    return cast("Posted", posted)


def balance(town: Any) -> int:
    return int(town.value(f"SELECT payments.book_balance({REGION}, '{ACCOUNT}', '2026-10-31', NULL)"))


@pytest.fixture
def month(town: Any) -> Any:
    """The town's October told by its bank: what the books had before it, one line of the bank's own, then November."""
    had = balance(town)
    book(town, "ALLOT:T1", 500, "财政专户缴拨凭证R900", date(2026, 10, 20))
    loaded(
        town,
        statement(
            1,
            date(2026, 10, 14),
            date(2026, 10, 31),
            had,
            ("R900", 500, date(2026, 10, 20)),
            ("I1", 7, date(2026, 10, 21)),
        ),
    )
    return town


def named(town: Any) -> list[str]:
    return [
        f"{one.promise} {one.entry}"
        for one in town.verify()
        if "INV-09" in one.promise or "statement" in one.entry
    ]


def test_a_reviewed_sheet_verifies(month: Any) -> None:
    made = reviewed(month)
    assert [(one.part, one.amount_fen) for one in made.items] == [("bank_in", 7)]
    assert named(month) == []
    loaded(month, statement(2, date(2026, 11, 1), date(2026, 11, 9), made.bank_fen))
    assert named(month) == []


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        (
            "UPDATE payments.statement_line SET amount_fen = amount_fen + 1 WHERE n = 2",
            f"INV-09 statement {ACCOUNT} 1",
        ),
        ("DELETE FROM payments.statement_line WHERE n = 2", f"INV-09 statement {ACCOUNT} 1"),
        ("UPDATE payments.bank_statement SET closing_fen = closing_fen + 1", f"INV-09 statement {ACCOUNT} 1"),
        ("UPDATE payments.statement_line SET balance_fen = 1 WHERE n = 1", f"INV-09 statement {ACCOUNT} 1"),
        ('UPDATE payments.statement_file SET stated = \'{"closing": "1"}\'', "INV-11 statement ST1.xml"),
        ("UPDATE payments.match_leg SET effect_fen = 501", f"INV-09 match {ACCOUNT} 1"),
        ("UPDATE payments.match_line SET live = false", f"INV-09 match {ACCOUNT} 1"),
        (
            "UPDATE payments.reconciliation SET bank_fen = bank_fen + 1",
            f"INV-09 reconciliation {ACCOUNT} 202610-1",
        ),
        (
            "UPDATE payments.reconciliation SET book_fen = book_fen - 1",
            f"INV-09 reconciliation {ACCOUNT} 202610-1",
        ),
        (
            "UPDATE payments.reconciliation_item SET summary = '改'",
            f"INV-09 reconciliation {ACCOUNT} 202610-1",
        ),
        ("DELETE FROM payments.reconciliation_item", f"INV-09 reconciliation {ACCOUNT} 202610-1"),
        (
            "UPDATE payments.reconciliation SET reviewed_by = 'nobody'",
            f"INV-09 reconciliation {ACCOUNT} 202610-1",
        ),
    ],
)
def test_what_was_changed_behind_the_guards_is_named(month: Any, broken: str, where: str) -> None:
    reviewed(month)
    month.break_it(broken)
    assert where in named(month)


def test_a_receipt_nobody_sent_is_found(month: Any) -> None:
    """Interest registered under a receipt that is on no statement, though the bank has told the days after it."""
    posted = book(month, "ALLOT:T2", 32_109, "银行回单Q3INT", date(2026, 10, 22))
    [found] = [one for one in month.verify() if one.promise == "INV-09"]
    assert found.entry == f"seq {posted.seq} ({posted.series}-202610-{posted.vno})"
    assert "银行回单Q3INT" in found.message
    assert "32109分" in found.message
    made = reviewed(month)  # two persons say it is open: known, and still told
    assert ("book_in", 32_109) in [(one.part, one.amount_fen) for one in made.items]
    assert named(month) == []


def test_one_the_statements_have_not_reached_is_not_missed_yet(month: Any) -> None:
    book(month, "ALLOT:T2", 5, "银行回单LATE", date(2026, 10, 28))
    assert named(month) == []


def page(town: Any, name: str, content: bytes) -> tuple[int, tuple[str, ...]]:
    with unit_of_work(town.service, "acc", REGION) as tx:
        made, missing = load_page(
            tx,
            ACCOUNT,
            StatementFile(name, content),
            lambda given: read_pages([(one.name, one.content) for one in given], ACCOUNT),
            NOVEMBER,
        )
    return len(made), missing


def page_asked(town: Any, content: bytes, user: str = "acc", reason: str = "错页") -> Withdrawal:
    with unit_of_work(town.service, user, REGION) as tx:
        [digest] = {one.digest for one in files(tx, ACCOUNT) if one.sha256 == sha256(content).digest()}
        return ask_page_withdrawal(tx, ACCOUNT, digest, reason, NOVEMBER)


def decided(town: Any, n: int, user: str = "checker", refusal: str = "") -> Withdrawal:
    with unit_of_work(town.service, user, REGION) as tx:
        return decide_withdrawal(tx, ACCOUNT, n, NOVEMBER, refusal)


def refused(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(LedgerError) as wrong:
        call(*arguments, **named)
    assert wrong.value.message
    return wrong.value.code


def test_a_waiting_page_is_taken_back_by_two_and_kept(town: Any) -> None:
    day = date(2026, 10, 12)
    rows = [("Q1", 100, day), ("Q2", 200, day), ("Q3", 300, day), ("Q4", 400, day)]
    one, two, three = pages(statement(1, date(2026, 10, 1), date(2026, 10, 31), 0, *rows))
    wrong = two.replace(b'<Amt Ccy="CNY">3.00</Amt>', b'<Amt Ccy="CNY">3.01</Amt>')
    assert wrong != two
    page(town, "p2.xml", wrong)
    page(town, "p1.xml", one)
    assert (
        refused(page, town, "p3.xml", three) == "bankfile.statement_total"
    )  # the wrong page stood in its way
    assert refused(page_asked, town, wrong, "cash") == "access.role_missing"
    assert refused(page_asked, town, wrong, reason=" ") == "statement.reason"
    asked = page_asked(town, wrong)
    assert page_asked(town, wrong) == asked
    assert (asked.page, asked.first_statement, asked.state) == ("p2.xml", 0, "requested")
    assert refused(decided, town, asked.n, "acc") == "access.role_missing"
    done = decided(town, asked.n)
    assert decided(town, asked.n) == done
    assert (done.state, done.kept_as, done.approved_by) == ("approved", None, "checker")
    assert refused(page_asked, town, wrong) == "statement.not_waiting"
    page(town, "p3.xml", three)
    assert page(town, "p2b.xml", two) == (1, ())
    with unit_of_work(town.service, "acc", REGION) as tx:
        assert {(f.name, f.state) for f in files(tx, ACCOUNT)} == {
            ("p1.xml", "taken"),
            ("p2.xml", "withdrawn"),
            ("p2b.xml", "taken"),
            ("p3.xml", "taken"),
        }
        assert [one.page for one in withdrawals(tx, ACCOUNT)] == ["p2.xml"]
        assert [one.closing_fen for one in taken(tx, ACCOUNT)] == [1_000]
    assert refused(page_asked, town, two) == "statement.not_waiting"  # it waits no more: whole statements
    # the wrong one may be loaded once more, and waits again; only the two persons' way takes it back
    with unit_of_work(town.service, "acc", REGION) as tx:
        again = ask_withdrawal(tx, ACCOUNT, 1, "重收", NOVEMBER)
    decided(town, again.n)
    page(town, "p2.xml", wrong)
    with pytest.raises(LedgerError) as alone, unit_of_work(town.service, "acc", REGION) as tx:
        tx.run("UPDATE payments.statement_file SET state = 'withdrawn' WHERE state = 'waiting'")
    assert alone.value.code == "request.decided"
    assert said_of(town) == []
    town.break_it("UPDATE payments.statement_file SET state = 'withdrawn' WHERE state = 'waiting'")
    assert said_of(town) == ["账户6222000001的对账单文件p2.xml的收回与两人的收回记录不符"]


def said_of(town: Any) -> list[str]:
    return said_by(town, "INV-09")


def by_hand(town: Any, fen: int, *names: str, user: str = "acc") -> ManualVoucher:
    own = Dimensions(ACCOUNT)
    legs = (debit(1004, fen, own), credit(41010101, fen))
    with unit_of_work(town.service, user, REGION) as tx:
        papers = named_papers(tx, BOOK, legs, names, take_line)
        content = ManualContent(NOVEMBER, f"补贴{next(_numbers)}", "补贴通知", legs, papers=papers)
        return draft_voucher(tx, BOOK, content, NOVEMBER)


def approved(town: Any, made: ManualVoucher) -> Posted:
    with unit_of_work(town.service, "checker", REGION) as tx:
        open_period(tx, BOOK, 202611)
        return approve_voucher(tx, BOOK, made.voucher_id, made.shown_digest, NOVEMBER)


def tied(town: Any, line: LineKey, leg: LegKey) -> int:
    with unit_of_work(town.service, "acc", REGION) as tx:
        return match_by_hand(tx, ACCOUNT, [line], [leg], "同额", NOVEMBER)


def receipts(town: Any) -> Matched:
    with unit_of_work(town.service, "acc", REGION) as tx:
        return match(tx, ACCOUNT, NOVEMBER)


def test_a_voucher_by_hand_rests_on_a_statements_line_of_which_no_receipt_came(town: Any) -> None:
    day = date(2026, 10, 12)
    rows = [("L1", 700, day), ("L2", 700, day), ("L3", 300, day)]
    loaded(town, statement(1, date(2026, 10, 1), date(2026, 10, 31), 0, *rows))
    assert refused(by_hand, town, 700, "statement:1:9") == "suspense.unknown"
    assert refused(by_hand, town, 700, "statement:1") == "voucher.receipt"
    assert refused(by_hand, town, 701, "statement:1:1") == "voucher.paper_differs"
    made, rival = by_hand(town, 700, "statement:1:1"), by_hand(town, 700, "statement:1-1:credit")
    assert [str(one) for one in made.content.papers] == ["statement:1-1:credit"]
    posted = approved(town, made)
    assert refused(approved, town, rival) == "suspense.not_open"
    assert refused(by_hand, town, 700, "statement:1:1") == "suspense.not_open"
    assert said_by(town, "INV-13") == []
    # the line is this voucher's and nobody else's
    other = approved(town, by_hand(town, 700, "statement:1:2"))
    legs = {one: LegKey(310, one.seq, 1) for one in (posted, other)}
    assert receipts(town).groups["receipt"] == 0  # both were matched as they were posted
    with unit_of_work(town.service, "acc", REGION) as tx:
        for number in (1, 2):
            undo(tx, ACCOUNT, number, "看看", NOVEMBER)
    assert refused(tied, town, LineKey(1, 1), legs[other]) == "reconciliation.line_taken"
    assert receipts(town).groups["receipt"] == 2
    # released with the voucher, and booked again by another
    number = town.value(
        f"SELECT series || '-' || period || '-' || vno FROM books.entry WHERE fund = 310 AND seq = {posted.seq}"
    )
    with unit_of_work(town.service, "acc", REGION) as tx:
        red = draft_red(tx, BOOK, number, NOVEMBER, reason="记错")
    approved(town, red)
    why = (
        "SELECT undone_by || undone_why FROM payments.statement_match ORDER BY undo_n DESC NULLS LAST LIMIT 1"
    )
    assert town.value(why) == "checker所勾对的凭证已冲销"
    assert town.value("SELECT outcome FROM payments.evidence WHERE receipt_no = '1-1'") == "suspense"
    assert receipts(town).groups["reversal"] == 1
    approved(town, by_hand(town, 700, "statement:1:1"))
    assert receipts(town).groups["receipt"] == 0
    assert live(town, 1) == 2
    assert said_by(town, "INV-13") == []
    # a line that is matched is booked already
    third = by_hand(town, 300, "statement:1:3")
    free = book(town, "bank-L3", 300, "流水L3", date(2026, 10, 13))
    assert receipts(town).groups["serial"] == 1
    assert free.seq > 0
    assert refused(approved, town, third) == "suspense.line_matched"


def live(town: Any, statement_no: int) -> int:
    """How many lines of a statement are matched."""
    return int(
        town.value(f"SELECT count(*) FROM payments.match_line WHERE live AND statement = {statement_no}")
    )


def test_a_voucher_that_rests_on_lines_is_matched_with_them_as_it_is_posted(month: Any) -> None:
    """1,000 fen of two lines: one match, of the checker, like any other; the month's sheet is right without another run."""
    town, day = month, date(2026, 11, 1)
    receipts(town)
    rows = [("L1", 700, day), ("L2", 300, day), ("L3", 40, day)]
    opening = town.value("SELECT closing_fen FROM payments.bank_statement")
    loaded(town, statement(2, day, date(2026, 11, 30), opening, *rows))
    drafted = by_hand(town, 1_000, "statement:2:1", "statement:2:2")
    assert live(town, 2) == 0
    approved(town, drafted)
    said = "SELECT concat_ws(' ', m.why, m.reason, m.made_by, m.made_on) FROM payments.statement_match m ORDER BY n DESC LIMIT 1"
    assert town.value(said) == f"receipt MAN:{drafted.voucher_id} checker {NOVEMBER}"
    legs = "SELECT string_agg(leg || ':' || effect_fen, ' ') FROM payments.match_leg WHERE live AND match = "
    number = town.value("SELECT max(n) FROM payments.statement_match")
    assert (live(town, 2), town.value(f"{legs}{number}")) == (2, "1:1000")

    def open_items() -> list[tuple[str, int]]:
        """Of the sheet as it would be made now; it is not kept."""
        with pytest.raises(StopIteration) as looked, unit_of_work(town.service, "acc", REGION) as tx:
            raise StopIteration(make(tx, ACCOUNT, 202611, date(2026, 12, 2)))
        found = looked.value.value
        came = sum(one.amount_fen for one in found.items if one.part == "book_in")
        assert found.adjusted_fen == found.bank_fen + came
        return sorted((one.part, one.amount_fen) for one in found.items)

    assert open_items() == [("bank_in", 7), ("bank_in", 40)]
    assert said_of(town) == []
    # an accountant takes it back: it is kept, both sides are open again, and the next run finds them
    with unit_of_work(town.service, "acc", REGION) as tx:
        undo(tx, ACCOUNT, number, "先核对", NOVEMBER)
    assert refused_undo(town, number) == "reconciliation.undone"
    assert live(town, 2) == 0
    assert open_items() == [
        ("bank_in", 7),
        ("bank_in", 40),
        ("bank_in", 300),
        ("bank_in", 700),
        ("book_in", 1_000),
    ]
    other = approved(
        town, by_hand(town, 40, "statement:2:3")
    )  # matches its own line, not what a person took back
    assert (live(town, 2), other.seq > 0) == (1, True)
    assert receipts(town).groups["receipt"] == 1
    assert (open_items(), said_of(town)) == ([("bank_in", 7)], [])


def refused_undo(town: Any, number: int) -> str:
    with pytest.raises(LedgerError) as wrong, unit_of_work(town.service, "acc", REGION) as tx:
        undo(tx, ACCOUNT, number, "再来", NOVEMBER)
    return wrong.value.code


def test_the_service_matches_nothing_as_checker_and_no_line_beside_its_entry(month: Any) -> None:
    """The door that matches a posted voucher's lines makes no other match; past the program a checker makes none."""
    for user, statements in (
        ("checker", ("INSERT INTO payments.match_line VALUES (420100, '6222000001', 1, 1, 2)",)),
        ("cash", ("SELECT payments.match_stated(420100, '6222000001', '{1-2}', '2026-11-02')",)),
    ):
        with pytest.raises(LedgerError), unit_of_work(month.service, user, REGION) as tx:
            for one in statements:
                tx.connection.execute(one)
    with unit_of_work(month.service, "checker", REGION) as tx:  # nothing rests on the line
        tx.connection.execute("SELECT payments.match_stated(420100, '6222000001', '{1-2}', '2026-11-02')")
    assert month.value("SELECT count(*) FROM payments.statement_match") == 0


def test_verify_names_a_line_that_two_vouchers_rest_on_or_that_is_matched_elsewhere(town: Any) -> None:
    day = date(2026, 10, 12)
    loaded(town, statement(1, date(2026, 10, 1), date(2026, 10, 31), 0, ("L1", 700, day), ("L2", 700, day)))
    one, two = (approved(town, by_hand(town, 700, f"statement:1:{n}")) for n in (1, 2))
    receipts(town)
    assert said_by(town, "INV-13") == []
    town.break_it(
        f"UPDATE payments.match_leg SET seq = -seq WHERE seq IN ({one.seq}, {two.seq})",
        f"UPDATE payments.match_leg SET seq = {one.seq + two.seq} + seq WHERE seq < 0",
    )
    assert sum("却与别的凭证勾对" in said for said in said_by(town, "INV-13")) == 2
    town.break_it("UPDATE books.voucher_paper SET receipt_no = '1-1'")
    assert any("几份手工凭证的依据" in said for said in said_by(town, "INV-13"))


def said_by(town: Any, promise: str) -> list[str]:
    return [one.message for one in town.verify() if one.promise == promise]


@pytest.fixture
def told(month: Any) -> Any:
    """October reviewed; a November statement withdrawn by two persons, another asked back, one proposed by hand as a file."""
    made = reviewed(month)
    wrong = statement(2, date(2026, 11, 1), date(2026, 11, 9), made.bank_fen)
    loaded(month, wrong)
    with unit_of_work(month.service, "acc", REGION) as tx:
        asked = ask_withdrawal(tx, ACCOUNT, 2, "误收", NOVEMBER)
    with unit_of_work(month.service, "checker", REGION) as tx:
        decide_withdrawal(tx, ACCOUNT, asked.n, NOVEMBER)
    loaded(month, statement(2, date(2026, 11, 1), date(2026, 11, 8), made.bank_fen))
    with unit_of_work(month.service, "acc", REGION) as tx:
        ask_withdrawal(tx, ACCOUNT, 2, "又误收", NOVEMBER)
    return month


def _copy(table: str, **other: str) -> str:
    """A further row like one that is there, with some columns otherwise; the columns are the table's."""
    named = ", ".join(f"'{key}', {value}" for key, value in other.items())
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || jsonb_build_object({named}))).*"
        f" FROM (SELECT * FROM {table} ORDER BY 1, 2, 3 DESC LIMIT 1) t"
    )


_STATEMENT, _LINE = "payments.bank_statement", "payments.statement_line"
_SHEET, _BACK = "payments.reconciliation", "payments.statement_withdrawal"
REFUSED = (
    ("acc", _copy("payments.statement_file", n="9", prepared_by="'maker'"), "request.prepared_by"),
    ("cash", _copy("payments.statement_file", n="9", prepared_by="'cash'"), "access.role_missing"),
    ("acc", "UPDATE payments.statement_file SET state = 'taken'", "request.decided"),
    ("acc", "UPDATE payments.statement_file SET content = 'x'", "db.permission"),
    ("cash", _copy(_STATEMENT, n="3", place="2"), "access.role_missing"),
    ("acc", _copy(_STATEMENT, n="5", place="2"), "statement.order"),
    ("acc", _copy(_STATEMENT, n="3", place="2"), "statement.overlap"),
    ("acc", _copy(_STATEMENT, n="3", place="2", first_day="date '2026-11-10'", last_day="date '2026-11-11'", sequence="9"), "statement.gap"),
    ("acc", _copy(_STATEMENT, n="3", place="2", first_day="date '2026-11-10'", last_day="date '2026-11-11'", sequence="3", opening_fen="1"), "statement.opening"),
    ("acc", _copy(_STATEMENT, n="3", place="2", first_day="date '2026-11-10'", last_day="date '2026-11-11'", sequence="3", closing_fen="1"), "statement.total"),
    ("acc", "UPDATE payments.bank_statement SET n = -9 WHERE n = 2", "db.permission"),
    ("acc", "DELETE FROM payments.bank_statement", "db.permission"),
    ("acc", _copy(_LINE, n="9"), "business.frozen"),
    ("acc", "UPDATE payments.statement_line SET amount_fen = 1", "db.permission"),
    ("acc", f"INSERT INTO payments.statement_page VALUES ({REGION}, '{ACCOUNT}', 2, 1, sha256('x'))", "business.frozen"),
    ("acc", _copy("payments.statement_match", n="9", made_by="'maker'"), "request.prepared_by"),
    ("cash", _copy("payments.statement_match", n="9", made_by="'cash'"), "db.permission"),
    ("acc", _copy("payments.statement_match", n="9", why="'opening'"), "request.prepared_by"),
    ("acc", _copy("payments.statement_match", n="9"), "reconciliation.amount"),
    ("acc", _copy("payments.match_line", n="2"), "business.frozen"),
    ("acc", _copy("payments.match_leg", leg="2"), "business.frozen"),
    ("acc", "UPDATE payments.match_line SET live = false", "db.permission"),
    ("cash", f"SELECT payments.undo_match({REGION}, '{ACCOUNT}', 1, 'x', '2026-11-02')", "access.role_missing"),
    ("acc", f"SELECT payments.undo_match({REGION}, '{ACCOUNT}', 9, 'x', '2026-11-02')", "reconciliation.no_match"),
    ("acc", _copy(_SHEET, version="2"), "request.prepared_by"),
    ("cash", _copy(_SHEET, version="2", made_by="'cash'", state="'made'", reviewed_by="''", reviewed_on="NULL", reviewed_digest="NULL"), "access.role_missing"),
    ("acc", _copy(_SHEET, version="2", state="'made'", reviewed_by="''", reviewed_on="NULL", reviewed_digest="NULL"), "reconciliation.unbalanced"),
    ("acc", _copy(_SHEET, version="1", period="202611", state="'made'", reviewed_by="''", reviewed_on="NULL", reviewed_digest="NULL"), "reconciliation.statement_missing"),
    ("checker", "UPDATE payments.reconciliation SET state = 'refused', reason = 'x'", "request.decided"),
    ("acc", _copy("payments.reconciliation_item", n="9", reference="'x'"), "business.frozen"),
    ("acc", "DELETE FROM payments.reconciliation_item", "db.permission"),
    ("acc", _copy(_BACK, n="9", state="'approved'"), "request.prepared_by"),
    ("cash", _copy(_BACK, n="9", prepared_by="'cash'"), "access.role_missing"),
    ("acc", _copy(_BACK, n="9", first_statement="1"), "statement.unknown"),
    ("acc", f"SELECT payments.withdraw_statements({REGION}, '{ACCOUNT}', 2, '2026-11-02')", "access.role_missing"),
    ("checker", f"SELECT payments.withdraw_statements({REGION}, '{ACCOUNT}', 1, '2026-11-02')", "request.decided"),
    ("checker", f"SELECT payments.withdraw_statements({REGION}, '{ACCOUNT}', 9, '2026-11-02')", "statement.no_withdrawal"),
    ("acc", "DELETE FROM payments.statement_withdrawal", "db.permission"),
)  # fmt: skip


def test_raw_sql_of_the_service_is_refused_with_its_code(told: Any) -> None:
    """One scene for all rows: a refused statement changes nothing."""
    got = []
    for user, statement_, code in REFUSED:
        try:
            with unit_of_work(told.service, user, REGION) as tx:
                tx.run(statement_)
                tx.run("SET CONSTRAINTS ALL IMMEDIATE")
        except LedgerError as refused:
            if refused.code != code:
                got.append((statement_, refused.code, code))
        else:
            got.append((statement_, "nothing", code))
    assert not got, got
    assert named(told) == []


BROKEN = (
    ("DELETE FROM payments.statement_match", f"match {ACCOUNT} 1"),
    ("DELETE FROM payments.match_line", f"match {ACCOUNT} 1"),
    ("DELETE FROM payments.match_leg", f"match {ACCOUNT} 1"),
    ("UPDATE payments.match_leg SET seq = 9999", f"match {ACCOUNT} 1"),
    ("UPDATE payments.match_line SET n = 2", f"match {ACCOUNT} 1"),
    ("UPDATE payments.match_line SET match = 77", f"match {ACCOUNT} 77"),
    ("UPDATE payments.statement_match SET made_by = 'nobody'", f"match {ACCOUNT} 1"),
    ("UPDATE payments.statement_match SET why = 'opening'", f"match {ACCOUNT} 1"),
    ("DELETE FROM payments.bank_statement WHERE n = 2", f"{_STATEMENT} {ACCOUNT}/2"),
    ("DELETE FROM payments.bank_statement WHERE n < 0", f"{_STATEMENT} {ACCOUNT}/-1"),
    ("UPDATE payments.bank_statement SET n = -7 WHERE n = 2", f"statement {ACCOUNT} -7"),
    ("UPDATE payments.bank_statement SET n = 3 WHERE n < 0", f"statement {ACCOUNT} 3"),
    ("UPDATE payments.bank_statement SET last_day = '2026-10-20' WHERE n = 1", f"statement {ACCOUNT} 1"),
    ("UPDATE payments.bank_statement SET sequence = 9 WHERE n = 2", f"{_STATEMENT} {ACCOUNT}/2"),
    ("DELETE FROM payments.statement_file WHERE state = 'taken'", f"payments.statement_file {ACCOUNT}/"),
    ("UPDATE payments.statement_file SET state = 'withdrawn' WHERE name = 'ST1.xml'", f"payments.statement_file {ACCOUNT}/"),
    ("DELETE FROM payments.statement_withdrawal WHERE n = 1", f"statement {ACCOUNT} -1"),
    ("UPDATE payments.statement_withdrawal SET approved_by = 'nobody' WHERE n = 1", f"statement {ACCOUNT} -1"),
    ("UPDATE payments.statement_withdrawal SET prepared_by = 'maker2', approved_by = 'maker' WHERE n = 1", f"statement {ACCOUNT} -1"),
    ("UPDATE payments.statement_withdrawal SET state = 'approved', approved_by = 'checker', approved_on = '2026-11-02', kept_as = -2 WHERE n = 2", f"{_BACK} {ACCOUNT}/2"),
    ("UPDATE payments.reconciliation SET made_by = 'nobody'", f"reconciliation {ACCOUNT} 202610-1"),
    ("UPDATE payments.reconciliation SET adjusted_fen = 1", f"reconciliation {ACCOUNT} 202610-1"),
    ("UPDATE payments.reconciliation SET blocks = '{\"310\": 0}'", f"reconciliation {ACCOUNT} 202610-1"),
    ("UPDATE payments.reconciliation SET match_cut = 0", f"reconciliation {ACCOUNT} 202610-1"),
    ("UPDATE payments.reconciliation SET statement_cut = 0", f"reconciliation {ACCOUNT} 202610-1"),
    ("UPDATE payments.reconciliation SET reviewed_by = 'cash'", f"{_SHEET} {ACCOUNT}/202610/1"),
    ("DELETE FROM payments.reconciliation", f"{_SHEET} {ACCOUNT}/202610/1"),
    ("UPDATE payments.reconciliation_item SET amount_fen = 8", f"reconciliation {ACCOUNT} 202610-1"),
)  # fmt: skip


def test_each_rule_broken_behind_the_guards_is_named(told: Any) -> None:
    """Each break stands alone: it is made, found by the check on statements, and rolled back."""
    missed = []
    for broken, where in BROKEN:
        found = broken_alone(told, broken)
        if not any(where in one.entry for one in found):
            missed.append((broken, where, [one.entry for one in found]))
    assert not missed, missed


TRACED_HERE = (_STATEMENT, _SHEET, _BACK, "payments.statement_file")


def broken_alone(town: Any, broken: str) -> list[Breach]:
    """What the check says of a break inside one transaction that is given up again; no clone of the database is needed."""
    with psycopg.connect(town.admin_url) as admin:
        admin.execute("SET LOCAL session_replication_role = replica")
        assert admin.execute(broken.encode()).rowcount != 0, broken
        seen = Snapshot(admin, (), town.server_home)
        found = [
            *check_statements(seen),
            *(one for table in TRACED_HERE for one in check_traced(seen, table)),
        ]
        admin.rollback()
    return found
