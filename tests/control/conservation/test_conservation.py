"""INV-08 and T6: nothing can be moved between the places of the fund's money, in books or papers, unseen."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ledger.db.unit_of_work import unit_of_work

SHEETS = "FROM fund.sheet s WHERE s.region = l.region AND s.sheet_id = l.sheet_id AND s.state = 'approved'"
LETTERS = (
    "FROM fund.letter s WHERE s.region = l.region AND s.letter_id = l.letter_id AND s.state = 'confirmed'"
)


def one(table: str, where: str) -> str:
    """One row of a table."""
    return "ctid = " + f"(SELECT l.ctid FROM {table} l WHERE {where} LIMIT 1)"


APPROVED = "EXISTS (SELECT 1 " + SHEETS + ")"
CONFIRMED = "EXISTS (SELECT 1 " + LETTERS + ")"

# What was done, and (promise, word of the place or message) verify must say.
ATTACKS: dict[str, tuple[str, set[tuple[str, str]]]] = {
    "retained column": (
        "UPDATE fund.sheet_line SET retained_fen = retained_fen + 1, fund_fen = fund_fen + 1, waiting_fen = waiting_fen + 1 WHERE " + one("fund.sheet_line", APPROVED),
        {("T6", "预留保证金"), ("INV-12", "月结单")},
    ),
    "result column": (
        "UPDATE fund.sheet_line SET result_fen = result_fen + 1, month_open_fen = month_open_fen + 1 WHERE " + one("fund.sheet_line", APPROVED),
        {("T6", "月结应付"), ("INV-12", "月结单")},
    ),
    "audit column": (
        "UPDATE fund.sheet_line SET audit_fen = audit_fen + 1, result_fen = result_fen - 1 WHERE " + one("fund.sheet_line", APPROVED),
        {("T6", "审核扣款不等于月结单"), ("INV-12", "月结单")},
    ),
    "offset column": (
        "UPDATE fund.sheet_line SET offset_fen = offset_fen + 1, result_fen = result_fen - 1 WHERE " + one("fund.sheet_line", APPROVED),
        {("T6", "抵扣结清"), ("INV-12", "月结单")},
    ),
    "finding taken": (
        "UPDATE fund.finding_taken SET amount_fen = amount_fen + 1 WHERE " + one("fund.finding_taken", "true"),
        {("T6", "终审结果")},
    ),
    "finding of another": (
        "UPDATE fund.finding SET institution = 'H42010000009' WHERE finding_id = (SELECT min(finding_id) FROM fund.finding_taken)",
        {("T6", "终审结果")},
    ),
    "deduction": (
        "UPDATE fund.other_deduction SET amount_fen = amount_fen + 1 WHERE " + one("fund.other_deduction", "taken_fen > 0"),
        {("INV-08", "应扣数与所依据的决定不同")},
    ),
    "deduction taken": (
        "UPDATE fund.deduction_taken SET amount_fen = amount_fen + 1 WHERE " + one("fund.deduction_taken", "true"),
        {("T6", "扣款单"), ("INV-08", "各单据已扣")},
    ),
    "deduction left over": (
        "UPDATE fund.sheet_due SET left_fen = left_fen + 1, decided_fen = decided_fen + 1 WHERE " + one("fund.sheet_due", "kind = 'other'"),
        {("INV-08", "应扣数与所依据的决定不同"), ("INV-12", "月结单")},
    ),
    "sheet taken back": (
        "UPDATE fund.sheet SET state = 'draft', approved_by = '', approved_on = NULL WHERE "
        + one("fund.sheet", "state = 'approved' AND entry <> ''"),
        {("T6", "预留保证金"), ("INV-12", "未审批确认")},
    ),
    "sheet and its digest": (
        "UPDATE fund.sheet SET due_on = due_on + 1, digest = fund.sheet_digest(sheet) WHERE "
        + one("fund.sheet", "state = 'approved' AND entry <> ''"),
        {("INV-12", "月结单")},
    ),
    "letter line": (
        "UPDATE fund.letter_line SET retained_fen = retained_fen + 1, result_fen = result_fen + 1, claimed_fen = claimed_fen + 1"
        " WHERE " + one("fund.letter_line", CONFIRMED),
        {("T6", "预留保证金"), ("T6", "清算应付"), ("INV-12", "确认书")},
    ),
    "letter borne": (
        "UPDATE fund.letter_line SET borne_fen = borne_fen + 1, result_fen = result_fen - 1 WHERE "
        + one("fund.letter_line", CONFIRMED),
        {("T6", "机构自担"), ("T6", "清算应付")},
    ),
    "letter grade": (
        "UPDATE fund.letter SET grade = grade || '上' WHERE " + one("fund.letter", "state = 'confirmed'"),
        {("INV-12", "确认书")},
    ),
    "money moved to another year": (
        "UPDATE books.balance SET dim = (SELECT min(o.dim) FROM books.dim o JOIN books.dim d ON d.dim = balance.dim"
        " WHERE (o.counterparty, o.subfund) = (d.counterparty, d.subfund) AND o.service_year <> d.service_year) WHERE "
        + one("books.balance", "account = 9301 AND credit <> 0 AND EXISTS (SELECT 1 FROM books.dim d, books.dim o"
              " WHERE d.dim = l.dim AND (o.counterparty, o.subfund) = (d.counterparty, d.subfund) AND o.service_year <> d.service_year)"),
        {("INV-08", "去向不平"), ("T6", "审核扣款"), ("INV-06", "余额")},
    ),
    "posting of one day": (
        "UPDATE books.posting SET debit = debit + 1 WHERE region = 420100 AND account = 9105 AND (period, block, dim) ="
        " (SELECT period, block, dim FROM books.posting WHERE account = 9105 LIMIT 1)",
        {("INV-08", "当日去向不平")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_named(lived: Any, attack: str) -> None:
    statement, said = ATTACKS[attack]
    lived.break_it(statement)
    found = lived.verify()
    for promise, words in said:
        assert any(f.promise == promise and words in f.message for f in found), (promise, words, found)


def test_the_view_is_the_identity_for_every_key(lived: Any) -> None:
    keys = lived.rows("SELECT * FROM fund.conservation")
    assert {(row[1], row[3], row[4]) for row in keys} >= {
        (310, "pool", 2025),
        (310, "pool", 2026),
        (310, "acct", 2026),
    }
    assert lived.rows(
        "SELECT sum(difference_fen), count(*) FILTER (WHERE difference_fen <> 0) FROM fund.conservation"
    ) == [(0, 0)]
    assert lived.rows("SELECT * FROM fund.conservation_broken") == []
    by_hand = lived.rows(
        "SELECT sum(fund_fen)::bigint FROM fund.payable WHERE recognised_by <> '' AND fund = 310 AND subfund = 'pool' AND service_year = 2026"
    )
    shown = lived.rows(
        "SELECT sum(recognised_fen)::bigint FROM fund.conservation WHERE fund = 310 AND subfund = 'pool' AND service_year = 2026"
    )
    assert by_hand == shown
    assert shown[0][0] > 0


def test_a_memorandum_entry_across_keys_breaks_it_on_its_day(lived: Any) -> None:
    """Balanced as an entry, not per key: what the books alone would let through."""
    dims = lived.rows(
        "SELECT array_agg(dim ORDER BY service_year) FROM books.dim WHERE counterparty = 'H42010000001' AND subfund = 'pool'"
        " AND service_year > 0"
    )[0][0]
    lived.break_it(
        f"UPDATE books.posting SET dim = {dims[-1]} WHERE account = 9001 AND dim = {dims[0]}"
        " AND block = (SELECT min(block) FROM books.posting WHERE account = 9001 AND"
        f" dim = {dims[0]})"
    )
    (broken,) = {row[5] for row in lived.rows("SELECT * FROM fund.conservation_broken")}
    assert any(f.promise == "INV-08" and str(broken) in f.message for f in lived.verify())


def test_who_reads_the_view_sees_only_their_region(lived: Any) -> None:
    with unit_of_work(lived.service, "zhou", 420100) as tx:
        assert tx.value("SELECT count(*) FROM fund.conservation") > 0
        assert tx.value("SELECT count(*) FROM fund.conservation WHERE region <> 420100") == 0
    with psycopg.connect(str(lived.settings.database_url), autocommit=True) as admin:
        admin.execute(
            "INSERT INTO access.app_user VALUES ('one', 'person-one', '单险种'), ('none', 'person-none', '无岗')"
        )
        admin.execute("INSERT INTO access.user_role VALUES (420100, 'one', 'reviewer', 390)")
    with unit_of_work(lived.service, "one", 420100) as tx:
        assert tx.rows("SELECT DISTINCT fund FROM fund.conservation") == [(390,)]
        assert tx.rows("SELECT DISTINCT fund FROM fund.conservation_broken") == []
