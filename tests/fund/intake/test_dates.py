"""Records that have not happened yet and reversals before their original: refused at intake, at the door, seen by verify."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.control.verify import verify
from ledger.core.errors import LedgerError
from ledger.fund.intake.file import load_file
from ledger.fund.intake.quick import LineReader
from ledger.fund.intake.values import Gist, gist
from ledger.fund.record.judge import IntakeRules, validate_line
from ledger.fund.record.record import Refusal

TODAY = date(2026, 10, 12)
RULES = IntakeRules(today=TODAY)


def line(made: dict[str, Any], **changed: str) -> bytes:
    info = made.get("output", made)["setlinfo"]
    info.update(changed)
    return json.dumps(made, ensure_ascii=False).encode()


def judged(raw: bytes) -> Gist | Refusal:
    result = validate_line(raw, 1, RULES)
    return result if isinstance(result, Refusal) else gist(result, 1)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({}, ""),
        ({"setl_time": "2026-10-13 23:59:59", "enddate": "2026-10-13"}, ""),  # clocks differ: a day is borne
        ({"setl_time": "2026-10-14 00:00:00"}, "setl_time"),
        ({"setl_time": "2036-10-12 08:00:00"}, "setl_time"),
        ({"enddate": "2026-10-14"}, "enddate"),
        ({"enddate": "2062-10-12"}, "enddate"),
    ],
)
def test_the_quick_reader_and_the_judge_refuse_what_has_not_happened(
    bill: Any, changed: dict[str, str], field: str
) -> None:
    raw = line(bill("R1"), **changed)
    found = judged(raw)
    assert LineReader(RULES).read(raw, 1) == found
    if field:
        assert isinstance(found, Refusal)
        assert (found.code, found.field) == ("record.future", field)
    else:
        assert isinstance(found, Gist)
    # Without a business date the reader refuses nothing for it.
    assert isinstance(LineReader(IntakeRules()).read(raw, 1), Gist)


def test_a_file_with_one_of_the_future_takes_the_others(month: Any, bill: Any, tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    path.write_bytes(
        b"\n".join([line(bill("now")), line(bill("far"), setl_time="2036-10-12 08:00:00")]) + b"\n"
    )
    done = load_file(month.engine, "jieru", path, RULES)
    assert (done.accepted, done.quarantined) == (1, 1)
    assert month.asked("SELECT setl_id, code, field FROM fund.quarantine") == [
        ("far", "record.future", "setl_time")
    ]


def test_the_door_itself_bears_no_year_far_ahead(month: Any, bill: Any, tmp_path: Path) -> None:
    for number, changed in enumerate(({"setl_time": "2099-10-12 08:00:00"}, {"enddate": "2099-10-12"})):
        path = tmp_path / f"far{number}.jsonl"
        path.write_bytes(line(bill("far"), **changed) + b"\n")
        with pytest.raises(LedgerError) as refused:
            load_file(month.engine, "jieru", path, IntakeRules())
        assert refused.value.code == "record.future"
    assert month.asked("SELECT count(*) FROM fund.record") == [(0,)]


def test_a_reversal_is_not_dated_before_its_original(month: Any, bill: Any, tmp_path: Path) -> None:
    month.take(bill("a", fund=100_000, day="2026-10-12"))
    path = tmp_path / "back.jsonl"
    early, same = (
        bill("b", fund=-100_000, init="a", day="2026-10-11"),
        bill("c", fund=-100_000, init="a", day="2026-10-12"),
    )
    path.write_bytes(line(early) + b"\n" + line(same) + b"\n")
    done = load_file(month.engine, "jieru", path, RULES)
    assert (done.accepted, done.quarantined) == (1, 1)
    assert month.asked("SELECT setl_id, code FROM fund.quarantine") == [("b", "reversal.before_original")]
    month.pretend("UPDATE fund.record SET setl_time = setl_time - interval '2 days' WHERE setl_id = 'c'")
    found = verify(month.database.auditor_engine, tmp_path)
    assert any("早于原结算a" in one.message and one.promise == "INV-12" for one in found)


def test_raw_sql_reverses_nothing_before_it_was(month: Any, bill: Any) -> None:
    month.take(bill("a", fund=100_000, day="2026-10-12"))
    columns = [
        name
        for (name,) in month.asked(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = 'fund.record'::regclass AND attnum > 0 ORDER BY attnum"
        )
    ]
    given = {"setl_id": "'raw'", "init_setl_id": "'a'", "setl_time": "setl_time - interval '1 day'"}
    chosen = ", ".join(given.get(name, name) for name in columns)
    with pytest.raises(LedgerError) as refused, month.tx("jieru") as tx:
        tx.connection.execute(f"INSERT INTO fund.record SELECT {chosen} FROM fund.record WHERE setl_id = 'a'")
    assert refused.value.code == "reversal.before_original"
