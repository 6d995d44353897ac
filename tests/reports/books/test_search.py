"""What the search knows changes no answer: before it knew anything, in the middle of a run, and after; and `verify` reads it."""

from __future__ import annotations

import random
from datetime import date

import psycopg
import pytest

from ledger.books.search import forget, known_to, take_in
from ledger.control.verify import verify
from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import unit_of_work
from reports.books import find as finding
from reports.books.find import Wanted, find
from tests.reports.conftest import AWKWARD, busy_desk, desk

__all__ = ["busy_desk", "desk"]
LATER = [date(2026, 9, 30), date(2026, 11, 3), date(2026, 10, 31), date(2026, 11, 3)] * 2


def asked(rows) -> list[Wanted]:
    """What somebody may ask of these (summary, amounts, signer, evidence, key): parts of words, amounts, ranges, and together."""
    dice = random.Random(7)  # noqa: S311 -- test data
    wanted = [
        Wanted(words=text) for text in ("日", "日拨", "20", "202", "=SUM(A1)", "没有的", "号", "A1) @x")
    ]
    for summary, amounts, signer, paper, key in rows:
        start = dice.randrange(len(summary))
        part = summary[start : start + dice.randrange(1, 9)]
        fen = abs(dice.choice(amounts))
        wanted += [
            Wanted(words=part),
            Wanted(least_fen=fen),
            Wanted(least_fen=fen - 3, most_fen=fen + dice.randrange(10**6)),
            Wanted(words=part, least_fen=fen, maker=signer),
            Wanted(maker=signer, first=date(2026, 10, 1), last=date(2026, 11, 2)),
            Wanted(words=part, evidence="k"),
            Wanted(evidence=paper[: dice.randrange(1, 9)]),
            Wanted(evidence=key[-dice.randrange(1, 4) :]),
            Wanted(evidence=key, first=date(2026, 10, 1), last=date(2026, 11, 2)),
        ]
    days = [Wanted(first=day, last=day) for day in (date(2026, 9, 30), date(2026, 11, 3), date(2026, 11, 5))]
    papers = [Wanted(evidence="没有的纸"), Wanted(evidence="k")]
    return [
        *wanted,
        *days,
        *papers,
        Wanted(maker="nobody"),
        Wanted(least_fen=0, most_fen=10**16),
        Wanted(least_fen=10**15),
    ]


def checked(database):
    return verify(database.auditor_engine, database.settings.home)


def answers(desk, wanted):
    with desk.tx() as tx:
        return [
            [(line.seq, line.n) for line in find(tx, desk.book, one, limit)]
            for one in wanted
            for limit in (3, 200)
        ]


def test_it_finds_what_reading_everything_finds(busy_desk, database, monkeypatch):
    with busy_desk.tx() as tx:
        rows = tx.rows(
            "SELECT summary, amounts, reviewed_by, evidence, source_key FROM books.entry ORDER BY seq"
        )
    wanted = asked(rows[::4])
    read = answers(busy_desk, wanted)
    assert any(read)
    assert take_in(busy_desk.engine, "acc", busy_desk.book, least=10_000) == 0
    assert take_in(busy_desk.engine, "acc", busy_desk.book, least=1) == len(rows)
    assert answers(busy_desk, wanted) == read
    # a second run, some entries after it, and a known set that is too small for what else is asked
    for seed, day in enumerate(LATER):
        busy_desk.random_batch(100 + seed, day, 25)
    forgotten = answers_without(busy_desk, wanted)
    assert take_in(busy_desk.engine, "acc", busy_desk.book, least=1) == 200
    busy_desk.random_batch(200, date(2026, 11, 3), 5)
    with busy_desk.tx() as tx:
        assert known_to(tx, busy_desk.book) == len(rows) + 200
    monkeypatch.setattr(finding, "MANY", 5)
    assert answers(busy_desk, wanted) == answers_without(busy_desk, wanted) != forgotten
    assert [b for b in checked(database) if "search" in b.entry] == []


def answers_without(desk, wanted):
    """By reading the journal: as if the search knew nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finding, "known_to", lambda *_: 0)
        return answers(desk, wanted)


def test_a_page_has_many_entries_and_a_run_many_pages(desk):
    desk.post(
        date(2026, 9, 1),
        [desk.draft(desk._legs(random.Random(n)), f"第{n}号{AWKWARD[n % 9]}") for n in range(450)],  # noqa: S311 -- test data
    )
    take_in(desk.engine, "acc", desk.book, least=1)
    with psycopg.connect(desk.admin_url) as admin:
        assert admin.execute("SELECT count(*) FROM books.search_text").fetchone() == (5,)
        assert admin.execute("SELECT count(*) > 3 FROM books.search_amount").fetchone() == (True,)
    with desk.tx() as tx:
        assert {line.seq for line in find(tx, desk.book, Wanted(words="第37号"))} == {38}
        assert {line.summary[:5] for line in find(tx, desk.book, Wanted(words="第44"))} >= {
            '第44号"',
            "第440号",
        } - {'第44号"'}
        rows = tx.rows("SELECT seq, amounts FROM books.entry")
        for _, amounts in rows[::9]:
            fen = abs(amounts[0])
            expected = sorted((s for s, a in rows if fen in map(abs, a)), reverse=True)
            assert (
                sorted({line.seq for line in find(tx, desk.book, Wanted(least_fen=fen))}, reverse=True)
                == expected[:200]
            )


def test_by_day_alone_the_newest_days_come_first_and_no_other(busy_desk):
    with busy_desk.tx() as tx:
        rows = tx.rows("SELECT voucher_date, seq FROM books.entry ORDER BY voucher_date DESC, seq DESC")
        days = sorted({day for day, _ in rows})
        for first, last in [
            (days[0], days[0]),
            (days[1], days[-1]),
            (days[0], days[-1]),
            (date(2031, 1, 1), date(2031, 1, 2)),
        ]:
            expected = [seq for day, seq in rows if first <= day <= last]
            for limit in (3, 200):
                found = {line.seq for line in find(tx, busy_desk.book, Wanted(first=first, last=last), limit)}
                assert found == set(expected[:limit])


def test_who_may_look_and_who_may_take_in(busy_desk):
    take_in(busy_desk.engine, "acc", busy_desk.book, least=1)
    with unit_of_work(busy_desk.engine, "other", busy_desk.book.region) as tx:
        for name, more in (
            ("found_by_words", "'日', ''"),
            ("found_by_amount", "0, 9999999999"),
            ("found_by_paper", "'k'"),
        ):
            assert tx.rows(f"SELECT * FROM books.{name}(420100, 310::smallint, {more}, 0, 999999, 10)") == []
        assert tx.rows("SELECT * FROM books.search_run") == []
    with pytest.raises(Forbidden):
        take_in(busy_desk.engine, "other", busy_desk.book)
    for done in (
        "DELETE FROM books.search_run",
        "INSERT INTO books.search_text VALUES (420100, 310, 202610, 1, 9, '{0}', 'x', '{1}', '{1}')",
    ):
        with pytest.raises(Forbidden), busy_desk.tx() as tx:
            tx.run(done)


@pytest.mark.parametrize(
    "done",
    [
        "UPDATE books.search_text SET words = replace(words, '日拨付', '日付')",
        "UPDATE books.search_text SET offs = offs[2:]",
        "UPDATE books.search_text SET papers = '{}'",
        "UPDATE books.search_amount SET fens[1] = fens[1] - 1, least = least - 1",
        "UPDATE books.search_amount SET offs[1] = offs[1] + 1",
        "DELETE FROM books.search_amount",
        "UPDATE books.search_run SET last_seq = last_seq + 1",
    ],
)
def test_what_was_changed_is_named_and_made_anew(busy_desk, database, done):
    take_in(busy_desk.engine, "acc", busy_desk.book, least=1)
    with psycopg.connect(busy_desk.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(done)
    named = [b for b in checked(database) if b.promise == "INV-06"]
    assert named
    assert all("book index --anew" in b.message for b in named)
    with busy_desk.tx() as tx:
        forget(tx, busy_desk.book)
    take_in(busy_desk.engine, "acc", busy_desk.book, least=1)
    assert [b for b in checked(database) if b.promise == "INV-06"] == []
