"""Accounts below the chart: added and closed by two persons, within their parents, and nothing cut off by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import psycopg
import pytest

from ledger.books.chart import chart
from ledger.books.journal import prepare, write
from ledger.books.setup import open_book
from ledger.books.sub_accounts import (
    account_changes,
    book_accounts,
    decide_account,
    propose_account,
    propose_closing,
)
from ledger.core.accounts import FISCAL_SUBSIDY, KNOWN
from ledger.core.entries import FUNDS, Book, Dimensions, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.identity import script_location
from ledger.db.unit_of_work import unit_of_work
from ledger.rules.load import rulebook
from ledger.rules.vocabulary import BY_ENTRY
from tests.books.conftest import DAY, REGION, Ledger, for_a_while

NEXT = date(2026, 10, 15)


def add(
    ledger: Ledger, account: int, name: str, *, book: Book | None = None, user: str = "acc", on: date = DAY
) -> bytes:
    with unit_of_work(ledger.service, user, REGION) as tx:
        return bytes.fromhex(propose_account(tx, book or ledger.book, account, name, on).digest)


def decide(
    ledger: Ledger,
    account: int,
    digest: bytes,
    *,
    book: Book | None = None,
    user: str = "checker",
    on: date = DAY,
    reason: str = "",
) -> str:
    with unit_of_work(ledger.service, user, REGION) as tx:
        return decide_account(tx, book or ledger.book, account, digest, on, reason=reason).state


def code(act: Callable[..., object], *args: object, **more: object) -> str:
    with pytest.raises(LedgerError) as refused:
        act(*args, **more)
    return refused.value.code


def added(ledger: Ledger, account: int, name: str, book: Book | None = None) -> None:
    assert decide(ledger, account, add(ledger, account, name, book=book), book=book) == "confirmed"


def test_a_sub_account_is_its_parents_and_takes_its_place(ledger: Ledger) -> None:
    """5101 大病保险支出: side, class and dimensions come down; 5101 takes no more lines, its sub-account does."""
    digest = add(ledger, 510101, "保险公司承办")
    assert add(ledger, 510101, "保险公司承办") == digest, "the same again"
    assert code(add, ledger, 510101, "另一个") == "account.waits"
    assert code(decide, ledger, 510101, digest, user="acc") == "access.role_missing"
    assert code(decide, ledger, 510101, b"\0" * 32) == "account.changed"
    assert code(decide, ledger, 510101, digest, on=date(2026, 10, 13)) == "account.day"
    assert decide(ledger, 510101, digest) == "confirmed"
    with unit_of_work(ledger.service, "rev", REGION) as tx:
        rows = {one.account: one for one in book_accounts(tx, ledger.book)}
    assert rows[510101][1:] == ("大病保险支出—保险公司承办", "支出", True, 0, True, False)
    assert not rows[5101].leaf
    assert code(ledger.post, ledger.draft(debit(5101, 5), credit(1005, 5))) == "account.not_leaf"
    ledger.post(ledger.draft(debit(510101, 5), credit(1005, 5)))
    assert code(add, ledger, 51010101, "再分") == "account.has_balance"
    assert ledger.findings() == []


def test_one_person_under_two_names_adds_nothing(ledger: Ledger) -> None:
    with for_a_while(ledger.admin_url, "maker2", "checker"):
        _adds_nothing_twice(ledger)


def _adds_nothing_twice(ledger: Ledger) -> None:
    digest = add(ledger, 420103, "其他利息", book=ledger.other_fund, user="maker")
    assert (
        code(decide, ledger, 420103, digest, book=ledger.other_fund, user="maker2") == "request.same_person"
    )
    assert decide(ledger, 420103, digest, book=ledger.other_fund, reason="名称不妥") == "refused"
    assert code(decide, ledger, 420103, digest, book=ledger.other_fund) == "account.unproposed"
    with unit_of_work(ledger.service, "rev", REGION) as tx:
        (kept,) = account_changes(tx, ledger.other_fund, 420103)
    assert (kept.state, kept.reason, kept.proposed_by, kept.decided_by) == (
        "refused",
        "名称不妥",
        "maker",
        "checker",
    )


@pytest.mark.parametrize(
    ("account", "name", "refusal"),
    [
        (9999, "短", "account.code"), (52011, "奇数位", "account.code"), (520100, "零号", "account.code"),
        (1_234_567_890, "太深", "account.code"), (599901, "没有上级", "account.parent_unknown"),
        (420101, "已有", "account.taken"), (410101, "中央", "account.taken"), (41010302, "待遇补贴", "account.taken"), (910101, "备查", "account.memorandum"),
        (100401, "某银行", "account.rule_named"), (460101, "待转明细", "account.rule_named"), (50010106, "新待遇", "account.rule_named"),
        (500103, "新待遇", "account.rule_named"), (300103, "新结余", "account.rule_named"), (400103, "无处结转", "account.no_place"),
        (520101, "带—横", "account.name"), (520101, " 空格", "account.name"), (520101, "", "account.name"),
        (520101, "竖|线", "account.name"), (520101, "一" * 41, "account.name"),
        (100101, "有余额", "account.has_balance"),
    ],
)  # fmt: skip
def test_what_is_not_added(ledger: Ledger, account: int, name: str, refusal: str) -> None:
    assert code(add, ledger, account, name) == refusal


def test_who_may_not_and_when_not(ledger: Ledger) -> None:
    assert code(add, ledger, 520101, "转出", user="checker") == "access.role_missing"
    assert code(add, ledger, 520101, "转出", on=date(2026, 9, 30)) == "account.day"
    assert code(add, ledger, 520101, "转出", on=date(2050, 1, 1)) == "account.day"
    assert code(add, ledger, 520101, "转出", book=Book(REGION, 999)) in (
        "book.unknown",
        "access.role_missing",
    )


def test_a_parent_used_this_year_stays_whole_until_the_next(ledger: Ledger) -> None:
    """Nought again, but a voucher of this year could not be reversed any more."""
    ledger.post(
        ledger.draft(debit(1005, 900), credit(4301, 900)), ledger.draft(debit(1005, -900), credit(4301, -900))
    )
    assert code(add, ledger, 430101, "跨省") == "account.used_this_year"


def test_a_parent_used_after_the_proposal_is_not_divided(ledger: Ledger) -> None:
    digest = add(ledger, 210101, "某银行")
    with psycopg.connect(ledger.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO fund.party VALUES (420100, 'YH', '某银行', 'lender', 'taken_over', 'migration', '') ON CONFLICT DO NOTHING"
        )
    ledger.post(ledger.draft(debit(1005, 70), credit(2101, 70, Dimensions("YH"))))
    assert code(decide, ledger, 210101, digest) == "account.has_balance"
    assert decide(ledger, 210101, digest, reason="已有余额") == "refused"


def test_dims_below_a_divided_account_are_its_sisters(ledger: Ledger) -> None:
    for account, name, book, dims in (
        (110110, "垫付", ledger.book, 1), (45010110, "滞纳金", ledger.book, 0), (410104, "县级财政补贴", ledger.book, 0),
        (41010103, "一次性补助", ledger.book, 0), (420104, "结构性存款", ledger.other_fund, 0),
    ):  # fmt: skip
        added(ledger, account, name, book)
        with unit_of_work(ledger.service, "rev", REGION) as tx:
            (found,) = [one for one in book_accounts(tx, book) if one.account == account]
        assert (found.leaf, found.dims, found.added) == (True, dims, True)
    assert ledger.findings() == []


def test_closing_takes_an_account_at_nought_out_of_use(ledger: Ledger) -> None:
    def close(account: int) -> bytes:
        with unit_of_work(ledger.service, "acc", REGION) as tx:
            return bytes.fromhex(propose_closing(tx, ledger.book, account, DAY).digest)

    added(ledger, 54010101, "手续费")
    ledger.post(ledger.draft(debit(54010101, 5), credit(1005, 5)))
    assert code(close, 54010101) == "account.has_balance"
    ledger.post(ledger.draft(debit(54010101, -5), credit(1005, -5)))
    assert code(close, 54010101) == "account.used_this_year"
    assert code(close, 5401) == code(close, 4101) == "account.not_added"
    added(ledger, 54010102, "停用的")
    assert decide(ledger, 54010102, close(54010102)) == "confirmed"
    assert code(close, 54010102) == "account.closed"
    assert code(ledger.post, ledger.draft(debit(54010102, 5), credit(1005, 5))) == "account.not_leaf"
    assert code(add, ledger, 54010102, "又一个") == "account.taken"
    assert ledger.findings() == []


def test_past_the_program_nobody_adds_an_account(ledger: Ledger) -> None:
    row = "(420100, 310, 520109, '转移支出—私设', 1, '支出', 1, true, 0)"
    for statement in (
        f"INSERT INTO books.account VALUES {row}",
        "UPDATE books.account SET leaf = true WHERE account = 4101",
        "DELETE FROM books.account WHERE account = 4301",
        "INSERT INTO books.account_change SELECT region, fund, 520109, 1, 'add', '私设', 0, 'confirmed', 'maker', '2026-10-14',"
        " decode(repeat('00', 32), 'hex'), 'checker', '2026-10-14' FROM books.book",
        "UPDATE books.account_change SET state = 'confirmed'",
    ):
        with (
            unit_of_work(ledger.service, "acc", REGION) as tx,
            pytest.raises(psycopg.Error, match=r"permission denied|journal"),
        ):
            tx.run(statement)  # type: ignore[arg-type]


def test_what_an_administrator_slips_in_is_named(ledger: Ledger) -> None:
    added(ledger, 520101, "跨省转移")
    before = [finding.message for finding in ledger.findings()]
    assert before == []
    broken = {
        "INSERT INTO books.account VALUES (420100, 390, 520109, '转移支出—私设', 1, '支出', 1, true, 0)": ("INV-12", "account 520109"),
        "DELETE FROM books.account WHERE account = 530101 AND fund = 310": ("INV-12", "account 530101"),
        "UPDATE books.account SET leaf = true WHERE account = 5201 AND fund = 310": ("INV-12", "account 5201"),
        "UPDATE books.account SET name = 'x' WHERE account = 520101 AND fund = 310": ("INV-12", "account 520101"),
        "UPDATE books.account_change SET decided_by = 'maker2', proposed_by = 'maker' WHERE account = 520101": ("INV-11", "account 520101"),
        "UPDATE books.account_change SET name = '别的' WHERE account = 520101": ("INV-11", "account 520101"),
        "DELETE FROM books.account_change WHERE account = 520101": ("INV-12", "account 520101"),
    }  # fmt: skip
    for statement, (promise, item) in broken.items():
        with psycopg.connect(ledger.admin_url, autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("CREATE TABLE public.kept AS SELECT * FROM books.account")
            admin.execute("CREATE TABLE public.kept_change AS SELECT * FROM books.account_change")
            admin.execute(statement)
            try:
                found = {(finding.promise, finding.entry) for finding in ledger.findings()}
            finally:
                for table in ("account", "account_change"):
                    admin.execute(f"DELETE FROM books.{table}")
                    kept = "kept" if table == "account" else "kept_change"
                    admin.execute(f"INSERT INTO books.{table} SELECT * FROM public.{kept}")
                    admin.execute(f"DROP TABLE public.{kept}")
        assert (promise, item) in found, statement
    assert ledger.findings() == []


def test_what_rules_name_stays_a_leaf(ledger: Ledger) -> None:
    """books.rule_named() against the rulebook, the places, the carries, the bank's kinds and the program's own codes."""
    book = rulebook()
    by_fund = {fund: {one.account for one in chart(fund) if one.leaf} for fund in FUNDS}
    # a receipt explained as one of payments.receipt_kind is refused by its leaf where the agency divided it, and booked by hand
    kept = {key: rules for key, rules in book.rules.items() if not str(key[0]).startswith("OWN.")}
    told = {line.place for rules in kept.values() for rule in rules for line in rule.lines if line.place}
    named = {
        int(line.account)
        for rules in kept.values()
        for rule in rules
        for line in rule.lines
        if not line.place
    }
    free = {4301, 5201, FISCAL_SUBSIDY}
    with psycopg.connect(ledger.admin_url) as admin:
        for fund, leaves in by_fund.items():
            wanted = named | set(BY_ENTRY.values()) | {one.code for one in KNOWN} - free
            wanted |= {
                code for (place, of, _, _), code in book.places.items() if of == fund and place in told
            }
            wanted |= {to for (of, _), to in book.carried.items() if of == fund}
            held = {
                row[0]
                for row in admin.execute(
                    "SELECT a FROM unnest(%s::int[]) a WHERE books.rule_named(%s::smallint, a)",
                    [sorted(leaves), fund],
                )
            }
            assert wanted & leaves <= held


def test_a_batch_prepared_before_its_account_was_divided_is_refused(ledger: Ledger) -> None:
    """Prepared without the book's lock on 530201, divided, then posted: the leaf is asked again under the lock."""
    digest = add(ledger, 53020101, "县级")
    draft = ledger.draft(debit(530201, 9), credit(1005, 9))
    with pytest.raises(LedgerError) as refused, unit_of_work(ledger.service, "acc", REGION) as tx:
        prepare(tx, ledger.book, [draft])
        assert decide(ledger, 53020101, digest) == "confirmed"
        write(tx, ledger.book, DAY, [draft])
    assert refused.value.code == "account.not_leaf"


MANDATED = (410101, 41010101, 41010102, 410102, 41010201, 41010202, 410103, 41010301, 41010302)
STEP = script_location() / "versions" / "r0022" / "subsidy.sql"


def past_the_program(ledger: Ledger, *statements: str) -> None:
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in statements:
            admin.execute(statement.encode())


def upgraded(ledger: Ledger) -> None:
    """The revision's own step, as a migration runs it."""
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute(STEP.read_text(encoding="utf-8").encode())


@pytest.fixture
def fresh(ledger: Ledger) -> Iterator[Book]:
    """A book of its own in a region of its own, opened today."""
    region = 420300 + next(ledger.keys)
    past_the_program(
        ledger,
        *(f"INSERT INTO access.user_role VALUES ({region}, '{user}', '{role}', 0)"
          for user, role in (("acc", "accountant"), ("acc", "maker"), ("checker", "checker"))),
    )  # fmt: skip
    book = Book(region, 310)
    with unit_of_work(ledger.service, "acc", region) as tx:
        open_book(tx, book, "账套", date(2026, 10, 1))
    yield book
    assert ledger.findings() == []


def as_before(ledger: Ledger, book: Book) -> None:
    """4101 one account, as a release before left it."""
    where = f"region = {book.region} AND fund = {book.fund} AND account"
    past_the_program(
        ledger,
        f"DELETE FROM books.account WHERE {where} IN {MANDATED}",
        f"UPDATE books.account SET leaf = true WHERE {where} = 4101",
    )


def leaves(ledger: Ledger, book: Book) -> dict[int, bool]:
    with unit_of_work(ledger.service, "acc", book.region) as tx:
        return {
            one.account: one.leaf for one in book_accounts(tx, book) if str(one.account).startswith("4101")
        }


WHOLE = {4101: False} | {code: code > 999_999 for code in MANDATED}


def test_a_new_book_has_4101_divided_from_its_opening(ledger: Ledger, fresh: Book) -> None:
    assert leaves(ledger, fresh) == WHOLE
    assert leaves(ledger, ledger.other_fund) == WHOLE
    assert code(ledger.post, ledger.draft(debit(1005, 5), credit(4101, 5)), book=fresh) == "account.not_leaf"
    ledger.post(ledger.draft(debit(1005, 5), credit(41010302, 5)), book=fresh)
    with pytest.raises(LedgerError) as kept, unit_of_work(ledger.service, "acc", REGION) as tx:
        propose_closing(tx, ledger.book, 41010302, DAY)
    assert kept.value.code == "account.not_added"


def test_the_upgrade_divides_4101_where_nothing_stands_on_it(ledger: Ledger, fresh: Book) -> None:
    as_before(ledger, fresh)
    assert ("INV-12", str(fresh), "account 4101") in {(f.promise, f.book, f.entry) for f in ledger.findings()}
    upgraded(ledger)
    upgraded(ledger)
    assert leaves(ledger, fresh) == WHOLE


def test_where_something_stands_on_4101_it_stays_whole(ledger: Ledger, fresh: Book) -> None:
    """Its lines would lose their leaf: two persons divide it in a year in which nothing is on it yet."""
    as_before(ledger, fresh)
    ledger.post(ledger.draft(debit(1005, 7), credit(4101, 7)), book=fresh)
    upgraded(ledger)
    assert leaves(ledger, fresh) == {4101: True}
    assert ledger.findings() == []
    ledger.post(ledger.draft(debit(1005, -7), credit(4101, -7)), book=fresh)
    with pytest.raises(LedgerError) as used, unit_of_work(ledger.service, "acc", fresh.region) as tx:
        propose_account(tx, fresh, 410101, "中央财政补贴", DAY)
    assert used.value.code == "account.used_this_year"


def test_a_book_divided_in_part_is_completed(ledger: Ledger, fresh: Book) -> None:
    """410101 was added by two persons and used: it stays a leaf, what is missing beside it comes."""
    as_before(ledger, fresh)
    with unit_of_work(ledger.service, "acc", fresh.region) as tx:
        digest = bytes.fromhex(propose_account(tx, fresh, 410101, "中央财政补贴", DAY).digest)
    with unit_of_work(ledger.service, "checker", fresh.region) as tx:
        decide_account(tx, fresh, 410101, digest, DAY)
    ledger.post(ledger.draft(debit(1005, 7), credit(410101, 7)), book=fresh)
    upgraded(ledger)
    assert leaves(ledger, fresh) == {c: leaf for c, leaf in WHOLE.items() if c // 100 != 410101} | {
        410101: True
    }


def test_a_mandated_account_taken_away_is_named(ledger: Ledger, fresh: Book) -> None:
    past_the_program(
        ledger, f"DELETE FROM books.account WHERE region = {fresh.region} AND account = 41010202"
    )
    assert {(f.promise, f.book, f.entry) for f in ledger.findings()} == {
        ("INV-12", str(fresh), "account 41010202")
    }
    upgraded(ledger)
