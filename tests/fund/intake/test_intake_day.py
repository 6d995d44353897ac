"""A generated day through intake and the daily run on a real database, against the generator's own answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.access.users import found_region
from ledger.books.journal import post
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.core.errors import Conflict, Forbidden, InvalidInput
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import bring_in_institutions
from ledger.fund.daily.run import DailyRun, run_daily
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.fund.institutions.terms import set_agreement
from ledger.fund.intake.file import FileResult, load_file
from ledger.fund.record.judge import IntakeRules
from ledger.fund.region.setup import set_up_region
from ledger.simulation.people import DEMO_PEOPLE, DEMO_REGION, EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT
from ledger.simulation.platform.day import Generated, generate
from tests.scenes.regions import transactions_of_two_regions

DAY, PAY_DAY = date(2026, 10, 12), date(2026, 10, 13)
PLENTY = 10**13


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generate(2_000, 40, DAY, 7, tmp_path_factory.mktemp("day"), bad_per_mille=40)


def take_institutions(world: Any, made: Generated) -> None:
    bring_in_institutions(
        world.service_engine, "zhao", "qian", DEMO_REGION, DAY, read_institutions(made.institutions)
    )


def take_files(world: Any, made: Generated, **how: Any) -> list[FileResult]:
    return [load_file(world.service_engine, "jieru", path, IntakeRules(), **how) for path in made.settlements]


def allot(world: Any, fen: int = PLENTY) -> None:
    own, fiscal = Dimensions(EXPENDITURE_ACCOUNT.number), Dimensions(FISCAL_ACCOUNT.number)
    with unit_of_work(world.service_engine, "li", DEMO_REGION) as tx:
        for fund in (310, 390):
            draft = EntryDraft(
                "ALLOT", "ALLOT:1", DAY, "财政专户拨入支出户", (debit(1004, fen, own), credit(1003, fen, fiscal)), "ALLOT@1", "rule:ALLOT@1", "qian"
            )  # fmt: skip
            post(tx, Book(DEMO_REGION, fund), DAY, [draft])


def run(world: Any, day: date = PAY_DAY) -> DailyRun:
    return run_daily(world.service_engine, "zhao", DEMO_REGION, day)


def test_a_file_gives_the_generators_answer(world: Any, made: Generated) -> None:
    take_institutions(world, made)
    results = take_files(world, made)
    expected = json.loads(made.expected_path.read_text(encoding="utf-8"))
    assert sum(r.accepted for r in results) == expected["accepted"]
    assert sum(r.duplicate for r in results) == expected["duplicate"]
    assert sum(r.quarantined for r in results) == expected["quarantined"]
    assert str(sum(r.accepted_fen for r in results)) == expected["medfee_fen"]
    assert str(sum(r.payable_fen for r in results)) == expected["payable_fen"]
    with world.admin_engine.connect() as admin:
        codes = admin.exec_driver_sql("SELECT code, count(*) FROM fund.quarantine GROUP BY code").fetchall()
        owed = admin.exec_driver_sql(
            "SELECT sum(fund_fen) FILTER (WHERE subfund = 'pool'), sum(fund_fen) FILTER (WHERE subfund = 'acct') FROM fund.payable"
        ).one()
    assert dict(map(tuple, codes)) == expected["quarantined_by_code"]
    assert (str(owed[0]), str(owed[1])) == (expected["pooled_fen"], expected["account_fen"])


@pytest.mark.fault(35)
def test_the_same_file_again_is_all_duplicates_and_once_gives_the_first_answer(
    world: Any, made: Generated
) -> None:
    take_institutions(world, made)
    first = take_files(world, made)
    again = take_files(world, made)
    assert [r.accepted for r in again] == [0] * len(again)
    assert sum(r.duplicate for r in again) == sum(r.accepted + r.duplicate for r in first)
    assert sum(r.quarantined for r in again) == sum(r.quarantined for r in first)
    replay = take_files(world, made, once=True)
    assert [(r.accepted, r.duplicate, r.quarantined) for r in replay] == [
        (r.accepted, r.duplicate, r.quarantined) for r in first
    ]


TWIN = 420200
KILL: dict[str, str] = {
    "between its regions": """
def at_store(tx, *args, **how):
    tally = store(tx, *args, **how)
    if advanced == 2 and tx.region == 420200:
        die()
    return tally
store, intake.store = intake.store, at_store
""",
    "before its progress": """
def at_advance(*args):
    if advanced == 2:
        die()
    count(*args)
count, intake_file._advance = intake_file._advance, at_advance
""",
    "after its progress": """
def progress(done, total):
    if advanced == 3:
        die()
""",
}
"""Where in its third chunk a load is killed."""


@pytest.fixture(params=["with unreadable lines", "all readable"])
def day(request: pytest.FixtureRequest, made: Generated, tmp_path: Path) -> Generated:
    """What nobody can read is kept in the transaction of a chunk's last region."""
    if request.param == "with unreadable lines":
        return made
    return generate(2_000, 40, DAY, 7, tmp_path / "readable", bad_per_mille=0)


@pytest.fixture
def twin(world: Any, day: Generated, tmp_path: Path) -> Path:
    """Two regions with the same institutions and, line after line, the same records: a file in which every chunk is of both."""
    found_region(world.admin_engine, TWIN, DEMO_PEOPLE)
    fiscal = replace(FISCAL_ACCOUNT, number="4200000000002003")
    expenditure = replace(EXPENDITURE_ACCOUNT, number="4200000000002004")
    with unit_of_work(world.service_engine, "li", TWIN) as tx:
        set_up_region(tx, "邻市", (310, 390), (fiscal, expenditure), date(2026, 10, 1))
    take_institutions(world, day)
    here = re.compile(
        rb'("(?:poolarea_no|clr_optins|insu_admdvs|fix_blng_admdvs|fixmedins_code|code)": ?"H?P?)4201'
    )
    masters = tmp_path / "twin-institutions.jsonl"
    masters.write_bytes(here.sub(rb"\g<1>4202", day.institutions.read_bytes()))
    bring_in_institutions(world.service_engine, "zhao", "qian", TWIN, DAY, read_institutions(masters))
    path = tmp_path / "both.jsonl"
    (settlements,) = day.settlements
    path.write_bytes(
        b"".join(
            line + here.sub(rb"\g<1>4202", line)
            for line in settlements.read_bytes().splitlines(keepends=True)
        )
    )
    return path


@pytest.mark.fault(1)
@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("moment", KILL)
def test_a_load_killed_in_the_middle_goes_on_to_the_same_answer(
    world: Any, day: Generated, twin: Path, monkeypatch: pytest.MonkeyPatch, moment: str, beside: bool
) -> None:
    """Chunks of 500 lines of two regions, killed at a moment of the third one."""
    program = textwrap.dedent(f"""
        import os
        from pathlib import Path
        from ledger.db.engine import service_engine
        from ledger.fund.intake import chunks
        from ledger.fund.intake import take as intake
        from ledger.fund.intake import file as intake_file
        from ledger.fund.record.judge import IntakeRules
        from ledger.settings import Settings

        chunks.LINES_PER_CHUNK = 500
        intake_file.BESIDE_BYTES = {0 if beside else 1 << 40}
        advanced = 0
        progress = lambda done, total: None

        def die():
            os.kill(os.getpid(), 9)

        def counted(*args):
            global advanced
            real(*args)
            advanced += 1

        real, intake_file._advance = intake_file._advance, counted
        # MOMENT
        intake_file.load_file(
            service_engine(Settings()), "jieru", Path({str(twin)!r}), IntakeRules(), progress=progress
        )
    """).replace("# MOMENT", KILL[moment])
    killed = subprocess.run([sys.executable, "-c", program], env=world.env, check=False)
    assert killed.returncode == -9
    with world.admin_engine.connect() as admin:
        (progress,) = admin.exec_driver_sql("SELECT lines_done, complete FROM fund.intake_load").fetchall()
        beyond = admin.exec_driver_sql(
            "SELECT region, max(line) FROM fund.record WHERE line > 1000 GROUP BY 1 ORDER BY 1"
        ).fetchall()
    answers = json.loads(day.expected_path.read_text(encoding="utf-8"))
    once = {name: int(told) if name.endswith("_fen") else told for name, told in answers.items()}
    assert tuple(progress) == (1_500 if moment == "after its progress" else 1_000, False)
    both = moment != "between its regions"
    assert [region for region, _ in beyond] == ([DEMO_REGION, TWIN] if both else [DEMO_REGION])
    assert all(1_000 < line <= 1_500 for _, line in beyond)

    monkeypatch.setattr("ledger.fund.intake.chunks.LINES_PER_CHUNK", 500)
    monkeypatch.setattr("ledger.fund.intake.file.BESIDE_BYTES", 0 if beside else 1 << 40)
    result = load_file(world.service_engine, "jieru", twin, IntakeRules())
    names = ("accepted", "duplicate", "quarantined", "medfee_fen", "payable_fen")
    assert (
        result.accepted, result.duplicate, result.quarantined, result.accepted_fen, result.payable_fen
    ) == tuple(2 * once[name] for name in names)  # fmt: skip
    with world.admin_engine.connect() as admin:
        stored = admin.exec_driver_sql(
            "SELECT region, count(*), count(DISTINCT line), sum(medfee_sumamt) FROM fund.record GROUP BY 1 ORDER BY 1"
        ).fetchall()
        owed = admin.exec_driver_sql(
            """SELECT region, sum(daily_fen), sum(fund_fen) FILTER (WHERE subfund = 'pool'),
                      sum(fund_fen) FILTER (WHERE subfund = 'acct') FROM fund.payable GROUP BY 1 ORDER BY 1"""
        ).fetchall()
        codes = admin.exec_driver_sql("SELECT code, count(*) FROM fund.quarantine GROUP BY code").fetchall()
        loads = admin.exec_driver_sql(
            "SELECT accepted, duplicate, quarantined, accepted_fen, payable_fen, lines_done, complete FROM fund.intake_load"
        ).fetchall()
    accepted, medfee = once["accepted"], once["medfee_fen"]
    assert [tuple(map(int, row)) for row in stored] == [
        (region, accepted, accepted, medfee) for region in (DEMO_REGION, TWIN)
    ]
    assert [tuple(map(int, row)) for row in owed] == [
        (region, once["payable_fen"], once["pooled_fen"], once["account_fen"])
        for region in (DEMO_REGION, TWIN)
    ]
    assert dict(map(tuple, codes)) == {code: 2 * n for code, n in once["quarantined_by_code"].items()}
    with world.admin_engine.connect() as admin:
        assert transactions_of_two_regions(lambda query: admin.exec_driver_sql(query).fetchall()) == []
    assert [tuple(row) for row in loads] == [(*[2 * once[name] for name in names], 4_000, True)]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "file.empty"), ("{}".encode("utf-16"), "file.encoding")],
)
def test_a_file_that_cannot_be_read_at_all_is_refused(
    world: Any, tmp_path: Path, content: bytes, code: str
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refusal:
        load_file(world.service_engine, "jieru", path, IntakeRules())
    assert refusal.value.code == code
    with pytest.raises(InvalidInput) as refusal:
        load_file(world.service_engine, "jieru", tmp_path / "none.jsonl", IntakeRules())
    assert refusal.value.code == "file.missing"


@pytest.mark.fault(41, 46)
def test_a_bom_a_huge_line_and_a_cut_end_cost_only_themselves(
    world: Any, made: Generated, tmp_path: Path
) -> None:
    take_institutions(world, made)
    lines = made.settlements[0].read_bytes().splitlines(keepends=True)
    good = next(line for line in lines if b'"H4201000000' in line and b"NaN" not in line)
    path = tmp_path / "x.jsonl"
    path.write_bytes(
        b"\xef\xbb\xbf"
        + good
        + b'{"setlinfo":{"x":"'
        + b"a" * 5_000_000
        + b'"}}\n\n'
        + good[: len(good) // 2]
    )
    result = load_file(world.service_engine, "jieru", path, IntakeRules())
    assert (result.accepted, result.duplicate, result.quarantined) == (1, 0, 2)
    with world.admin_engine.connect() as admin:
        kept = admin.exec_driver_sql(
            "SELECT line, code, length(raw) FROM fund.quarantine ORDER BY line"
        ).fetchall()
    assert [(line, code) for line, code, _ in kept] == [(2, "record.too_long"), (4, "record.json")]
    assert kept[0][2] == 64 * 1024 + 72, "the seal's head and tag"


@pytest.mark.parametrize("user", ["sun", "nobody"])
def test_who_has_no_post_for_it_brings_nothing_in(world: Any, made: Generated, user: str) -> None:
    """The cashier, and a name nobody has: refused before a trace is left, by the database too."""
    take_institutions(world, made)
    with pytest.raises(Forbidden) as refused:
        load_file(world.service_engine, user, made.settlements[0], IntakeRules())
    assert refused.value.code == "intake.no_role"
    with pytest.raises(Forbidden), unit_of_work(world.service_engine, user) as tx:
        tx.run("INSERT INTO fund.quarantine VALUES (0, '\\x00', 1, '', '', 'x', 'x', 1, '')")
    with world.admin_engine.connect() as admin:
        traces = "SELECT (SELECT count(*) FROM fund.intake_load) + (SELECT count(*) FROM fund.quarantine)"
        assert admin.exec_driver_sql(traces).scalar() == 0


def test_each_load_of_a_file_keeps_what_it_refused(world: Any, made: Generated) -> None:
    """The second report is as long as the first; the reasons are today's."""
    take_institutions(world, made)
    first, second = (
        load_file(world.service_engine, "jieru", made.settlements[0], IntakeRules()) for _ in range(2)
    )
    assert 0 < first.quarantined <= second.quarantined
    with world.admin_engine.connect() as admin:
        kept = admin.exec_driver_sql(
            "SELECT load_id, count(*) FROM fund.quarantine GROUP BY load_id ORDER BY load_id"
        ).fetchall()
    assert [tuple(row) for row in kept] == [
        (result.load_id, result.quarantined) for result in (first, second)
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "file.empty"), (b"\n \r\n\t\n", "file.empty"), (b"\xef\xbb\xbf", "file.empty"), (b"\xef\xbb\xbf\n", "file.empty")],
)  # fmt: skip
def test_a_file_with_nothing_in_it_is_refused(world: Any, tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "blank.jsonl"
    path.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        load_file(world.service_engine, "jieru", path, IntakeRules())
    assert (refused.value.code, path.name in refused.value.message) == (code, True)
    with pytest.raises(InvalidInput, match="目录"):
        load_file(world.service_engine, "jieru", tmp_path, IntakeRules())


def test_the_daily_run_drafts_what_is_owed_and_nothing_twice(world: Any, made: Generated) -> None:
    take_institutions(world, made)
    take_files(world, made)
    allot(world)
    done = run(world)
    expected = json.loads(made.expected_path.read_text(encoding="utf-8"))
    by_fund = {str(batch.fund): batch.total_fen for batch in done.batches}
    carried = {str(fund): 0 for fund in (310, 390)}
    for blocked in done.blocked:
        assert blocked.reason == "negative"
        carried[str(blocked.fund)] += blocked.amount_fen
    assert {fund: str(by_fund[fund] + carried[fund]) for fund in by_fund} == expected["payable_fen_by_fund"]
    again = run(world)
    assert (again.entries, list(again.batches)) == (0, [])
    with world.admin_engine.connect() as admin:
        owed, ordered = admin.exec_driver_sql(
            "SELECT sum(daily_fen) FILTER (WHERE order_no <> ''), (SELECT sum(amount_fen) FROM payments.pay_order) FROM fund.payable"
        ).one()
    assert owed == ordered == sum(by_fund.values())


def test_blocked_amounts_carry_their_reason_and_stay_owed(world: Any, made: Generated) -> None:
    take_institutions(world, made)
    take_files(world, made)
    allot(world)
    with unit_of_work(world.service_engine, "zhao", DEMO_REGION) as tx:
        biggest = tx.value(
            "SELECT institution FROM fund.payable GROUP BY 1 ORDER BY sum(daily_fen) DESC LIMIT 1"
        )
        assert set_agreement(tx, biggest, "suspended", PAY_DAY)
    done = run(world)
    reasons = {b.institution: b.reason for b in done.blocked if b.reason != "negative"}
    assert reasons == {biggest: "suspended"}
    with unit_of_work(world.service_engine, "zhao", DEMO_REGION) as tx:
        assert not set_agreement(tx, biggest, "active", PAY_DAY)
    assert {b.institution for b in run(world).blocked if b.reason == "suspended"} == {biggest}
    with unit_of_work(world.service_engine, "qian", DEMO_REGION) as tx:
        confirm_waiting(tx, read_waiting(tx).digest, PAY_DAY)
    released = run(world)
    assert sum(len(batch.order_nos) for batch in released.batches) == len(
        [b for b in done.blocked if b.institution == biggest]
    )


def test_no_more_is_ordered_than_the_expenditure_account_holds(world: Any, made: Generated) -> None:
    take_institutions(world, made)
    take_files(world, made)
    allot(world, 100_000_00)
    done = run(world)
    for batch in done.batches:
        assert batch.total_fen <= 100_000_00
    assert {b.reason for b in done.blocked} >= {"over_available"}


def test_the_run_refuses_a_holiday_an_unknown_year_and_the_wrong_post(world: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        run(world, date(2026, 10, 5))
    assert refusal.value.code == "daily.not_working_day"
    assert refusal.value.details["next_working_day"] == "2026-10-08"
    with pytest.raises(InvalidInput) as refusal:
        run(world, date(2031, 1, 6))
    assert refusal.value.code == "calendar.unknown_year"
    with pytest.raises(Forbidden) as forbidden:
        run_daily(world.service_engine, "sun", DEMO_REGION, PAY_DAY)
    assert forbidden.value.code == "daily.not_maker"


def test_a_payee_account_needs_a_second_person(world: Any, made: Generated) -> None:
    with unit_of_work(world.service_engine, "zhao", DEMO_REGION) as tx:
        load_institutions(tx, read_institutions(made.institutions), DAY)
    with (
        pytest.raises(Forbidden, match=r"db\.permission"),
        unit_of_work(world.service_engine, "zhao", DEMO_REGION) as tx,
    ):
        tx.run("UPDATE fund.payee_account SET state = 'confirmed', confirmed_by = 'zhao'")
    take_files(world, made)
    allot(world)
    assert {b.reason for b in run(world).blocked} <= {"payee_missing", "negative"}


def test_a_large_file_is_validated_beside_and_gives_the_generators_answer(
    world: Any, made: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.fund.intake.file.BESIDE_BYTES", 0)
    monkeypatch.setattr("ledger.fund.intake.chunks.LINES_PER_CHUNK", 300)
    take_institutions(world, made)
    results = take_files(world, made)
    expected = json.loads(made.expected_path.read_text(encoding="utf-8"))
    assert sum(r.accepted for r in results) == expected["accepted"]
    assert sum(r.duplicate for r in results) == expected["duplicate"]
    assert sum(r.quarantined for r in results) == expected["quarantined"]
    assert str(sum(r.accepted_fen for r in results)) == expected["medfee_fen"]
    assert str(sum(r.payable_fen for r in results)) == expected["payable_fen"]


@pytest.mark.fault(42)
def test_a_file_that_is_cut_short_while_it_is_read_is_not_complete(
    world: Any, made: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost in silence: the load stays open, and goes on when the file is whole again."""
    take_institutions(world, made)
    whole = made.settlements[0].read_bytes()
    path = tmp_path / "whole.jsonl"
    path.write_bytes(whole)
    monkeypatch.setattr("ledger.fund.intake.chunks.LINES_PER_CHUNK", 100)

    def cut(_done: int, _size: int) -> None:
        path.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(Conflict) as refused:
        load_file(world.service_engine, "jieru", path, IntakeRules(), progress=cut)
    assert refused.value.code == "file.changed"
    path.write_bytes(whole)
    done = load_file(world.service_engine, "jieru", path, IntakeRules())
    assert done.accepted + done.duplicate + done.quarantined == whole.count(b"\n")
