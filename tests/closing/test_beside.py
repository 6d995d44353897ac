"""A close beside posts and other closes, and killed at every step: the database decides, nothing is half closed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger.books.journal import post
from ledger.closing import close as closing
from ledger.closing.lines import CODES, VERIFIED
from ledger.core.entries import EntryDraft, credit, debit
from ledger.core.errors import Conflict, InFlight, LedgerError
from ledger.core.words import said
from ledger.db.locks import Lock, alone
from tests.closing.conftest import BOOK, LAST, NOV, Agency
from tests.closing.test_close import code


def drafts(count: int, start: int) -> list[EntryDraft]:
    return [
        EntryDraft(
            "MAN", f"B{start + n}", LAST, "批量", (debit(1001, 1), credit(1005, 1)), "MAN@1", "rule:MAN@1", "qian"
        )
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.fault(30)
def test_a_post_under_way_keeps_the_close_out(agency: Agency) -> None:
    with agency.tx("li") as tx:
        post(tx, BOOK, LAST, drafts(100, 0))
        with pytest.raises(InFlight), agency.tx("li") as other:
            other.run("SET LOCAL lock_timeout = '200ms'")
            closing.begin(other, BOOK, 202510, NOV)
    assert agency.state() == "open"


@pytest.mark.fault(30)
def test_a_close_under_way_keeps_posts_out(agency: Agency) -> None:
    with agency.tx("li") as tx:
        closing.begin(tx, BOOK, 202510, NOV)
        with pytest.raises(InFlight), agency.tx("li") as other:
            other.run("SET LOCAL lock_timeout = '200ms'")
            post(other, BOOK, LAST, drafts(1, 0))
    assert agency.state() == "closing"
    assert code(lambda: agency.book(LAST, debit(1005, 1), credit(400101, 1))) == "period.closing"


def test_a_bulk_post_beside_the_close_is_whole_blocks_before_it(agency: Agency) -> None:
    """Blocks are posted until the close takes the month; the first block after it is refused, none is posted in part."""
    posted: list[int] = []
    refused: list[str] = []

    def bulk() -> None:
        for block in range(200):
            try:
                with agency.tx("qian") as tx:
                    post(tx, BOOK, LAST, drafts(50, 50 * block))
            except LedgerError as error:
                refused.append(error.code)
                return
            posted.append(block)
            if len(posted) == 5:
                started.set()

    started = threading.Event()
    beside = threading.Thread(target=bulk)
    beside.start()
    started.wait(30)
    with agency.tx("li") as tx:
        closing.begin(tx, BOOK, 202510, NOV)
    beside.join()
    assert refused == ["period.closing"]
    assert agency.rows("SELECT count(*) FROM books.entry WHERE source_key LIKE 'B%'") == [(50 * len(posted),)]
    assert agency.state() == "closing"


@pytest.mark.fault(31)
def test_two_closes_at_once_are_one(agency: Agency) -> None:
    with alone(agency.service, Lock.CLOSE, f"{BOOK} 202510") as free:
        assert free
        assert code(agency.close) == "period.close_running"
    digest = agency.close()
    assert agency.rows("SELECT count(*) FROM books.closing") == [(1,)]
    outcomes: list[object] = []

    def confirm() -> None:
        try:
            outcomes.append(len(agency.confirm(digest)))
        except Conflict as error:
            outcomes.append(error.code)

    both = [threading.Thread(target=confirm) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert 4 in outcomes
    assert outcomes.count(4) == 1
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event = 'CLOSE-M'") == [(4,)]
    assert agency.verify() == []


_RUN = """
import os, signal, sys
from datetime import date
from pathlib import Path
from ledger.closing import close as closing
from ledger.core.entries import Book
from ledger.db.engine import auditor_engine, service_engine
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import Settings
settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
book, on, seen, most = Book(420100, 310), date(2025, 11, 2), set(), int(sys.argv[4])

def child(write):
    def step(name):
        proofs = sum(one.startswith("核验") for one in seen)
        if name not in seen and not (name.startswith("核验") and proofs >= most):
            os.write(write, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)
    service = service_engine(settings)
    digest = closing.close(service, closing.verifier(auditor_engine(settings), Path(sys.argv[3])), "li", book, 202510, on, step)
    carry = closing.carry
    def carried(tx, signed):
        posted = carry(tx, signed)
        step("结转")
        return posted
    closing.carry = carried
    with unit_of_work(service, "wu", 420100) as tx:
        closing.confirm(tx, book, 202510, digest, on)
        step("期间已结")

while True:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        child(write)
        os._exit(0)
    os.close(write)
    name = os.read(read, 1000).decode()
    os.close(read)
    _, status = os.waitpid(pid, 0)
    if not name:
        assert status == 0, status
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
    seen.add(name)
    print(name, flush=True)
"""


@pytest.mark.fault(1)
@pytest.mark.parametrize("proofs", [1, pytest.param(99, marks=pytest.mark.slow)])
def test_killed_at_every_step_the_same_command_goes_on(agency: Agency, tmp_path: Path, proofs: int) -> None:
    """Each run dies at the first step no run before it died at; what the last one leaves is one close, made once. The long group dies at every proof too."""
    ended = subprocess.run(
        [sys.executable, "-c", _RUN, str(agency.settings.home), agency.admin_url, str(tmp_path), str(proofs)],
        capture_output=True,
        check=False,
        env=os.environ,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    steps = ended.stdout.splitlines()
    known = {said("closing.check", code) for code in CODES if code not in VERIFIED}
    assert {"结账前检查", "提交会计主管确认", "结转", "期间已结", *known} <= set(steps)
    assert len([step for step in steps if step.startswith("核验")]) >= min(proofs, 4)
    assert agency.state() == "closed"
    assert agency.rows("SELECT n, count(*) FROM books.closing_check GROUP BY 1") == [(1, len(CODES))]
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event = 'CLOSE-M'") == [(4,)]
    assert agency.verify() == []


def test_what_was_proven_is_not_proven_twice(agency: Agency) -> None:
    agency.close()
    told: list[str] = []
    closing.close(
        agency.service, closing.verifier(agency.auditor, agency.home), "li", BOOK, 202510, NOV, told.append
    )
    assert told
    assert not [step for step in told if step.startswith("核验")]


def test_a_confirm_that_fails_leaves_nothing(agency: Agency) -> None:
    """A month with an account nobody said where to carry: refused whole, and still to be closed."""
    digest = agency.close()
    agency.break_it("UPDATE books.account SET account = 4701 WHERE account = 41010101 AND fund = 310",
                    "UPDATE books.balance SET account = 4701 WHERE account = 41010101 AND fund = 310")  # fmt: skip
    assert code(lambda: agency.confirm(digest)) == "rule.place_unknown"
    assert agency.state() == "closing"
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event LIKE 'CLOSE%'") == [(0,)]
