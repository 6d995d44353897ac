"""A month closed by an accountant and the chief: the check list, the digest, what is carried to 3001."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from ledger.books.journal import post
from ledger.books.manual import ManualContent, draft_voucher
from ledger.books.setup import open_period
from ledger.closing import checks
from ledger.closing import close as closing
from ledger.closing.lines import CODES
from ledger.core.entries import EntryDraft, credit, debit
from ledger.core.errors import LedgerError
from tests.closing.conftest import BOOK, LAST, NOV, OCT, RESIDENT, Agency, method


def code(act: Callable[[], object]) -> str:
    with pytest.raises(LedgerError) as refused:
        act()
    return refused.value.code


@pytest.mark.fault(32)
def test_an_open_month_shows_its_check_list(agency: Agency) -> None:
    found = agency.status()
    assert (found.state, found.method) == ("open", "monthly")
    assert [line.code for line in found.checks] == list(CODES)
    assert all(line.ok for line in found.checks), found.checks
    told = {line.code: line for line in found.checks}
    assert told["unsplit"].items == ("4601 110.00元",)  # allowed in months
    assert told["bank"].note == "尚无银行对账单"


def test_two_persons_close_it_and_income_and_expense_are_carried_per_sub_fund(agency: Agency) -> None:
    digest = agency.close()
    assert agency.state() == "closing"
    assert agency.state(202511) == "open"  # the next one opened with it
    assert agency.status().closing is not None
    posted = agency.confirm(digest)
    assert agency.state() == "closed"
    assert len(posted) == 4
    assert agency.balance(300101) == 600_000 + 70_000 - 20_000 + 300
    assert agency.balance(300102) == 300_000 - 5_000
    assert agency.balance(4001) == agency.balance(4101) == agency.balance(5) == 0
    assert agency.balance(4601) == 11_000  # only ever split
    assert agency.rows(
        "SELECT event, rule, voucher_date, prepared_by, reviewed_by, summary, accounts, amounts FROM books.entry"
        " WHERE event LIKE 'CLOSE%' AND fund = 310 ORDER BY seq"
    ) == [
        ("CLOSE-M", "CLOSE-M@1", LAST, "rule:CLOSE-M@1", "wu", "202510月末结转收入", [400101, 41010101, -300101], [600_000, 70_000, 670_000]),
        ("CLOSE-M", "CLOSE-M@1", LAST, "rule:CLOSE-M@1", "wu", "202510月末结转支出", [300101, -5101, -540101], [19_700, 20_000, -300]),
        ("CLOSE-M", "CLOSE-M@1", LAST, "rule:CLOSE-M@1", "wu", "202510月末结转收入", [400102, -300102], [300_000, 300_000]),
        ("CLOSE-M", "CLOSE-M@1", LAST, "rule:CLOSE-M@1", "wu", "202510月末结转支出", [300102, -5201], [5_000, 5_000]),
    ]  # fmt: skip
    assert agency.verify() == []
    assert agency.confirm(digest) == []  # said again
    found = agency.status()
    assert found.state == "closed"
    assert [line.code for line in found.checks] == sorted(CODES)
    assert found.closing is not None
    assert (found.closing.begun_by, found.closing.closed_by, found.closing.digest) == ("li", "wu", digest)


def test_the_resident_fund_has_one_balance(agency: Agency) -> None:
    agency.shut(book=RESIDENT)
    assert agency.rows("SELECT accounts, amounts FROM books.entry WHERE event = 'CLOSE-M'") == [
        ([4001, -3001], [5_000, 5_000])
    ]
    assert agency.verify() == []


def test_under_the_yearly_method_a_month_carries_nothing(agency: Agency) -> None:
    method(agency, "yearly")
    assert agency.shut() == []
    assert (agency.state(), agency.balance(4001)) == ("closed", 900_000)
    assert agency.verify() == []


@pytest.mark.fault(25)
def test_only_a_month_that_is_over_closes_and_in_order(agency: Agency) -> None:
    for on in (OCT, LAST):
        assert code(lambda on=on: agency.close(on=on)) == "period.not_over"
    with agency.tx() as tx:
        open_period(tx, BOOK, 202511)
    assert code(lambda: agency.close(202511, date(2025, 12, 1))) == "period.earlier_open"
    assert code(lambda: agency.close(202509)) == "period.unknown"
    assert agency.state() == agency.state(202511) == "open"


def test_the_chief_is_another_person_and_nobody_else_closes(agency: Agency) -> None:
    assert code(lambda: agency.close(user="zhao")) == "access.role_missing"
    digest = agency.close()
    for user in ("li", "qian", "zhou", "zhao"):
        assert code(lambda user=user: agency.confirm(digest, user=user)) == "access.role_missing"
    agency.break_it("INSERT INTO access.user_role VALUES (420100, 'li', 'chief', 0)")
    assert code(lambda: agency.confirm(digest, user="li")) == "period.same_person"
    agency.break_it("UPDATE access.app_user SET person = 'person-accountant' WHERE user_name = 'wu'")
    assert code(lambda: agency.confirm(digest)) == "period.same_person"
    assert agency.state() == "closing"


@pytest.mark.parametrize(
    ("user", "role"), [("sun", "chief"), ("zhao", "chief"), ("zhou", "chief"), ("guan", "chief"), ("wu", "maker"), ("wu", "cashier")]
)  # fmt: skip
def test_the_post_of_chief_goes_with_no_business(agency: Agency, user: str, role: str) -> None:
    import psycopg

    with psycopg.connect(agency.admin_url) as admin, pytest.raises(psycopg.Error, match="incompatible_roles"):
        admin.execute("INSERT INTO access.user_role VALUES (420100, %s, %s, 0)", [user, role])


def test_the_digest_is_of_what_was_shown(agency: Agency) -> None:
    digest = agency.close()
    assert code(lambda: agency.confirm(bytes(32))) == "period.changed"
    agency.book(NOV, debit(1005, 7), credit(400101, 7))  # in the next month: nothing of October changes
    agency.break_it("UPDATE books.closing SET checks = replace(checks, '\"ok\": true', '\"ok\": false')")
    assert code(lambda: agency.confirm(digest)) == "period.changed"
    assert agency.state() == "closing"


@pytest.mark.fault(30)
def test_a_month_that_is_being_closed_or_closed_takes_nothing(agency: Agency) -> None:
    digest = agency.close()

    def post_late() -> object:
        return agency.book(LAST, debit(1005, 7), credit(400101, 7))

    assert code(post_late) == "period.closing"
    agency.confirm(digest)
    assert code(post_late) == "period.closed"
    assert code(agency.close) == "period.not_open"

    def ask() -> None:
        with agency.tx() as tx:
            open_period(tx, BOOK, 202510, NOV)

    assert code(ask) == "period.closed"


def test_a_month_that_is_unknown_or_has_not_begun_takes_nothing(agency: Agency) -> None:
    """Each with a code of its own, from the database: also where the coming month was opened ahead of its time."""

    def post_on(day: date) -> Callable[[], object]:
        def booked() -> None:
            with agency.tx("qian") as tx:
                post(tx, BOOK, day, [EntryDraft("MAN", f"P{day}", day, "记", (debit(1001, 1), credit(1005, 1)), "MAN@1", "rule:MAN@1", "qian")])  # fmt: skip

        return booked

    assert code(post_on(date(2025, 11, 3))) == "period.unknown"
    assert code(post_on(date(2025, 9, 3))) == "period.unknown"
    far = date(2099, 12, 31)
    assert code(post_on(far)) == "period.future"
    agency.break_it("INSERT INTO books.period VALUES (420100, 310, 209912, 'open')")
    assert code(post_on(far)) == "period.future"


def test_on_the_first_morning_after_the_close_the_next_month_is_open(agency: Agency) -> None:
    """No month is opened by hand: the close opened it, and vouchers of the first day are drafted, approved and posted."""
    first = date(2025, 11, 1)
    assert agency.state(202511) == ""
    agency.close(on=first)
    assert agency.state(202511) == "open"
    agency.book(first, debit(1005, 4), credit(400101, 4))
    assert agency.rows("SELECT period FROM books.entry WHERE voucher_date = '2025-11-01'") == [(202511,)]


@pytest.mark.fault(32)
def test_what_fails_is_named_and_the_month_stays_open(agency: Agency) -> None:
    with agency.tx() as tx:
        made = draft_voucher(
            tx, BOOK, ManualContent(OCT, "调整", "会办单1号", (debit(1005, 1), credit(400101, 1))), OCT
        )
    found = {line.code: line for line in agency.status().checks}
    assert found["drafts"].items == (made.voucher_id,)
    assert code(agency.close) == "period.drafts"
    assert agency.state() == "open"


def test_a_breach_found_by_verify_stops_it_and_it_goes_on_when_mended(agency: Agency) -> None:
    agency.break_it("UPDATE books.balance SET debit = debit + 1 WHERE account = 5101")
    assert code(agency.close) == "period.checks_failed"
    assert agency.state() == "open"  # the trial balance saw it before anything began
    agency.break_it("UPDATE books.balance SET debit = debit - 1 WHERE account = 5101")
    agency.break_it("UPDATE books.entry_202510 SET summary = 'x' WHERE seq = 1 AND fund = 310")
    assert code(agency.close) == "period.checks_failed"
    assert agency.state() == "closing"
    with agency.tx() as tx:
        closing.withdraw(tx, BOOK, 202510, "核验未过，先查明")
    assert agency.state() == "open"
    assert agency.rows("SELECT n, state, reason FROM books.closing") == [(1, "withdrawn", "核验未过，先查明")]


@pytest.mark.fault(24)
def test_a_gap_is_named(agency: Agency) -> None:
    agency.break_it("DELETE FROM books.entry_202510 WHERE fund = 310 AND vno = 3")
    found = {line.code: line for line in agency.status().checks}
    assert found["numbers"].items == ("记-202510-4",)


def test_what_may_be_waived_is_waived_by_two_persons(agency: Agency) -> None:
    agency.refuse_line(3)
    assert code(agency.close) == "period.checks_failed"

    def waive(user: str, what: str, reason: str = "") -> str:
        with agency.tx(user) as tx:
            return closing.waive(tx, BOOK, 202510, what, reason, NOV)

    assert code(lambda: waive("li", "verify", "不查了")) == "period.waiver_code"
    assert code(lambda: waive("li", "handback", "没有")) == "period.nothing_to_waive"
    assert code(lambda: waive("wu", "quarantine")) == "period.waiver_unknown"
    assert waive("li", "quarantine", "与本账套无关，平台已知") == "asked"
    assert code(lambda: waive("li", "quarantine", "再说一遍")) == "period.waiver_asked"
    assert code(lambda: waive("li", "quarantine")) == "access.role_missing"
    assert code(agency.close) == "period.checks_failed"  # one person's word
    assert waive("wu", "quarantine") == "granted"
    agency.confirm(agency.close())
    found = agency.status()
    assert [line.code for line in found.checks if line.waived] == ["quarantine"]
    assert found.waivers == (
        {"code": "quarantine", "reason": "与本账套无关，平台已知", "asked_by": "li", "granted_by": "wu"},
    )
    agency.refuse_line(4)
    agency.book(NOV, debit(1005, 7), credit(400101, 7))
    assert code(lambda: agency.close(202511, date(2025, 12, 1))) == "period.checks_failed"
    with agency.tx() as tx:
        left = checks.line(checks.MonthAsked(tx, BOOK, 202511, date(2025, 12, 1)), "quarantine")
    assert left.items == ("load 1 line 4",)  # what was let pass in October is told no more


def test_a_line_that_names_no_region_is_told_until_it_came_again(agency: Agency) -> None:
    agency.break_it(
        "INSERT INTO fund.quarantine VALUES (0, '\\x00', 3, 's1', 'f', 'c', 'm', 1, '', 'open')",
        "INSERT INTO fund.quarantine VALUES (420200, '\\x00', 4, 's2', 'f', 'c', 'm', 1, '', 'open')",
    )

    def told() -> tuple[str, ...]:
        with agency.tx() as tx:
            return checks.line(checks.MonthAsked(tx, BOOK, 202510, NOV), "quarantine").items

    assert told() == ("load 1 line 3",)
    columns = agency.rows(
        "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), '|' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = 'fund.record'::regclass AND attnum > 0 AND NOT attisdropped"
    )[0][0].split("|")
    empty = {
        "bytea": "''::bytea",
        "text": "''",
        "date": "'2025-10-05'",
        "timestamp without time zone": "'2025-10-05'",
    }
    values = {"region": "420100", "setl_id": "'s1'", "content_digest": "sha256('x')"}
    named = [one.split(" ", 1) for one in columns]
    agency.break_it(
        f"INSERT INTO fund.record ({', '.join(name for name, _ in named)}) VALUES ("
        + ", ".join(
            values.get(name, empty.get(kind, "NULL" if "[]" in kind else "0")) for name, kind in named
        )
        + ")"
    )
    assert told() == ()


def test_what_was_waived_covers_no_more_than_it_named(agency: Agency) -> None:
    add = "INSERT INTO fund.quarantine VALUES (420100, '\\x00', {n}, 's1', 'f', 'c', 'm', 1, '', 'open')"
    agency.break_it(add.format(n=3))
    for user, reason in (("li", "已知"), ("wu", "")):
        with agency.tx(user) as tx:
            closing.waive(tx, BOOK, 202510, "quarantine", reason, NOV)
    agency.break_it(add.format(n=4))
    assert code(agency.close) == "period.checks_failed"


def test_unsplit_income_stops_the_year_s_end(agency: Agency) -> None:
    agency.shut()
    agency.book(NOV, debit(1005, 7), credit(400101, 7))
    agency.shut(202511, date(2025, 12, 1))
    agency.book(date(2025, 12, 2), debit(1005, 9), credit(4601, 9))
    assert code(lambda: agency.close(202512, date(2026, 1, 1))) == "period.unsplit"
    assert agency.state(202512) == "open"


def test_closing_entries_are_the_chief_s_alone(agency: Agency) -> None:
    from ledger.closing.carry import Signed, carry

    def post_as(user: str) -> None:
        with agency.tx(user) as tx:
            carry(tx, Signed(BOOK, 202510, 1, "monthly", bytes(32)))

    assert code(lambda: post_as("wu")) == "period.closing_entry"  # nothing is being closed
    agency.close()
    for user in ("li", "qian"):
        assert code(lambda user=user: post_as(user)) == "entry.signers"
