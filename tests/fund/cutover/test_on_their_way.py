"""Advances and payments to persons on their way at a cut-over: paid, returned and paid again as our own, to the fen."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.ports import Direction
from ledger.control.verify import verify
from ledger.core.errors import LedgerError
from ledger.fund.advances.offset import due_offsets
from ledger.fund.cash.orders import order_advances, order_persons
from tests.fund.cutover.test_carried import carried, states
from tests.fund.cutover.test_cutover import Set, opened, take_october, told
from tests.scenes.month import HOSPITAL
from tests.scenes.town import OWN, Town

__all__ = ["told"]
PERSON = ["王某", "6222000000000077", "示例银行武汉支行", "102521000000"]
SUPPLIER = ["某药业", "6222000000000088", "示例银行武汉支行", "102521000000"]
PAYEE = ["武汉市第一医院", "6222000000000001", "示例银行武汉支行", "102521000000"]
PSN = "42010119900101001X"


def more() -> Set:
    """`carried`, a preallocation of November, a supplier's advance and a person's reimbursement beside, all three at the bank."""
    content = carried()
    content["open_items"] += [
        ["110103", HOSPITAL, "", "2026", "202611", "", "1500.00", "YB-11", "1500.00", "2026-11-01", "offset"],
        ["110104", HOSPITAL, "", "2026", "202611", "", "800.07", "JC-5", "800.07", "2026-11-01", "offset"],
    ]
    content["orders"] += [
        ["OLD-A-1", "110103", HOSPITAL, "", "", "", "YB-11", "1500.00", OWN, *PAYEE, "2026-10-30", ""],
        ["OLD-S-1", "110104", HOSPITAL, "", "", "", "JC-5", "800.07", OWN, *SUPPLIER, "2026-10-30", ""],
        [
            "OLD-P-1",
            "5001",
            PSN,
            "pool",
            "2026",
            "202610",
            "outpatient",
            "123.45",
            OWN,
            *PERSON,
            "2026-10-31",
            "",
        ],
    ]
    return content


@pytest.fixture
def flying(town: Town, bill: Any, tmp_path: Path) -> Town:
    town.begin(fen=0)
    take_october(town, bill)
    town.month.take(bill("R4", fund=40_000, day="2026-10-20"))
    opened(town, tmp_path / "set", more())
    return town


def told_of(
    town: Town, payee: list[str], direction: Direction, fen: int, number: str, day: date, **and_more: Any
) -> None:
    town.movement(
        day, direction, fen, other_account=payee[1], other_name=payee[0], order_no=number, **and_more
    )


def test_each_is_paid_by_its_receipt(flying: Town) -> None:
    flying.verified()
    assert flying.balance(9104) == -24_000 - 70_000, "what is owed in no memorandum account is not in 9104"
    with flying.tx("li") as tx:
        assert [due.kind for due in due_offsets(tx, 310, HOSPITAL, 202611)] == ["prepayment"], "not paid yet"
        owed = tx.rows("SELECT kind FROM fund.due(420100, 310::smallint, '2026-11-03', '2026-12-31', true)")
        assert {kind for (kind,) in owed}.isdisjoint({"advance", "supplier", "person"}), (
            "nor paid twice: YF-2026-01"
        )
    with flying.tx("zhao") as tx:
        assert (
            order_advances(tx, 310, date(2026, 11, 3)).batches
            == order_persons(tx, 310, date(2026, 11, 3)).batches
            == []
        )
    told_of(flying, PAYEE, Direction.DEBIT, 150_000, "OLD-A-1", date(2026, 11, 2))
    told_of(flying, SUPPLIER, Direction.DEBIT, 80_007, "OLD-S-1", date(2026, 11, 2))
    told_of(flying, PERSON, Direction.DEBIT, 12_345, "OLD-P-1", date(2026, 11, 3))
    assert {states(flying)[number] for number in ("OLD-A-1", "OLD-S-1", "OLD-P-1")} == {"paid"}
    assert (flying.balance(110103), flying.balance(110104)) == (150_000, 80_007)
    assert flying.balance(50010103, counterparty="PERSON", term=202610) == 12_345
    assert flying.balance(1004) == 5_000_000 - 150_000 - 80_007 - 12_345
    with flying.tx("li") as tx:
        due = {one.kind: one.amount_fen for one in due_offsets(tx, 310, HOSPITAL, 202611)}
    assert due == {"prepayment": 200_000, "preallocation": 150_000, "supplier": 80_007}
    flying.verified()


def test_what_comes_back_is_paid_again_once(flying: Town) -> None:
    three = ((PAYEE, 150_000, "OLD-A-1"), (SUPPLIER, 80_007, "OLD-S-1"), (PERSON, 12_345, "OLD-P-1"))
    for payee, fen, number in three:
        told_of(flying, payee, Direction.DEBIT, fen, number, date(2026, 11, 2))
    for payee, fen, number in three:
        told_of(
            flying,
            payee,
            Direction.CREDIT,
            fen,
            number,
            date(2026, 11, 3),
            return_code="MS03",
            return_reason="收款行退回",
        )
    assert {states(flying)[number] for number in ("OLD-A-1", "OLD-S-1", "OLD-P-1")} == {"returned"}
    assert flying.balance(1101) == flying.balance(110102) + flying.balance(110105)
    flying.verified()
    day = date(2026, 11, 4)
    with flying.tx("zhao") as tx:
        batches = [*order_advances(tx, 310, day).batches, *order_persons(tx, 310, day).batches]
        assert order_advances(tx, 310, day).batches == order_persons(tx, 310, day).batches == []
    paid = [order for batch in batches for order in flying.pay(batch, day)]
    assert sorted(order.amount_fen for order in paid) == [12_345, 80_007, 150_000]
    assert {order.amount_fen: order.payee.number for order in paid}[80_007] == SUPPLIER[1]
    assert flying.balance(1004) == 5_000_000 - 150_000 - 80_007 - 12_345
    assert flying.balance(200104) == 0
    flying.verified()


WRONG: list[tuple[str, int, int, str, tuple[str, int, str]]] = [
    ("orders", 3, 7, "1500.01", ("orders", 5, "cutover.order_paper")),
    ("orders", 3, 6, "YB-12", ("orders", 5, "cutover.order_paper")),
    ("orders", 3, 3, "pool", ("orders", 5, "cutover.order_paper")),
    ("orders", 3, 2, "H42010009999", ("orders", 5, "cutover.party_unknown")),
    ("orders", 4, 0, "OLD-A-1", ("orders", 6, "cutover.twice")),
    ("orders", 4, 11, "", ("orders", 6, "cutover.order_paper")),
    ("orders", 5, 6, "dental", ("orders", 7, "cutover.order_paper")),
    ("orders", 5, 12, "", ("orders", 7, "cutover.order_paper")),
    ("orders", 5, 2, "", ("orders", 7, "cutover.order_paper")),
    ("orders", 5, 4, "2027", ("orders", 7, "cutover.order")),
    ("orders", 5, 1, "9502", ("orders", 7, "cutover.order_paper")),
    ("orders", 5, 7, "50000.00", ("orders", 2, "cutover.orders_over")),
    ("open_items", 12, 6, "1500.01", ("open_items", 14, "cutover.advance")),
    ("open_items", 12, 7, "YB-1", ("balances", 0, "cutover.items_differ")),
]


def test_what_does_not_tie_is_told(town: Town, bill: Any, told: Any) -> None:
    town.begin(fen=0)
    take_october(town, bill)
    town.month.take(bill("R4", fund=40_000, day="2026-10-20"))
    assert told(more()) == []
    missed = []
    for file, row, column, value, wanted in WRONG:
        content = more()
        content[file][row][column] = value
        answer = told(content)
        if wanted not in answer:
            missed.append(((file, row, column, value), wanted, answer))
    assert missed == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (
            "UPDATE fund.advance SET order_no = 'OPEN:' || advance_id WHERE document = 'YB-11'",
            "paper OPEN-420100-310-14",
        ),
        ("UPDATE fund.person_payment SET psn_no = '1'", "paper OPEN-420100-310-7"),
        ("DELETE FROM fund.person_payment", "paper OPEN-420100-310-7"),
    ],
)
def test_verify_names_what_was_changed(flying: Town, change: str, where: str) -> None:
    flying.month.pretend(change)
    found = verify(flying.month.database.auditor_engine, flying.home)
    assert any(breach.promise == "INV-12" and where in breach.entry for breach in found), found


def test_none_is_opened_by_any_other_way(flying: Town) -> None:
    for statement in (
        "INSERT INTO fund.person_payment SELECT region, fund, 'OPEN-420100-310-99', kind, '7', subfund, service_year, term, category, 1, 'x',"
        " payee_name, payee_number, payee_bank, payee_cnaps, due_on, state, prepared_by, prepared_on, approved_by, approved_on, '', ''"
        "  FROM fund.person_payment",
        "INSERT INTO fund.advance (region, fund, advance_id, institution, kind, year, term, recovery, amount_fen, quota_fen, conditions, document,"
        " payee_name, payee_number, payee_bank, payee_cnaps, due_on, state, prepared_by, prepared_on, approved_by, approved_on)"
        f" VALUES (420100, 310, 'OPEN-420100-310-99', '{HOSPITAL}', 'prepayment', 2027, 202711, 'cash', 1, 1, 'x', 'x', '', '', '', '',"
        " '2026-11-02', 'approved', 'zhao', '2026-11-02', 'qian', '2026-11-02')",
    ):
        with pytest.raises(LedgerError) as refused, flying.tx("zhao") as tx:
            tx.run(statement)  # type: ignore[arg-type]
        assert refused.value.code == "cutover.not_opened"
