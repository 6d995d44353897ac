"""Patroni moves the lead: nothing acknowledged is lost, nothing is sent twice, who was left behind is passed over."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
from datetime import time as clock
from typing import Any

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import OutgoingFile
from adapters.banks.simulator.messages.payment_file import read_pain001
from ledger.acts.watching import watch
from ledger.books.anchors import write_anchors
from ledger.books.manual import ManualContent
from ledger.bootstrap import App
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import Conflict, LedgerError
from ledger.db.connections import direct
from ledger.db.migrate import migrate
from ledger.founding import book_by_hand
from ledger.fund.daily.run import run_daily
from ledger.payments.orders.approve import approve
from ledger.payments.orders.values import Batch
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.settings import Settings
from ledger.simulation.people import DEMO_REGION, found_demo
from tests.conftest import Database
from tests.scenes.month import Month, bill_line, load_hospitals
from tests.scenes.passwords import lend
from tests.scenes.patroni import Pair, patroni_pair, until
from tests.scenes.server import new_home
from tests.scenes.town import OWN, AnsweringBank, Town, Wire

pytestmark = [pytest.mark.slow, pytest.mark.judge("etcd"), pytest.mark.judge("patroni")]


TUESDAY, WEDNESDAY, THURSDAY = (date(2026, 10, day) for day in (13, 14, 15))


class FragileWire(Wire):
    """The bank's wire; `then`, once, is what happens when the bank has the file and nobody here knows it yet."""

    def __init__(self) -> None:
        super().__init__()
        self.then: Callable[[], None] | None = None
        self.times = 0

    def deliver(self, file: OutgoingFile, *, count: int, total_fen: int) -> None:
        super().deliver(file, count=count, total_fen=total_fen)
        self.times += 1
        then, self.then = self.then, None
        if then is not None:
            then()


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with patroni_pair() as made:
        yield made


@pytest.fixture(scope="module")
def lived(pair: Pair) -> Iterator[Town]:
    """The region with two hospitals, in a database that is named by both its hosts."""
    home = new_home("flp-")
    settings = Settings(home=home, database_url=pair.url)
    migrate(settings)
    found_demo(settings, date(2026, 10, 1))
    load_hospitals(settings)
    database = Database("fundledger", settings)
    month = Month(database.service_engine, database.admin_engine, database, home)
    made = Town(month, home, AnsweringBank(Iso20022Format(frozenset({OWN})), FragileWire()))
    made.begin()
    yield made
    database.close()
    shutil.rmtree(home)


@pytest.fixture
def town(lived: Town, pair: Pair) -> Town:
    """The same, with one in the lead and the other beside it."""
    pair.leader()
    return lived


@pytest.fixture
def newcomer(town: Town) -> Iterator[Settings]:
    """A service on another machine, which has the passwords and has never met any server."""
    home = new_home("flp-")
    lend(town.home, home)
    yield town.month.database.settings.model_copy(update={"home": home})
    shutil.rmtree(home)


def told_by(town: Town, words: str, url: str, settings: Settings | None = None) -> str:
    """What comes of an entry booked through `url`: `done`, or the code of the refusal."""
    own = (settings or town.month.database.settings).model_copy(update={"database_url": url})
    engine = direct(own)
    try:
        book(town, words, engine)
    except LedgerError as problem:
        return problem.code
    finally:
        engine.dispose()
    return "done"


def again(act: Callable[[], Any]) -> Any:
    """As a person does who is told that the database is not there: a while later, the same."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return act()
        except LedgerError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def book(town: Town, words: str, engine: Any = None) -> None:
    """An entry by two persons; acknowledged where it returns."""
    content = ManualContent(
        WEDNESDAY, words, "测试单据", (debit(1004, 100, Dimensions(OWN)), credit(1001, 100))
    )
    book_by_hand(engine or town.engine, "li", "qian", Book(DEMO_REGION, 310), WEDNESDAY, content)


@contextmanager
def booking(town: Town) -> Iterator[list[str]]:
    """Three processes' worth of entries meanwhile; the words of those that were acknowledged."""
    told: list[str] = []
    stop = threading.Event()

    def work(number: int) -> None:
        engine = direct(town.month.database.settings)
        while not stop.is_set():
            words = f"W{number}-{time.monotonic_ns()}"
            try:
                book(town, words, engine)
                told.append(words)
            except LedgerError:
                time.sleep(0.05)
        engine.dispose()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def booked(town: Town) -> set[str]:
    return {words for (words,) in town.month.asked("SELECT summary FROM books.entry WHERE event = 'MAN'")}


def filed(town: Town, name: str, day: date) -> Batch:
    """A settlement of the day before, drafted, approved and in a file that waits to be sent."""
    town.month.take(bill_line(name, day=(day - timedelta(days=1)).isoformat()))
    town.open(day)
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, day).batches
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, day)
    file(
        town.engine,
        "zhao",
        DEMO_REGION,
        batch.batch_id,
        town.bank_of,
        datetime.combine(day, clock(9), SHANGHAI),
    )
    return batch


def sent(town: Town, day: date) -> set[str]:
    return {one.outcome for one in send(town.engine, "sun", DEMO_REGION, town.bank_of, day)}


def at_the_bank(town: Town) -> list[str]:
    """Every order, once for each file of another content the bank was given."""
    return [
        one.order_no
        for content in town.bank.channel.delivered.values()
        for one in read_pain001(content).instructions
    ]


def states(town: Town, batch: Batch) -> set[str]:
    return {order.state for order in town.orders(batch.order_nos)}


def thawed(town: Town) -> bool:
    """Whether payments go on after what every act asks first."""
    app = App(town.month.database.settings, "li", town.engine)
    watch(app, DEMO_REGION)
    with town.tx("li") as tx:
        return not tx.value("SELECT payments.frozen(%(region)s)", region=DEMO_REGION)


@pytest.mark.fault(21, 22)
def test_the_leader_is_lost_while_a_file_is_on_its_way(pair: Pair, town: Town) -> None:
    first = pair.leader()
    filed(town, "S1", TUESDAY)
    assert sent(town, TUESDAY) == {"sent"}
    batch = filed(town, "S2", WEDNESDAY)
    write_anchors(town.month.database.auditor_engine, town.home)
    with booking(town) as told:
        until(lambda: len(told) > 20)
        town.bank.channel.then = first.kill  # the bank has the file, and we have not yet written that it has
        with suppress(LedgerError):
            assert sent(town, WEDNESDAY) != {"sent"}
        before = len(told)
        until(lambda: len(told) > before + 20)  # the same processes go on, at the other node
    assert states(town, batch) == {"filed"}
    assert again(lambda: sent(town, WEDNESDAY)) == {"sent"}
    assert states(town, batch) == {"sent"}
    assert sorted(at_the_bank(town)) == sorted(set(at_the_bank(town)))
    assert set(told) <= booked(town)
    assert thawed(town)  # nothing is missing: no reason to stop paying
    first.start()  # Patroni brings the machine back as a standby of the other
    assert pair.leader() is pair.other(first)
    assert told_by(town, "to a standby", pair.url_of(first)) == "db.standby"
    for order in town.orders(batch.order_nos):
        town.receipt(order, WEDNESDAY)
    assert states(town, batch) == {"paid"}
    town.verified()


@pytest.mark.fault(21)
def test_a_primary_that_nobody_watches_acknowledges_nothing_and_is_passed_over(
    pair: Pair, town: Town, newcomer: Settings
) -> None:
    old = pair.leader()
    new = pair.other(old)
    old.kill_patroni()  # its server goes on, and says that it takes writes
    until(lambda: new.is_("primary"))
    assert old.admin("SELECT pg_is_in_recovery()") == [(False,)]
    outcome: list[str] = []
    waiting = threading.Thread(
        target=lambda: outcome.append(told_by(town, "late", pair.url_of(old), newcomer))
    )
    waiting.start()  # one that never met the new one: its commit waits for a standby that is none any more
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'fundledger_service'"
    until(lambda: outcome or old.admin(cancel))
    waiting.join()
    assert outcome == ["db.commit_unknown"]
    assert told_by(town, "here", pair.url_of(new)) == "done"  # and this one has met it
    assert told_by(town, "fenced", pair.url_of(old)) == "db.fenced"
    assert told_by(town, "passed over", pair.url_of(old, new)) == "done"
    town.engine.dispose()
    old.start()  # Patroni, started again, takes the machine back as a standby
    assert pair.leader() is new
    words = {"late", "here", "fenced", "passed over"}
    assert booked(town) & words == {"here", "passed over"}
    town.verified()


@pytest.mark.fault(20, 21)
def test_what_lacks_the_last_takes_over_by_a_persons_word_only_and_is_frozen(pair: Pair, town: Town) -> None:
    leader = pair.leader()
    other = pair.other(leader)
    other.kill()
    until(
        lambda: leader.admin("SHOW synchronous_standby_names") == [("",)]
    )  # it goes on alone, as Patroni wrote down
    batch = filed(town, "S3", THURSDAY)
    assert sent(town, THURSDAY) == {"sent"}
    write_anchors(town.month.database.auditor_engine, town.home)
    leader.kill()
    other.start()
    until(lambda: other.admin("SELECT pg_is_in_recovery()") == [(True,)])
    time.sleep(20)  # longer than a lead lasts
    assert other.admin("SELECT pg_is_in_recovery()") == [(True,)]
    other.change(synchronous_mode=False, maximum_lag_on_failover=2**30)  # a person gives up what it lacks
    until(lambda: other.is_("primary"))
    assert again(lambda: town.orders(batch.order_nos)) == []  # sent, and nobody here knows
    assert not thawed(town)
    with pytest.raises(Conflict, match=r"payments\.frozen"):
        filed(town, "S3", THURSDAY)
    found = verify(town.month.database.auditor_engine, town.home)
    assert {one.promise for one in found} == {"INV-12"}
    assert sorted(at_the_bank(town)) == sorted(set(at_the_bank(town)))
