"""What a page shows of a month is kept with what was known then; it is never today's by silence, and verify asks it again."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.control.verify import verify
from ledger.core.errors import Conflict, LedgerError
from reports.control.drawn import draw_up, drawn, grown_since, kept_ways
from reports.control.due import ControlMonth
from reports.control.report import control_report, sign
from tests.reports.control.test_control import NOVEMBER, OCTOBER, OTHER, H, ways

BY_REVIEWER = "zhou"


def draw(town: Any, user: str = BY_REVIEWER, seed: str = "s1") -> None:
    with town.tx(user) as tx:
        draw_up(tx, OCTOBER, seed, 50)


def kept(town: Any, institution: str = "") -> dict[Any, Any]:
    with town.tx("zhao") as tx:
        return {one.of: one for one in kept_ways(tx, ControlMonth(420100, OCTOBER), institution)}


def test_what_is_kept_is_what_was_worked_out(busy: Any) -> None:
    draw(busy)
    assert kept(busy) == ways(busy)
    assert {of: one[2:] for of, one in kept(busy).items()}[H] == (
        4,
        80_002,
        80_002,
        80_002,
        80_002,
        80_002,
    )
    assert kept(busy, OTHER) == ways(busy, OTHER)
    with busy.tx(BY_REVIEWER) as tx:
        found = drawn(tx, OCTOBER)
        anew = control_report(tx, OCTOBER, "s1", cases=50)
        assert found is not None
        shown = found.report(tx, OCTOBER)
        assert grown_since(tx, found) == 0
    assert (shown.content, shown.digest) == (anew.content, anew.digest)
    busy.verified()


def test_what_was_booked_since_is_counted_and_not_signed(busy: Any, bill: Any) -> None:
    draw(busy)
    before = kept(busy)
    busy.month.take(bill("z9", fund=10_000, day="2026-10-14"))
    busy.pay_daily(NOVEMBER)
    assert kept(busy) == before != ways(busy)
    with busy.tx(BY_REVIEWER) as tx:
        found = drawn(tx, OCTOBER)
        assert found is not None
        assert grown_since(tx, found) > 0
    with pytest.raises(Conflict) as refused, busy.tx(BY_REVIEWER) as tx:
        sign(tx, control_report(tx, OCTOBER, found.seed, cases=found.cases), found.digest, NOVEMBER, NOVEMBER)
    assert refused.value.code == "control.changed"
    busy.verified()  # what was kept is still what the chains said then
    draw(busy, "li")
    assert kept(busy) == ways(busy)
    busy.verified()


def test_who_may_and_what_past_the_program(busy: Any) -> None:
    for user in ("zhao", "qian"):
        with pytest.raises(LedgerError) as refused:
            draw(busy, user)
        assert refused.value.code in ("access.role_missing", "access.denied", "access.row")
    draw(busy)
    row = "INSERT INTO fund.control_draft (region, month, seed, cases, content, digest, ways_digest, blocks, drawn_by) VALUES (420100, 202609, 's', 1, 'x', sha256('x'), sha256(''), '{}', 'zhou')"
    for user, done in [
        ("zhou", row), ("zhou", row.replace("'zhou'", "'sun'")), ("zhou", "UPDATE fund.control_draft SET seed = 'x'"),
        ("zhou", "DELETE FROM fund.control_way"), ("zhou", "UPDATE fund.control_way SET paid_fen = 0"),
    ]:  # fmt: skip
        with pytest.raises(LedgerError), busy.tx(user) as tx:
            tx.run(done)


def test_what_verify_could_not_read_is_not_kept(busy: Any) -> None:
    """A text that is no JSON, a chain of no book: one reviewer's row would have ended every `verify` with an error."""
    draw(busy)
    row = (
        "INSERT INTO fund.control_draft (region, month, seed, cases, content, digest, ways_digest, blocks, drawn_by)"
        " SELECT region, 202609, seed, cases, {0}, sha256(convert_to({0}, 'UTF8')), ways_digest, {1}, 'zhou' FROM fund.control_draft"
    )
    for content, blocks in (
        ("'x'", "blocks"), ("'[]'", "blocks"), ("content", """blocks || '{"x": {"block": "y"}}'"""), ("content", "blocks - '310'"),
    ):  # fmt: skip
        with pytest.raises(LedgerError, match=r"control\.drawn_from"), busy.tx("zhou") as tx:
            tx.run(row.format(content, blocks))
    with busy.tx("zhou") as tx:
        tx.run(row.format("content", "blocks"))


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (
            "UPDATE fund.control_draft SET content = replace(content, '60001', '60000')",
            "内控报告与其摘要不符",
        ),
        ("UPDATE fund.control_way SET paid_fen = paid_fen + 1", "三方核对与其摘要不符"),
        ("UPDATE fund.control_way SET finance_fen = finance_fen + 1; UPDATE fund.control_draft SET ways_digest"
         " = fund.control_ways_digest(region, month)", "与当时的账簿不符"),
        ("UPDATE fund.control_draft SET blocks = jsonb_set(blocks, '{310,hash}', '\"00\"')", "账链不是本库的"),
        ("UPDATE fund.control_sum SET paid_fen = paid_fen + 1", "全月合计有2家机构与各日之和不符"),
        ("DELETE FROM fund.control_sum WHERE institution = 'H42010000001'", "全月合计有1家机构与各日之和不符"),
        ("UPDATE fund.control_draft SET drawn_by = 'nobody'", "编制人不是系统内的人"),
        ("UPDATE fund.control_draft SET seed = 'other'", "种子与登记的不同"),
    ],
)  # fmt: skip
def test_what_was_changed_in_what_is_kept_is_found(busy: Any, done: str, said: str) -> None:
    draw(busy)
    busy.month.pretend(done)
    found = verify(busy.month.database.auditor_engine, busy.home)
    assert [one for one in found if one.entry == "control draft 202610" and said in str(one)]


def test_one_taken_away_is_named_by_its_trace(busy: Any) -> None:
    draw(busy)
    draw(busy)  # in its place: as it should be
    busy.verified()
    busy.month.pretend("DELETE FROM fund.control_draft")
    assert [
        one.code
        for one in verify(busy.month.database.auditor_engine, busy.home)
        if "control_draft" in str(one)
    ] == ["orphan.gone", "orphan.gone", "trace.row_gone"]
