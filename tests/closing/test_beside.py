"""A close beside posts and other closes, and killed at every step: the database decides, nothing is half closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger.books.journal import post
from ledger.closing import close as closing
from ledger.closing.lines import CODES
from ledger.core.entries import EntryDraft, credit, debit
from ledger.core.errors import Conflict, InFlight, LedgerError
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


def test_a_post_under_way_keeps_the_close_out(agency: Agency) -> None:
    with agency.tx("li") as tx:
        post(tx, BOOK, LAST, drafts(100, 0))
        with pytest.raises(InFlight), agency.tx("li") as other:
            other.run("SET LOCAL lock_timeout = '200ms'")
            closing.begin(other, BOOK, 202510, NOV)
    assert agency.state() == "open"


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
from ledger.settings import Settings
settings = Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])
def step(name):
    if name == sys.argv[4]:
        os.kill(os.getpid(), signal.SIGKILL)
closing.close(service_engine(settings), closing.verifier(auditor_engine(settings), Path(sys.argv[3])), "li",
              Book(420100, 310), 202510, date(2025, 11, 2), step)
"""


@pytest.mark.parametrize(
    "step", ["结账前检查", "待复核手工凭证", "日拨付回传", "核验账链", "核验防线", "提交会计主管确认"]
)
def test_killed_at_a_step_the_same_command_goes_on(agency: Agency, tmp_path: Path, step: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _RUN, str(agency.settings.home), agency.admin_url, str(tmp_path), step],
        capture_output=True,
        check=False,
        env=os.environ,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    assert agency.state() == ("open" if step == "结账前检查" else "closing")
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event LIKE 'CLOSE%'") == [(0,)]
    agency.shut()
    assert agency.state() == "closed"
    assert agency.rows("SELECT n, count(*) FROM books.closing_check GROUP BY 1") == [(1, len(CODES))]
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
    agency.break_it("UPDATE books.account SET account = 4701 WHERE account = 4101 AND fund = 310",
                    "UPDATE books.balance SET account = 4701 WHERE account = 4101 AND fund = 310")  # fmt: skip
    assert code(lambda: agency.confirm(digest)) == "rule.place_unknown"
    assert agency.state() == "closing"
    assert agency.rows("SELECT count(*) FROM books.entry WHERE event LIKE 'CLOSE%'") == [(0,)]
