"""One account over both funds' books; accounts of every kind; a line no paper came of is taken up as a paper itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, LiteralString

import pytest

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.simulator.messages.statement import write_camt053
from ledger.books.journal import post
from ledger.books.setup import open_book, open_period
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import Transaction
from ledger.fund.suspense.resolution import SuspensePaper
from ledger.fund.suspense.suspense import confirm, propose
from ledger.payments.statements import proposing
from ledger.payments.statements.matching import match
from ledger.payments.statements.open import gather
from ledger.payments.statements.sheet import make, review
from ledger.payments.statements.take import StatementFile, load
from ledger.payments.statements.withdraw import ask_withdrawal
from tests.payments.conftest import FUND, OWN, REGION, World
from tests.payments.statements.conftest import AFTER, OCT, Bank, Books, line

RESIDENT = 390


def d(day: int) -> date:
    return date(2026, 10, day)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(LedgerError) as wrong:
        act()
    assert wrong.value.message
    return wrong.value.code


@pytest.fixture
def both(world: World) -> World:
    """The account serves the resident fund's book too."""
    with world.tx() as tx:
        open_book(tx, Book(REGION, RESIDENT), "武汉市居民医保", d(1))
        tx.run("INSERT INTO payments.book_account VALUES (%(r)s, 390, '1004', %(a)s)", r=REGION, a=OWN)
    return world


def test_a_proposal_is_the_same_in_whatever_order_the_rows_lie(
    both: World, bank: Bank, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both books' vouchers have one number, amount and day: only the book tells them apart, and it must."""
    bank.load(bank.statement(d(1), OCT, line("B1", 100, d(5)), line("B2", 100, d(6))))
    ours, theirs = books.book(100, d(5), "甲"), books.book(100, d(5), "乙", fund=RESIDENT)
    assert ours == theirs

    def laid(order: LiteralString) -> Callable[[Transaction, str], None]:
        def lay(tx: Transaction, account: str) -> None:
            gather(tx, account)
            tx.run(
                f"CREATE TEMP TABLE laid ON COMMIT DROP AS SELECT * FROM pg_temp.open_leg ORDER BY fund {order}"
            )
            tx.run("TRUNCATE pg_temp.open_leg")
            tx.run("INSERT INTO pg_temp.open_leg SELECT * FROM pg_temp.laid")
            tx.run("DROP TABLE pg_temp.laid")

        return lay

    found = []
    for order in ("ASC", "DESC"):
        monkeypatch.setattr(proposing, "gather", laid(order))
        with both.tx() as tx:
            found.append([[str(leg) for leg in one.legs] for one in proposing.propose(tx, OWN)])
    assert found == [[[f"310:{ours}:1"], [f"390:{theirs}:1"]]] * 2


def test_lines_are_split_to_the_books_and_the_sheet_is_of_both(both: World, bank: Bank, books: Books) -> None:
    """10,000.00 of the employees', 4,000.00 of the residents', one transfer of the bank for both of 55.00 + 45.00."""
    bank.load(
        bank.statement(
            d(1),
            OCT,
            line("B1", 1_000_000, d(5)),
            line("B2", 400_000, d(6)),
            line("B3", -10_000, d(7)),
            line("B4", -77, d(8)),
        )
    )
    books.book(1_000_000, d(5), "回单B1")
    books.book(400_000, d(6), "回单B2", fund=RESIDENT)
    books.book(-5_500, d(7), "回单B3")
    books.book(-4_500, d(7), "回单B3", fund=RESIDENT)
    books.book(-300, d(30), "回单B9", fund=RESIDENT)
    done = books.match()
    assert (done.groups["serial"], done.open_lines, done.open_legs) == (
        3,
        1,
        1,
    )  # B3: one line, a voucher in each book
    with both.tx() as tx:
        found = make(tx, OWN, 202610, AFTER)
        gather(tx, OWN)
        assert list(tx.rows("SELECT fund, effect FROM pg_temp.open_leg")) == [(RESIDENT, -300)]
        assert list(
            tx.rows("SELECT fund, sum(effect_fen)::bigint FROM payments.match_leg GROUP BY 1 ORDER BY 1")
        ) == [(310, 994_500), (390, 395_500)]
    assert (found.bank_fen, found.book_fen, found.adjusted_fen) == (1_389_923, 1_389_700, 1_389_623)
    assert [(one.part, one.amount_fen, one.age_days) for one in found.items] == [
        ("bank_out", 77, 23),
        ("book_out", 300, 1),
    ]
    with both.tx("checker") as tx:
        review(tx, OWN, 202610, found.digest, AFTER)
        assert [
            tx.value("SELECT payments.unreconciled(420100, %(f)s::smallint, 202610)", f=f) for f in (310, 390)
        ] == ["", ""]
    # who may not see both books keeps neither statement nor sheet of the account
    with both.tx() as tx:
        assert tx.value("SELECT payments.account_funds(420100, %(a)s)", a=OWN) == [310, 390]


@pytest.mark.parametrize("kind", ["1002", "1003", "1005"])
def test_accounts_of_every_kind_are_reconciled(world: World, bank: Bank, kind: str) -> None:
    account = f"420000000{kind}"
    with world.tx() as tx:
        tx.run(
            "INSERT INTO payments.bank_account VALUES (%(r)s, %(a)s, %(k)s, 'demo', '户', '行', '102521000001')",
            r=REGION,
            a=account,
            k=kind,
        )
        tx.run(
            "INSERT INTO payments.book_account VALUES (%(r)s, %(f)s, %(k)s, %(a)s)",
            r=REGION,
            f=FUND,
            k=kind,
            a=account,
        )
    printed = bank.statement(d(1), OCT, line("B1", 70_000, d(5)), line("B2", -1, d(6)))
    content = write_camt053(printed).replace(OWN.encode(), account.encode())
    own = Dimensions() if kind == "1005" else Dimensions(account)
    entry = EntryDraft(
        "ALLOT", "T:1", d(5), "测试", (debit(int(kind), 70_000, own), credit(4601, 70_000, Dimensions())), "ALLOT@1", "rule:ALLOT@1",
        "checker", b"\1" * 32, "回单B1",
    )  # fmt: skip
    with world.tx() as tx:
        load(
            tx,
            account,
            StatementFile("a.xml", content),
            read_statements("a", content, Stated(account)),
            AFTER,
        )
        open_period(tx, Book(REGION, FUND), 202610)
        post(tx, Book(REGION, FUND), d(5), [entry])
        done = match(tx, account, AFTER)
        assert (done.groups["serial"], done.open_lines, done.open_legs) == (1, 1, 0)
        found = make(tx, account, 202610, AFTER)
    assert (found.bank_fen, found.book_fen, found.adjusted_fen, len(found.items)) == (
        69_999,
        70_000,
        69_999,
        1,
    )


def said(place: str, what: str = "illness", reference: str = "") -> SuspensePaper:
    return SuspensePaper(FUND, OWN, "statement", place, what, reference, "大病保险合同")


def test_a_line_no_paper_came_of_is_booked_from_the_statement(world: World, bank: Bank, books: Books) -> None:
    bank.load(
        bank.statement(
            d(1),
            OCT,
            line("B1", 70_000, d(5)),
            line("B2", -4_000, d(6), receipt_no="R2"),
            line("B3", -500, d(7)),
        )
    )
    books.book(70_000, d(5), "回单B1")
    books.match()

    def proposed(told: SuspensePaper, user: str = "acc") -> Any:
        with world.tx(user) as tx:
            return propose(tx, told, AFTER)

    for told, code in (
        (said("1:9"), "suspense.unknown"), (said("x"), "suspense.unknown"), (said("1:1"), "suspense.line_matched"),
        (said("1:2", "illness_back"), "suspense.account"),
    ):  # fmt: skip
        assert refused(lambda t=told: proposed(t)) == code
    for user in ("cashier", "checker", "maker"):
        assert refused(lambda u=user: proposed(said("1:2"), u)) == "access.role_missing"
    made = proposed(said("1:2"))
    assert proposed(said("1:2")) == made
    assert world.outcomes() == [("1-2", "suspense", "stated_only")]
    with world.tx("checker") as tx:
        assert confirm(tx, made.resolution_id, AFTER) == confirm(tx, made.resolution_id, AFTER)
    assert world.balances()[5101] == 4_000
    assert world.value("SELECT evidence FROM books.entry WHERE event = 'OWN'") == "银行对账单1-2 流水B2"
    assert (
        world.value(
            "SELECT string_agg(why || made_by || made_on, ' ' ORDER BY n) FROM payments.statement_match"
        )
        == "serialacc2026-11-02 receiptchecker2026-11-02"
    )  # its own line is matched with it at once
    done = books.match()
    assert (done.groups["receipt"], done.open_lines, done.open_legs) == (0, 1, 0)
    assert proposed(said("1:2")).state == "approved"  # the same again: the first answer
    assert refused(lambda: proposed(said("1:2", "to_return"))) == "suspense.not_open"
    # the bank's own paper comes late: that line is to be explained by it
    with world.tx() as tx:
        tx.run(
            "INSERT INTO payments.evidence SELECT region, account, 'bker', 'R3', file_sha256, 'debit', '2026-10-07', 500, '', '', '', 'B3',"
            " false, '', '', digest, 'suspense', 'unknown_order', '' FROM payments.evidence WHERE kind = 'statement'"
        )
    assert refused(lambda: proposed(said("1:3"))) == "suspense.has_paper"
    with world.tx() as tx:  # what was taken up keeps its statement
        tx.run(
            "SELECT payments.undo_match(420100, %(a)s, m.n, 'x', '2026-11-02') FROM payments.statement_match m",
            a=OWN,
        )

    def withdrawn() -> None:
        with world.tx() as tx:
            ask_withdrawal(tx, OWN, 1, "误收", AFTER)

    assert refused(withdrawn) == "statement.taken_up"


def test_no_paper_is_made_up_of_a_statement(world: World, bank: Bank) -> None:
    """As the service's role: a line that is not there, another amount, another day, another file."""
    bank.load(bank.statement(d(1), OCT, line("B1", 70_000, d(5))))
    row = (
        "INSERT INTO payments.evidence SELECT region, account, 'statement', %(no)s, %(sha)s || file_sha256, 'credit', %(day)s, %(fen)s, '', '', '',"
        " 'B1', false, '', '', sha256(''), %(outcome)s, 'stated_only', '' FROM payments.bank_statement"
    )
    good = {"no": "1-1", "sha": b"", "day": d(5), "fen": 70_000, "outcome": "suspense"}
    for change in ({"no": "1-2"}, {"sha": b"x"}, {"day": d(6)}, {"fen": 70_001}, {"outcome": "confirmed"}):

        def raw(change: dict[str, Any] = change) -> None:
            with world.tx() as tx:
                tx.run(row, **good | change)

        assert refused(raw) == "suspense.not_stated"


def test_amounts_beyond_the_exactness_of_floating_point_are_told_apart(
    world: World, bank: Bank, books: Books
) -> None:
    """2^53 + 1 fen: as a double it is 2^53, and a match of one with the other would look equal."""
    big = 2**53
    bank.load(bank.statement(d(1), OCT, line("B1", big, d(5)), line("B2", -big, d(6))))
    seq = books.book(big + 1, d(5), "回单B1")
    assert books.match().groups["serial"] == 0

    def raw() -> None:
        with world.tx() as tx:
            tx.run(
                "WITH line AS ("
                "INSERT INTO payments.match_line (region, account, match, statement, n) VALUES (420100, %(a)s, 1, 1, 1)), leg AS ("
                "INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)"
                " VALUES (420100, %(a)s, 1, 310, 202610, %(s)s, 1, %(f)s))"
                " INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)"
                " VALUES (420100, %(a)s, 1, 'hand', 'x', 'acc', '2026-11-02')",
                a=OWN, s=seq, f=big,
            )  # fmt: skip

    assert refused(raw) == "reconciliation.other_account"
