"""Logins by post at work: a day of the fund, each step under the login of its post, and what the others refuse of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.engine import build_engine, login_url
from ledger.db.passwords import Working
from ledger.fund.daily.run import run_daily
from ledger.payments.orders.approve import approve
from ledger.payments.orders.values import Batch
from ledger.payments.out.files import file
from ledger.simulation.people import DEMO_REGION
from tests.scenes.closing import begin_close
from tests.scenes.month import bill_line
from tests.scenes.town import OWN, Town

DAY, NEXT = date(2026, 10, 13), date(2026, 10, 14)
BOOK = Book(DEMO_REGION, 310)
MOMENT = datetime(2026, 10, 13, 9, tzinfo=SHANGHAI)


SHUT: Final = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)


class ByPost(Town):
    """The town, each act under the login of its post."""

    engines: dict[Working, Any]
    batch: Batch

    def approved(self) -> None:
        approve(self.engine, "qian", DEMO_REGION, self.batch.batch_id, self.batch.digest, DAY)

    @contextmanager
    def under(self, login: Working) -> Iterator[None]:
        before, self.month.engine = self.month.engine, self.engines[login]
        try:
            yield
        finally:
            self.month.engine = before

    def filed(self) -> None:
        file(self.engine, "zhao", DEMO_REGION, self.batch.batch_id, self.bank_of, MOMENT)

    def begin(self, policy: str = "P1", fen: int = 10**11, income_fen: int = 0) -> None:
        with self.under("service"):
            super().begin(policy, fen, income_fen)

    def choose(self, key: str, value: str, from_day: date) -> None:
        with self.under("service"):
            super().choose(key, value, from_day)

    def by_hand(self, summary: str, legs: Any) -> None:
        with self.under("books"):
            super().by_hand(summary, legs)

    def take(self, *bills: Any) -> None:
        with self.under("intake"):
            self.month.take(*bills)


@pytest.fixture
def split(month: Any, tmp_path: Any) -> Iterator[ByPost]:
    home = tmp_path / "home"
    home.mkdir()
    made = ByPost(month, home)
    settings = month.database.settings
    logins: tuple[Working, ...] = ("service", "intake", "books", "payments", "read")
    made.engines = {
        login: build_engine(login_url(settings, login), login, home=settings.home) for login in logins
    }
    made.month.engine = made.engines["payments"]
    yield made
    for engine in made.engines.values():
        engine.dispose()


def refused(act: Callable[[], object]) -> bool:
    """Whether the database itself shuts the door: no right to it, and for who looks no writing at all."""
    try:
        act()
    except (psycopg.Error, DBAPIError, LedgerError) as problem:
        chain: BaseException | None = problem
        while chain is not None:
            if isinstance(chain, SHUT):
                return True
            chain = getattr(chain, "orig", None) or chain.__cause__ or chain.__context__
    return False


def test_a_day_goes_through_by_each_posts_login(split: ByPost) -> None:
    """Records come in, are paid and received, vouchers are drafted, approved and the month begun to close; `verify` is clean."""
    split.begin()
    split.by_hand("利息", (debit(1004, 500, Dimensions(OWN)), credit(1001, 500)))
    split.take(bill_line("S1", fund=1_000), bill_line("S2", fund=2_000))
    [order] = split.pay_daily(DAY)
    assert (order.state, order.amount_fen) == ("paid", 1_800)
    assert split.balance(1004) == 10**11 - 1_800 + 500
    with split.under("books"), split.tx("li") as tx:
        begin_close(tx, BOOK, 202610, date(2026, 11, 2))
    assert split.value("SELECT state FROM books.period WHERE fund = 310 AND period = 202610") == "closing"
    with split.under("read"), split.tx("li") as tx:
        assert (
            tx.value("SELECT count(*) FROM payments.pay_order WHERE region = %(region)s", region=tx.region)
            == 1
        )
    logins = {
        login for (login,) in split.month.asked("SELECT DISTINCT login FROM access.trace WHERE region > 0")
    }
    assert {"fundledger_books", "fundledger_payments"} & logins
    split.verified()


def begun(town: ByPost) -> None:
    with town.tx("li") as tx:
        begin_close(tx, BOOK, 202610, date(2026, 11, 2))


def named(town: ByPost) -> None:
    with town.tx("guan") as tx:
        tx.run("INSERT INTO access.user_role VALUES (%(region)s, 'li', 'maker', 0)", region=tx.region)


OTHERS: Final[dict[str, tuple[tuple[Working, ...], Callable[[ByPost], object]]]] = {
    "take a record": (("books", "payments", "read"), lambda t: t.month.take(bill_line("S9"))),
    "draft a voucher": (("intake", "payments", "read"), lambda t: Town.by_hand(t, "收", (debit(1004, 5, Dimensions(OWN)), credit(1001, 5)))),
    "close a month": (("intake", "payments", "read"), begun),
    "run the day": (("intake", "books", "read"), lambda t: run_daily(t.engine, "zhao", DEMO_REGION, NEXT)),
    "approve a batch": (("intake", "books", "read"), lambda t: t.approved()),
    "choose for the region": (("intake", "books", "payments", "read"), lambda t: Town.choose(t, "daily_accounting", "P1", date(2027, 1, 1))),
    "give a role": (("intake", "books", "payments", "read"), named),
}  # fmt: skip
"""An act, the logins that have no right to it, and how it is done."""


def test_no_login_does_anothers_part(split: ByPost) -> None:
    """Whoever acts, whatever his roles."""
    split.begin()
    split.take(bill_line("S1", fund=1_000))
    split.open(DAY)
    [split.batch] = run_daily(split.engine, "zhao", DEMO_REGION, DAY).batches
    split.take(bill_line("S2", fund=1_000))
    found = {}
    for act, (logins, do) in OTHERS.items():
        for login in logins:
            with split.under(login):
                found[act, login] = refused(lambda do=do: do(split))  # type: ignore[misc]
    assert [one for one, shut in found.items() if not shut] == []
    split.approved()  # what all those refused, its own login does
    for login in ("intake", "books", "read"):
        with split.under(login):
            assert refused(split.filed), login
    split.filed()
    split.verified()
