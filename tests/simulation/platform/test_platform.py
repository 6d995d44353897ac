"""The generator: repeatable, in the platform's shapes, and its answers are those of an independent recomputation."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.core.errors import InvalidInput
from ledger.core.money import parse_ratio, share
from ledger.fund.record.judge import IntakeRules, validate_line
from ledger.fund.record.record import Refusal, SettlementRecord
from ledger.simulation.platform.bad import BAD_KINDS
from ledger.simulation.platform.day import LINES_PER_FILE, Generated, day_lines, generate
from ledger.simulation.platform.institutions import make_institutions

DAY = date(2026, 10, 12)
RECORDS = 12_000
RULES = IntakeRules()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generate(RECORDS, 60, DAY, 11, tmp_path_factory.mktemp("generated"), bad_per_mille=12)


@pytest.fixture(scope="module")
def answers(made: Generated) -> list[SettlementRecord | Refusal]:
    lines = [line for path in made.settlements for line in path.read_bytes().splitlines()]
    return [validate_line(line, number, RULES) for number, line in enumerate(lines, 1)]


@pytest.fixture(scope="module")
def stored(
    answers: list[SettlementRecord | Refusal], made: Generated
) -> tuple[dict[str, SettlementRecord], Counter[str]]:
    """What a store would keep and refuse: known institution, once only, one reversal of a known original."""
    known = {json.loads(line)["code"] for line in made.institutions.read_text().splitlines()}
    kept: dict[str, SettlementRecord] = {}
    reversed_ids: set[str] = set()
    other: Counter[str] = Counter()
    for answer in answers:
        if isinstance(answer, Refusal):
            other[answer.code] += 1
        elif answer.institution not in known:
            other["institution.unknown"] += 1
        elif answer.setl_id in kept:
            same = kept[answer.setl_id].content_digest == answer.content_digest
            other["duplicate" if same else "record.other_content"] += 1
        elif answer.is_reversal and answer.init_setl_id not in kept:
            other["reversal.unknown_original"] += 1
        elif answer.is_reversal and answer.init_setl_id in reversed_ids:
            other["reversal.already"] += 1
        else:
            kept[answer.setl_id] = answer
            if answer.is_reversal:
                reversed_ids.add(answer.init_setl_id)
    return kept, other


def expected_of(made: Generated) -> dict[str, Any]:
    document = json.loads(made.expected_path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def test_every_line_meets_its_promised_outcome(
    made: Generated, stored: tuple[dict[str, SettlementRecord], Counter[str]]
) -> None:
    kept, other = stored
    expected = expected_of(made)
    assert other.pop("duplicate") == expected["duplicate"] > 0
    assert dict(sorted(other.items())) == expected["quarantined_by_code"]
    assert len(kept) == expected["accepted"]
    assert expected["accepted"] + expected["duplicate"] + expected["quarantined"] == RECORDS
    assert sum(record.is_reversal for record in kept.values()) == expected["reversals"] > 0
    assert sum(record.out_of_region for record in kept.values()) == expected["out_of_region"] > 0


def test_every_kind_of_bad_line_is_there(made: Generated) -> None:
    kinds = set(expected_of(made)["quarantined_by_kind"])
    assert kinds >= {kind.name for kind in BAD_KINDS}
    assert kinds >= {"institution_unknown", "other_content", "reversal_unknown", "reversal_again"}


def test_money_is_what_the_generator_put_in(
    made: Generated, stored: tuple[dict[str, SettlementRecord], Counter[str]]
) -> None:
    expected, records = expected_of(made), stored[0].values()
    assert str(sum(record.amounts.medfee_sumamt for record in records)) == expected["medfee_fen"]
    assert str(sum(record.amounts.fund_pay_sumamt for record in records)) == expected["fund_pay_fen"]
    assert str(sum(record.pooled_fen for record in records)) == expected["pooled_fen"]
    assert str(sum(record.account_fen for record in records)) == expected["account_fen"]


def test_payables_by_fund_and_institution(
    made: Generated, stored: tuple[dict[str, SettlementRecord], Counter[str]]
) -> None:
    """Twice: with our own rounding, and with Python's decimals, which share no line of code with it."""
    expected = expected_of(made)
    masters = {row["code"]: row for row in map(json.loads, made.institutions.read_text().splitlines())}
    ours: Counter[tuple[str, str]] = Counter()
    outside: Counter[tuple[str, str]] = Counter()
    for record in stored[0].values():
        enrolment = masters[record.institution]["enrolment"]
        daily = enrolment["mode"] == "daily"
        key = (str(record.book), record.institution)
        if daily and record.inpatient:
            ours[key] += share(record.pooled_fen, parse_ratio(enrolment["ratio"]))
        if daily and record.med_type in {"21", "52"}:
            exact = Decimal(record.pooled_fen) * Decimal(enrolment["ratio"])
            outside[key] += int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    told = {
        (fund, code): int(fen)
        for fund, by_code in expected["payable_fen_by_institution"].items()
        for code, fen in by_code.items()
    }
    assert {key: fen for key, fen in ours.items() if fen} == {key: fen for key, fen in told.items() if fen}
    assert {key: fen for key, fen in outside.items() if fen} == {key: fen for key, fen in told.items() if fen}
    by_fund = [int(fen) for fen in expected["payable_fen_by_fund"].values()]
    assert int(expected["payable_fen"]) == sum(told.values()) == sum(by_fund) > 0


def test_the_mix_is_what_a_region_sees(answers: list[SettlementRecord | Refusal]) -> None:
    records = [answer for answer in answers if isinstance(answer, SettlementRecord)]
    assert {record.book for record in records} == {310, 390}
    categories = Counter(record.category for record in records)
    assert set(categories) == {"inpatient", "maternity", "chronic", "outpatient", "pharmacy"}
    assert categories["inpatient"] > len(records) // 2
    assert any(record.amounts.hosp_part_amt for record in records)
    assert any(
        record.insutype == "510" and record.pooled_fen == record.amounts.oth_pay > 0 for record in records
    )
    assert any(record.account_fen and not record.amounts.fund_pay_sumamt for record in records)
    assert any(record.amounts.acct_mulaid_pay for record in records)
    busiest = Counter(record.institution for record in records).most_common(1)[0][1]
    assert busiest > 5 * len(records) // 60
    assert all(record.warnings == () for record in records)
    assert {record.day for record in records} == {DAY}


def test_dialects_occur(made: Generated) -> None:
    text = b"".join(path.read_bytes() for path in made.settlements)
    for sign in (
        b'"medfee_sumamt":"',
        b'"psn_part_amt":null',
        b'"inscp_amt":',
        b'{"infcode":0',
        b'"balc":null',
        b'"expContent"',
    ):
        assert sign in text


def digest_of(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        generate(1500, 20, DAY, 3, tmp_path / name)
    generate(1500, 20, DAY, 4, tmp_path / "c")
    assert digest_of(tmp_path / "a") == digest_of(tmp_path / "b")
    assert digest_of(tmp_path / "a") != digest_of(tmp_path / "c")


def test_files_are_cut_and_counted(made: Generated) -> None:
    counts = [len(path.read_bytes().splitlines()) for path in made.settlements]
    assert counts == [LINES_PER_FILE, RECORDS - LINES_PER_FILE]
    assert [entry["records"] for entry in expected_of(made)["files"]] == counts


@pytest.mark.slow
def test_memory_does_not_grow_with_the_day() -> None:
    institutions = make_institutions(30, 420100)

    def peak(records: int) -> int:
        tracemalloc.start()
        try:
            for _ in day_lines(records, institutions, DAY, 1):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    # the least of some: threads of other tests allocate too
    assert min(peak(6000) for _ in range(3)) < 1.3 * min(peak(1500) for _ in range(3))


def test_institutions_are_whole() -> None:
    rows = [json.loads(item.line(DAY)) for item in make_institutions(70, 420100)]
    assert len({row["code"] for row in rows}) == len({row["payee"]["account"] for row in rows}) == 70
    assert {row["enrolment"]["mode"] for row in rows} == {"daily", "monthly"}
    assert {row["enrolment"]["ratio"] for row in rows} == {"0.6", "0.55"}
    for row in rows:
        assert len(row["code"]) == 12
        assert len(row["payee"]["cnaps"]) == 12
        assert row["agreement_start"] < DAY.isoformat() < row["agreement_end"]
        assert row["funds"] == ([310] if row["type"] == "pharmacy" else [310, 390])


@pytest.mark.parametrize(
    ("records", "institutions", "bad"), [(0, 1, 0), (1, 0, 0), (1, 1, 501), (1, 100_000, 0)]
)
def test_sizes_out_of_range(tmp_path: Path, records: int, institutions: int, bad: int) -> None:
    with pytest.raises(InvalidInput, match=r"generate\.size"):
        generate(records, institutions, DAY, 1, tmp_path / "none", bad_per_mille=bad)
    assert not (tmp_path / "none").exists()


def test_the_smallest_day(tmp_path: Path) -> None:
    made = generate(1, 1, DAY, 1, tmp_path, bad_per_mille=0)
    assert expected_of(made)["accepted"] == 1
