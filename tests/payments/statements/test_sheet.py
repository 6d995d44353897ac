"""余额调节表: both sides adjusted and equal, each open item named; made by one, reviewed by another who is no cashier."""

from __future__ import annotations

import json
from datetime import date
from typing import LiteralString

import psycopg
import pytest

from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.by_hand import LegKey, LineKey, match_by_hand, undo
from ledger.payments.statements.listing import matches, open_rows
from ledger.payments.statements.proposing import confirm, propose
from ledger.payments.statements.sheet import BankSheet, make, review
from reports.reconciliation import reconciliation_grid
from reports.render import grid_csv, grid_html, grid_json
from tests.payments.conftest import OWN, REGION, World
from tests.payments.statements.conftest import AFTER, OCT, Bank, Books, line


def d(day: int) -> date:
    return date(2026, 10, day)


def sheet_of(world: World, period: int = 202610, user: str = "acc", day: date = AFTER) -> BankSheet:
    with world.tx(user) as tx:
        return make(tx, OWN, period, day)


def month(bank: Bank, books: Books) -> None:
    """A month with one item of each of the four kinds, at the end of it."""
    bank.load(
        bank.statement(
            d(1),
            d(13),
            line("B1", 10_000, d(12)),
            line("B2", -3_000, d(13), order_no="FL420100-310-20261013-00001"),
        ),
        bank.statement(d(14), OCT, line("B3", 77, d(21)), line("B4", -500, d(31))),
    )
    books.book_many([(10_000, d(12), "财政专户缴拨凭证B1"), (-3_000, d(13), "camt.054:B2")])
    books.book_many([(4_000, d(31), "财政专户缴拨凭证B9"), (-250, d(31), "camt.054:B8")])


def test_both_sides_are_adjusted_and_equal(world: World, bank: Bank, books: Books) -> None:
    month(bank, books)
    done = books.match()
    assert done.groups == {"reversal": 0, "receipt": 0, "serial": 2, "order": 0}
    made = sheet_of(world)
    assert (made.bank_fen, made.book_fen) == (6_577, 10_750)
    assert [(one.part, one.amount_fen, one.day, one.age_days, one.paper) for one in made.items] == [
        ("bank_in", 77, d(21), 10, "B3"),
        ("bank_out", 500, OCT, 0, "B4"),
        ("book_in", 4_000, OCT, 0, "财政专户缴拨凭证B9"),
        ("book_out", 250, OCT, 0, "camt.054:B8"),
    ]
    assert made.adjusted_fen == 6_577 + 4_000 - 250 == 10_750 + 77 - 500 == 10_327
    assert sheet_of(world) == made  # again gives the first answer


def test_the_sheet_is_printed_in_the_standard_form(world: World, bank: Bank, books: Books) -> None:
    month(bank, books)
    books.match()
    made = sheet_of(world)
    with world.tx() as tx:
        name = tx.value(
            "SELECT display_name FROM access.app_user WHERE user_name = %(user)s", user=made.made_by
        )
        grid = reconciliation_grid(tx, OWN, 202610)
    assert grid.signers[0] == f"编制：{name}（{made.made_on}）"  # a person's name, not a login
    assert grid.title == "银行支出户存款余额调节表"
    assert [(one.cells[0], one.cells[-1]) for one in grid.lines] == [
        ("银行对账单余额", 6_577),
        ("加：本单位已收、银行未收", 4_000),
        ("", 4_000),
        ("减：本单位已付、银行未付", 250),
        ("", 250),
        ("调节后的银行对账单余额", 10_327),
        ("银行存款日记账余额", 10_750),
        ("加：银行已收、本单位未收", 77),
        ("", 77),
        ("减：银行已付、本单位未付", 500),
        ("", 500),
        ("调节后的银行存款日记账余额", 10_327),
    ]
    told = json.loads(grid_json.render(grid))
    assert (told["adjusted_fen"], told["rows"][2]["day"], len(told["items"])) == ("10327", "2026-10-31", 4)
    assert "调节后的银行对账单余额,2026-10-31,,,,103.27\r\n" in grid_csv.render(grid)
    page = grid_html.render(grid)
    assert "<h1>银行支出户存款余额调节表</h1>" in page
    assert page.split("<tbody>")[1].count("<tr") == 12


def test_a_match_that_comes_after_the_month_leaves_it_open_there(
    world: World, bank: Bank, books: Books
) -> None:
    bank.load(bank.statement(d(1), OCT, line("B1", 900, OCT)))
    books.book(900, date(2026, 11, 2), "财政专户缴拨凭证B1")
    assert books.match().groups["serial"] == 1
    made = sheet_of(world)
    assert [(one.part, one.amount_fen) for one in made.items] == [("bank_in", 900)]
    bank.load(bank.statement(date(2026, 11, 1), date(2026, 11, 30)))
    assert sheet_of(world, 202611, day=date(2026, 12, 1)).items == ()


def test_review_is_by_another_and_binds_the_digest(world: World, bank: Bank, books: Books) -> None:
    month(bank, books)
    books.match()
    made = sheet_of(world)
    with pytest.raises(Conflict) as changed, world.tx("checker") as tx:
        review(tx, OWN, 202610, b"\0" * 32, AFTER)
    assert changed.value.code == "reconciliation.changed"
    with pytest.raises(Forbidden) as alone, world.tx("acc") as tx:
        review(tx, OWN, 202610, made.digest, AFTER)
    assert alone.value.code == "access.role_missing"
    with pytest.raises(Forbidden), world.tx("cashier") as tx:
        review(tx, OWN, 202610, made.digest, AFTER)
    with world.tx("checker") as tx:
        done = review(tx, OWN, 202610, made.digest, AFTER)
        assert review(tx, OWN, 202610, made.digest, AFTER) == done
    assert (done.state, done.reviewed_by) == ("reviewed", "checker")
    assert sheet_of(world) == done, "nothing has changed: a review is not undone by asking once more"
    with world.tx() as tx:
        assert tx.value("SELECT payments.unreconciled(%(r)s, 310::smallint, 202610)", r=REGION) == ""
    books.book(5, OCT, "财政专户缴拨凭证后来")
    with world.tx() as tx:
        assert "又有变动" in tx.value("SELECT payments.unreconciled(%(r)s, 310::smallint, 202610)", r=REGION)
    assert sheet_of(world).version == 2


def test_a_sheet_sent_back_says_why_and_is_made_again(world: World, bank: Bank, books: Books) -> None:
    month(bank, books)
    made = sheet_of(world)
    assert len(made.items) == 8  # nothing matched yet
    books.match()
    with pytest.raises(Conflict) as waiting:
        sheet_of(world)
    assert waiting.value.code == "reconciliation.waiting"
    with world.tx("checker") as tx:
        assert review(tx, OWN, 202610, made.digest, AFTER, "先勾对").state == "refused"
    again = sheet_of(world)
    assert (again.version, len(again.items)) == (2, 4)


def test_a_sheet_with_a_person_s_line_is_given_again(world: World, bank: Bank, books: Books) -> None:
    """His name is sealed where the line stands and masked where the sheet is shown: neither makes it another sheet."""
    bank.load(
        bank.statement(
            d(1),
            OCT,
            line(
                "B1", 10_000, d(12), other_account="6222000000000001", other_name="张三丰", purpose="退医药费"
            ),
        )
    )
    made = sheet_of(world)
    assert ["三丰" in one.summary or "~" in one.summary for one in made.items] == [False]
    assert sheet_of(world) == made


def test_a_month_without_its_statement_or_not_over_is_refused(world: World, bank: Bank, books: Books) -> None:
    bank.load(bank.statement(d(1), d(13), line("B1", 5, d(12))))
    for user, day, code in (
        ("acc", AFTER, "reconciliation.statement_missing"),
        ("acc", OCT, "reconciliation.not_over"),
    ):
        with pytest.raises(Conflict) as refused:
            sheet_of(world, user=user, day=day)
        assert refused.value.code == code
    with pytest.raises(NotFound), world.tx("checker") as tx:
        review(tx, OWN, 202610, b"\0" * 32, AFTER)


def test_an_opening_the_books_did_not_have_is_named(world: World, bank: Bank, books: Books) -> None:
    books.book(1_000, d(3), "期初")
    bank.load(bank.statement(d(10), OCT, opening=1_100))
    with pytest.raises(Conflict) as refused:
        sheet_of(world)
    assert refused.value.code == "reconciliation.opening"
    assert "-1.00元" in refused.value.message


def test_what_lay_before_the_first_statement_is_settled_by_its_opening(
    world: World, bank: Bank, books: Books
) -> None:
    books.book(1_000, d(3), "期初")
    books.book(-40, d(9), "camt.054:B7")  # out at the bank only after the first statement began
    bank.load(bank.statement(d(10), OCT, line("B7", -40, d(11)), opening=1_000))
    assert books.match().groups["serial"] == 1
    assert sheet_of(world).items == ()


def raw(world: World, user: str, statement: str, **params: object) -> None:
    with world.tx(user) as tx:
        tx.run(statement, **params)  # type: ignore[arg-type]


def test_the_database_holds_the_sheet(world: World, bank: Bank, books: Books) -> None:
    """As the service role, past the program."""
    month(bank, books)
    books.match()
    made = sheet_of(world)
    sign = (
        "UPDATE payments.reconciliation SET state = 'reviewed', reviewed_by = %(u)s, reviewed_on = '2026-11-02',"
        " reviewed_digest = digest WHERE region = %(r)s"
    )
    for user, code in (
        ("acc", "access.role_missing"),
        ("cashier", "access.role_missing"),
        ("maker", "access.role_missing"),
    ):
        with pytest.raises(Forbidden) as refused:
            raw(world, user, sign, u=user, r=REGION)
        assert refused.value.code == code
    with pytest.raises(Forbidden) as other:
        raw(world, "checker", sign, u="same.person", r=REGION)
    assert other.value.code == "request.same_person"
    with pytest.raises(Conflict) as blind:
        raw(
            world,
            "checker",
            sign.replace("reviewed_digest = digest", "reviewed_digest = sha256('')"),
            u="checker",
            r=REGION,
        )
    assert blind.value.code == "reconciliation.changed"
    copied = (
        "INSERT INTO payments.reconciliation SELECT region, account, period, 9, bank_fen + 1, book_fen, adjusted_fen + 1, 0,"
        " statement_cut, match_cut, blocks, digest, 'made', made_by, made_on FROM payments.reconciliation WHERE region = %(r)s"
    )
    with pytest.raises(InvalidInput) as unequal:
        raw(world, "acc", copied, r=REGION)
    assert unequal.value.code == "reconciliation.unbalanced"
    late = "INSERT INTO payments.reconciliation_item VALUES (%(r)s, %(a)s, 202610, 1, 9, 'book_in', '2026-10-01', 1, 'x', '', '', 1)"
    with pytest.raises(Forbidden) as added:
        raw(world, "acc", late, r=REGION, a=OWN)
    assert added.value.code == "business.frozen"
    for gone in (
        "DELETE FROM payments.reconciliation_item",
        "UPDATE payments.reconciliation SET bank_fen = 0",
    ):
        with pytest.raises(LedgerError):
            raw(world, "acc", gone)
    assert made.state == "made"


def test_one_to_many_and_many_to_one_by_number(world: World, bank: Bank, books: Books) -> None:
    bank.load(
        bank.statement(
            d(1), OCT, line("A1", 700, d(5)), line("P", -10, d(6)), line("P", -20, d(6)), line("X", -5, d(7))
        )
    )
    books.book_many(
        [
            (300, d(5), "缴款凭证A1"),
            (400, d(5), "缴款凭证A1，第二联"),
            (-30, d(6), "回单P"),
            (-6, d(7), "回单X"),
        ]
    )
    done = books.match()
    assert (done.groups["serial"], done.open_lines, done.open_legs) == (2, 1, 1)
    with world.tx() as tx:
        found = matches(tx, OWN)
        assert [(len(one.lines), len(one.legs), one.amount_fen, one.why, one.reason) for one in found] == [
            (2, 1, -30, "serial", "P"),
            (1, 2, 700, "serial", "A1"),
        ]
        assert [(one.side, one.effect_fen) for one in open_rows(tx, OWN)] == [("bank", -5), ("book", -6)]
    assert books.match().groups == {"reversal": 0, "receipt": 0, "serial": 0, "order": 0}


def test_a_red_copy_settles_its_voucher_without_the_bank(world: World, bank: Bank, books: Books) -> None:
    bank.load(bank.statement(d(1), OCT, line("A1", 90, d(5))))
    wrong = books.book(80, d(5), "缴款凭证A1")
    books.book(-80, d(5), "更正", reverses=wrong)
    books.book(90, d(5), "缴款凭证A1")
    done = books.match()
    assert done.groups == {"reversal": 1, "receipt": 0, "serial": 1, "order": 0}
    assert (done.open_lines, done.open_legs) == (0, 0)


def test_an_amount_only_proposes(world: World, bank: Bank, books: Books) -> None:
    bank.load(
        bank.statement(
            d(1),
            OCT,
            line("A1", 900, d(5)),
            line("A2", -60, d(8)),
            line("A3", -1, d(9)),
            line("A4", -2, d(9)),
        )
    )
    one = books.book(900, d(6), "口头")
    two, three = books.book_many([(-20, d(8), "甲"), (-40, d(8), "乙")])
    four = books.book(-3, d(9), "合计")
    assert sum(books.match().groups.values()) == 0
    with world.tx() as tx:
        found = propose(tx, OWN)
    assert [(p.why, [str(x) for x in p.lines], [str(x) for x in p.legs]) for p in found] == [
        ("pair", ["1:1"], [f"310:{one}:1"]),
        ("split", ["1:2"], [f"310:{two}:2", f"310:{three}:2"]),
        ("joined", ["1:3", "1:4"], [f"310:{four}:2"]),
    ]
    with world.tx() as tx:
        number = confirm(tx, OWN, found[1].key, "银行电话核对", AFTER)
    with pytest.raises(Conflict) as gone, world.tx() as tx:
        confirm(tx, OWN, found[1].key, "再来", AFTER)
    assert gone.value.code == "reconciliation.proposal_gone"
    with world.tx() as tx:
        assert matches(tx, OWN)[0].reason == "银行电话核对"
        undo(tx, OWN, number, "错了", AFTER)
    with world.tx() as tx:
        kept = matches(tx, OWN)
        assert (kept[0].undone_by, kept[0].undone_why, len(kept)) == ("acc", "错了", 1)
        assert len(propose(tx, OWN)) == 3
    with pytest.raises(Conflict) as twice, world.tx() as tx:
        undo(tx, OWN, number, "错了", AFTER)
    assert twice.value.code == "reconciliation.undone"


def test_a_match_across_accounts_above_the_amount_or_twice_is_refused(
    world: World, bank: Bank, books: Books
) -> None:
    bank.load(bank.statement(d(1), OCT, line("A1", 900, d(5))))
    here = books.book(900, d(5), "甲")
    there = books.book(900, d(5), "乙", account="4299999999999")
    more = books.book(901, d(5), "丙")

    def by_hand(tx: Transaction, seq: int) -> int:
        return match_by_hand(tx, OWN, [LineKey(1, 1)], [LegKey(310, seq, 1)], "试", AFTER)

    for seq, code in ((more, "reconciliation.amount"), (there, "reconciliation.not_open")):
        with pytest.raises(LedgerError) as refused, world.tx() as tx:
            by_hand(tx, seq)
        assert refused.value.code == code
    for user in ("cashier", "checker", "maker"):
        with pytest.raises(Forbidden), world.tx(user) as tx:
            by_hand(tx, here)
    with world.tx() as tx:
        number = by_hand(tx, here)
    with pytest.raises(NotFound) as again, world.tx() as tx:
        by_hand(tx, here)
    assert again.value.code == "reconciliation.not_open"
    # the same past the program
    bank_part = "INSERT INTO payments.match_line VALUES (%(r)s, %(a)s, %(n)s, 1, %(line)s)"
    book_part = "INSERT INTO payments.match_leg VALUES (%(r)s, %(a)s, %(n)s, 310, 202610, %(s)s, 1, %(fen)s)"
    whole = (
        f"WITH line AS ({bank_part}), leg AS ({book_part})"
        " INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
        " VALUES (%(r)s, %(a)s, %(n)s, 'hand', 'x', 'acc', '2026-11-02')"
    )

    def raw(*statements: LiteralString, n: int, seq: int = there, fen: int = 900, at: int = 1) -> LedgerError:
        with pytest.raises(LedgerError) as refused, world.tx() as tx:
            for one in statements:
                tx.run(one, r=REGION, a=OWN, n=n, s=seq, fen=fen, line=at)
        return refused.value

    twice = raw(whole, n=number + 1, seq=here)
    assert "_matched_once" in str(twice.__cause__ or twice)
    assert raw(bank_part, n=number, at=2).code == "business.frozen"  # added to another's match
    with world.tx() as tx:
        undo(tx, OWN, number, "重来", AFTER)
    assert raw(whole, n=number + 5).code == "reconciliation.other_account"
    assert raw(whole, n=number + 5, seq=more, fen=901).code == "reconciliation.amount"
    assert raw(whole, n=number + 5, seq=here, at=99).code == "reconciliation.amount"  # no such line
    # right, and then one part more: in another transaction, in the same, in a savepoint of it
    for between in ("SELECT 1", "SAVEPOINT more"):
        added = raw(whole, between, bank_part.replace("%(line)s", "2"), n=number + 5, seq=here)
        assert added.code == "business.frozen"
    for part in (bank_part, book_part):
        assert raw(part, n=number + 5).code == "reconciliation.alone"
    with pytest.raises((LedgerError, psycopg.Error)), world.tx() as tx:
        tx.run("UPDATE payments.match_line SET live = false WHERE region = %(r)s", r=REGION)
