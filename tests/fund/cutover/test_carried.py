"""What a cut-over carries beside balances: payments on their way, the bank's open items, findings; each used later as our own."""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, Forbidden, LedgerError
from ledger.payments.statements.by_hand import undo
from ledger.payments.statements.listing import open_rows
from ledger.payments.statements.matching import match
from ledger.payments.statements.sheet import make, review
from ledger.payments.statements.take import StatementFile, load
from tests.fund.cutover.test_cutover import GOOD, ON, Set, opened, take_october, told
from tests.scenes.month import HOSPITAL
from tests.scenes.town import FISCAL, OWN, Town

__all__ = ["told"]
SERIAL = "BK00000003"
"""The bank's serial of the third movement it tells in these tests."""
PAYEE = ["武汉市第一医院", "6222000000000001", "示例银行武汉支行", "102521000000"]


def order(
    number: str, source: str, term: str, fen: str, serial: str = "", *, sent: str = "2026-10-30"
) -> list[str]:
    return [number, source, HOSPITAL, "pool", "2026", term, "inpatient", fen, OWN, *PAYEE, sent, serial]


def carried() -> Set:
    """GOOD, and R4 (400.00, of it 240.00 daily) on its way, 700.00 of September's month money too; the bank's items."""
    content = deepcopy(GOOD)
    content["open_items"][1][6] = "760.00"  # 9102: + 160.00 of R4
    content["open_items"].append(
        ["finding", HOSPITAL, "", "", "202610", "", "25.00", "SH-2026-3", "", "", ""]
    )
    content["records"].append(["R4", "pool", "400.00", "240.00", "S", "OLD-D-7"])
    content["orders"] = [
        order("OLD-D-7", "9101", "202610", "240.00"),
        order("OLD-M-9", "9103", "202609", "500.00", SERIAL),
        order("OLD-M-9", "9103", "202608", "200.00", SERIAL),
    ]
    content["bank"][1:] = [
        [OWN, "statement", "2026-10-31", "50270.00", "", "对账单余额"],
        [OWN, "book_out", "2026-10-29", "300.00", "CHQ001", "支票未兑付"],
        [OWN, "book_in", "2026-10-30", "50.00", "IN77", "在途缴存"],
        [OWN, "bank_in", "2026-10-31", "20.00", "INT31", "结息单未到"],
    ]
    return content


@pytest.fixture
def flying(town: Town, bill: Any, tmp_path: Path) -> Town:
    town.begin(fen=0)
    take_october(town, bill)
    town.month.take(bill("R4", fund=40_000, day="2026-10-20"))
    opened(town, tmp_path / "set", carried())
    return town


def paper(town: Town, direction: Direction, fen: int, number: str, day: date, **more: Any) -> str:
    return town.movement(
        day, direction, fen, other_account=PAYEE[1], other_name=PAYEE[0], order_no=number, **more
    )


def states(town: Town) -> dict[str, str]:
    return dict(
        town.month.asked(
            "SELECT t.reference, o.state FROM payments.taken_order t JOIN payments.pay_order o USING (region, order_no)"
        )
    )


def test_a_payment_on_its_way_is_recognised_by_its_old_number(flying: Town) -> None:
    flying.verified()
    assert states(flying) == {"OLD-D-7": "unknown", "OLD-M-9": "unknown"}
    assert (flying.balance(9104, term=202610), flying.balance(9104, term=202609)) == (-24_000, -50_000)
    # the daily run orders R2 and November's R3: R4 is on its way, R1 was paid
    assert [order.amount_fen for order in flying.pay_daily(date(2026, 11, 3))] == [72_000]
    paper(flying, Direction.DEBIT, 24_000, "OLD-D-7", date(2026, 11, 4))
    # the second is known by the bank's serial: its paper names a number cut short
    paper(flying, Direction.DEBIT, 70_000, "OLD-M", date(2026, 11, 4))
    assert states(flying) == {"OLD-D-7": "paid", "OLD-M-9": "paid"}
    assert flying.balance(9104) == 0
    assert flying.balance(110105, term=202610) == 60_000 + 24_000 + 30_000
    assert flying.value("SELECT count(*) FROM payments.evidence WHERE outcome = 'suspense'") == 0
    flying.verified()


def test_one_that_comes_back_is_owed_again_and_paid_once(flying: Town) -> None:
    paper(flying, Direction.DEBIT, 24_000, "OLD-D-7", date(2026, 11, 4))
    paper(
        flying,
        Direction.CREDIT,
        24_000,
        "OLD-D-7",
        date(2026, 11, 5),
        return_code="MS03",
        return_reason="收款行退回",
    )
    assert states(flying)["OLD-D-7"] == "returned"
    flying.verified()
    assert flying.value("SELECT order_no FROM fund.payable WHERE setl_id = 'R4'") == ""
    again = flying.pay_daily(date(2026, 11, 6))
    assert sum(order.amount_fen for order in again) == 24_000 + 72_000
    flying.verified()


def test_a_debit_nobody_ordered_or_of_another_amount_waits(flying: Town) -> None:
    paper(flying, Direction.DEBIT, 23_999, "OLD-D-7", date(2026, 11, 4))
    paper(flying, Direction.DEBIT, 24_000, "OLD-D-8", date(2026, 11, 4))
    assert states(flying)["OLD-D-7"] == "unknown"
    assert flying.month.asked("SELECT outcome_code FROM payments.evidence ORDER BY outcome_code") == [
        ("amount_differs",),
        ("unknown_order",),
    ]
    flying.verified()


def test_findings_are_taken_at_the_months_settlement(flying: Town) -> None:
    flying.pay_daily(date(2026, 11, 3))
    paper(flying, Direction.DEBIT, 24_000, "OLD-D-7", date(2026, 11, 4))
    sheet = flying.settle(HOSPITAL, 202610, date(2026, 11, 5), date(2026, 11, 25))
    # round(1900 × 0.95) − 40 other − 25 found − 1,140 paid by the day, and 250 brought forward.
    assert sheet.figures.result_fen == 180_500 - 4_000 - 2_500 - 114_000 + 25_000
    assert flying.value("SELECT string_agg(reason, ' ' ORDER BY reason) FROM fund.other_deduction") == (
        "接转审核扣款：SH-2026-3 接转：KK-1"
    )
    flying.verified()


def test_the_bank_begins_with_what_the_set_says(flying: Town) -> None:
    with flying.tx("li") as tx:
        found = [(row.side, row.effect_fen, row.paper, row.summary) for row in open_rows(tx, OWN)]
        assert sorted(found) == [
            ("bank", 2_000, "INT31", "结息单未到"),
            ("book", -30_000, "CHQ001", "支票未兑付"),
            ("book", 5_000, "IN77", "在途缴存"),
        ]
        assert open_rows(tx, FISCAL) == []
        october = make(tx, OWN, 202610, ON)
    assert (october.bank_fen, october.book_fen, october.adjusted_fen) == (5_027_000, 5_000_000, 5_002_000)
    assert [(one.part, one.amount_fen, one.paper, one.age_days) for one in october.items] == [
        ("bank_in", 2_000, "INT31", 0),
        ("book_in", 5_000, "IN77", 1),
        ("book_out", 30_000, "CHQ001", 2),
    ]
    with flying.tx("qian") as tx:
        assert review(tx, OWN, 202610, october.digest, ON).state == "reviewed"
    flying.verified()
    with pytest.raises(Conflict) as kept, flying.tx("li") as tx:
        undo(tx, OWN, 1, "试试", ON)
    assert kept.value.code == "reconciliation.opened"


def stated(opening: int) -> tuple[str, bytes]:
    """The bank's first statement after the day: the cheque is cashed, the deposit credited."""
    rows, running = [], opening
    for serial, fen, on in (("CHQ001", -30_000, date(2026, 11, 2)), ("IN77", 5_000, date(2026, 11, 3))):
        running += fen
        rows.append(
            PrintedLine(serial, Direction.CREDIT if fen > 0 else Direction.DEBIT, abs(fen), on, running)
        )
    printed = PrintedStatement(
        "ST1", 1, datetime(2026, 11, 4, 8, tzinfo=SHANGHAI), OWN, "支出户", date(2026, 11, 1), date(2026, 11, 3), opening, rows
    )  # fmt: skip
    return "ST1.xml", write_camt053(printed)


def take_statement(town: Town, opening: int) -> None:
    name, content = stated(opening)
    with town.tx("li") as tx:
        load(
            tx,
            OWN,
            StatementFile(name, content),
            read_statements(name, content, Stated(OWN)),
            date(2026, 11, 4),
        )


def test_the_first_statement_must_begin_there_and_old_items_are_matched(flying: Town) -> None:
    with pytest.raises(Conflict) as gap:
        take_statement(flying, 5_000_000)
    assert gap.value.code == "statement.opening"
    take_statement(flying, 5_027_000)
    with flying.tx("li") as tx:
        done = match(tx, OWN, date(2026, 11, 4))
        assert (done.groups["serial"], done.open_lines, done.open_legs) == (2, 1, 0)
        assert [(row.side, row.paper) for row in open_rows(tx, OWN)] == [("bank", "INT31")]
    flying.verified()


WRONG: list[tuple[str, int, int, str, tuple[str, int, str]]] = [
    ("orders", 0, 7, "240.01", ("orders", 2, "cutover.orders_differ")),
    ("orders", 1, 7, "49560.01", ("orders", 2, "cutover.orders_over")),
    ("orders", 0, 7, "0", ("orders", 2, "cutover.order")),
    ("orders", 0, 1, "9102", ("orders", 2, "cutover.order")),
    ("orders", 0, 2, "H42010009999", ("orders", 2, "cutover.party_unknown")),
    ("orders", 0, 8, FISCAL, ("orders", 2, "cutover.order_account")),
    ("orders", 0, 13, "2026-11-01", ("orders", 2, "cutover.order")),
    ("orders", 0, 14, SERIAL, ("orders", 3, "cutover.twice")),
    ("orders", 1, 10, "6222", ("orders", 4, "cutover.order_head")),
    ("orders", 2, 5, "202609", ("orders", 4, "cutover.twice")),
    ("records", 2, 5, "OLD-D-8", ("records", 4, "cutover.record_paid")),
    ("records", 2, 5, "OLD-M-9", ("records", 4, "cutover.record_paid")),
    ("records", 2, 4, "N", ("records", 4, "cutover.record_paid")),
    ("records", 2, 4, "Y", ("orders", 2, "cutover.orders_differ")),
    ("bank", 1, 3, "50270.01", ("bank", 3, "cutover.bank_differs")),
    ("bank", 1, 2, "2026-10-30", ("bank", 3, "cutover.bank_item")),
    ("bank", 1, 0, "4200000000009999", ("bank", 3, "cutover.bank_account")),
    ("bank", 0, 1, "bank_in", ("bank", 2, "cutover.bank_missing")),
    ("bank", 2, 2, "2026-11-01", ("bank", 4, "cutover.bank_item")),
    ("bank", 2, 1, "other", ("bank", 4, "cutover.format")),
]


def test_what_does_not_tie_is_told(town: Town, bill: Any, told: Any) -> None:
    town.begin(fen=0)
    take_october(town, bill)
    town.month.take(bill("R4", fund=40_000, day="2026-10-20"))
    assert told(carried()) == []
    missed = []
    for file, row, column, value, wanted in WRONG:
        content = carried()
        content[file][row][column] = value
        answer = told(content)
        if wanted not in answer:
            missed.append(((file, row, column, value), wanted, answer))
    assert missed == []


CHANGES = [
    ("UPDATE payments.pay_order SET payee_number = '1' WHERE amount_fen = 24000", "order OLD-D-7"),
    ("UPDATE payments.taken_order SET reference = 'X' WHERE reference = 'OLD-D-7'", "order OLD-D-7"),
    ("UPDATE fund.cutover_order SET amount_fen = amount_fen + 1 WHERE line = 2", "cutover"),
    ("UPDATE payments.opened_leg SET reference = 'X' WHERE reference = 'IN77'", f"account {OWN}"),
    (
        "UPDATE payments.statement_line SET amount_fen = amount_fen + 1 WHERE receipt_no = 'INT31'",
        f"account {OWN}",
    ),
    ("UPDATE fund.cutover_bank SET amount_fen = amount_fen + 1 WHERE kind = 'statement'", f"account {OWN}"),
]


@pytest.mark.parametrize(("change", "where"), CHANGES)
def test_verify_names_what_was_changed(flying: Town, change: str, where: str) -> None:
    flying.month.pretend(change)
    found = verify(flying.month.database.auditor_engine, flying.home)
    assert any(where in breach.entry for breach in found if breach.promise == "INV-12"), found


def test_no_order_is_opened_by_any_other_way(flying: Town) -> None:
    statements = (
        "INSERT INTO payments.batch VALUES (420100, 310, 'OPEN-420100-310-x', 'daily', '2026-10-31', '2026-10-31', 'zhao', sha256(''))",
        "INSERT INTO payments.taken_order VALUES (420100, 'X', 'FL420100-310-20261031-00002')",
        "INSERT INTO payments.statement_file (region, account, sha256, n, name, form, content, profile, stated, digest, state, prepared_by, prepared_on)"
        f" VALUES (420100, '{OWN}', sha256('x'), 1, 'x', 'cutover', 'x', '', '{{}}', sha256('x'), 'taken', 'li', '2026-11-02')",
        "SELECT fund.open_banks(420100, 310::smallint)",
    )
    for statement in statements:
        with pytest.raises(LedgerError) as refused, flying.tx("li") as tx:
            tx.run(statement)
        assert isinstance(refused.value, Forbidden), refused.value
