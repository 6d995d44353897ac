"""The quick reader says what the full judge says, of whatever comes; and what senders write every day it does take."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.fund.classify import FundRow, national_codes
from ledger.fund.generate import day_lines
from ledger.fund.generate_institutions import make_institutions
from ledger.fund.outcome import Gist, gist
from ledger.fund.plain import LineReader
from ledger.fund.record import Refusal
from ledger.fund.validate import IntakeRules, validate_line

RULES = IntakeRules()
LINES = [
    line.content
    for line in day_lines(3_000, make_institutions(40, 420100), date(2026, 10, 12), seed=8, bad_per_mille=100)
]
READER = LineReader(RULES)


def judged(raw: bytes, number: int, rules: IntakeRules = RULES) -> Gist | Refusal:
    result = validate_line(raw, number, rules)
    return result if isinstance(result, Refusal) else gist(result)


def test_every_generated_line_reads_the_same_and_every_good_one_is_plain() -> None:
    reader = LineReader(RULES)
    refused = 0
    for number, raw in enumerate(LINES, 1):
        expected = judged(raw, number)
        assert reader.read(raw, number) == expected
        assert reader.plain(raw) == (None if isinstance(expected, Refusal) else expected)
        refused += isinstance(expected, Refusal)
    assert refused > 100


_SPOILS: list[tuple[bytes, bytes]] = [
    (rb'"hifes_pay":', rb'"hifes_pay" :'),
    (rb'"hifes_pay":', b'"hifes_pay"\t: '),
    (rb'"hifes_pay":', b"x"),
    (rb'"setlinfo":\{', rb'"setlinfo":{"medfee_sumamt":"0.01",'),
    (rb'"setlinfo":\{', rb'"setlinfo":{"setl_time" :"2026-10-12 01:02:03",'),
    (rb'"setlinfo":\{', rb'"setlinfo":{"more":{"a":1,"a":2},'),
    (rb'"setlinfo":\{', rb'"setlinfo":{"more":{"a":1},"list":[{"b":[]}],'),
    (rb'"setldetail":\[\{', rb'"setldetail":[{"fund_payamt" :"1.00",'),
    (rb'"setldetail":\[\{', rb'"setldetail":[{"poolarea_fund_pay_type":"A1",'),
    (rb'"setldetail":\[\{', rb'"setldetail":[{"poolarea_fund_pay_type":1,'),
    (rb'"psn_name":"[^"]*"', rb'"psn_name":"a\":b"'),
    (rb'"psn_name":"[^"]*"', rb'"psn_name":"a:b:\u003ac"'),
    (rb'"psn_name":"[^"]*"', rb'"psn_name":"a: b"'),
    (rb'"setl_id":"', rb'"setl_id":"A:B:'),
    (rb'"setl_id":"[^"]*"', rb'"setl_id":12345'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":-0'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":-0.00'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":0'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":false'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":0e0'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":"0.00|0.00"'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":"0.000.00"'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":"00.00"'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":""'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":18446744073709551616'),
    (rb'"hifes_pay":"?0[.0]*"?', rb'"hifes_pay":{"a":[]}'),
    (rb'"year":"2026"', rb'"year":2026'),
    (rb'"year":"2026"', rb'"year":"2025"'),
    (rb'"begndate":"[^"]*"', rb'"begndate":"2026-10-13"'),
    (rb'"begndate":"[^"]*"', rb'"begndate":"2026-02-30"'),
    (rb'"begndate":"[^"]*"', rb'"begndate":"20261012"'),
    (rb'"begndate":"[^"]*"', rb'"begndate":20261012'),
    (rb'"begndate":"[^"]*"', rb'"begndate":[]'),
    (rb'"setl_time":"([^"]*)"', rb'"setl_time":"2026-02-30 00:00:00"'),
    (rb'"setl_time":"([^"]*)"', rb'"setl_time":"2026-10-12 24:00:00"'),
    (rb'"setl_time":"([^"]*)"', rb'"setl_time":"2026-10-12T00:00:00"'),
    (rb'"setl_time":"([^"]*)"', rb'"setl_time":null'),
    (rb'"clr_type":"[^"]*"', rb'"clr_type":["11"]'),
    (rb'"vali_flag":"1"', rb'"vali_flag":"0"'),
    (rb'"refd_setl_flag":"[^"]*"', rb'"refd_setl_flag":"0"'),
    (rb'"init_setl_id":null', rb'"init_setl_id":"X1"'),
    (rb'"poolarea_no":"420100"', rb'"poolarea_no":null'),
    (rb'"out_flag":"[^"]*"', rb'"out_flag":"1"'),
    (rb'"infcode":0', rb'"infcode":0.0'),
    (rb'"infcode":0', rb'"infcode":false'),
    (rb'"infcode":0', rb'"infcode":-0'),
    (rb'"infcode":0', rb'"infcode":"0"'),
    (rb'"infcode":0', rb'"infcode":-1'),
    (rb'"setldetail":\[.*?\]', rb'"setldetail":null'),
    (rb'"setldetail":\[.*?\]', rb'"setldetail":[]'),
    (rb'"setldetail":\[.*?\]', rb'"setldetail":{}'),
    (rb"^\{", b"\xef\xbb\xbf{"),
    (rb"\}$", b"} x"),
    (rb"\}$", b"}\r"),
    (rb"^\{", b" \t{"),
    (rb"^\{", b"\x0b{"),
    (rb'"psn_name":"[^"]*"', b'"psn_name":"\xff"'),
    (rb'"psn_name":"[^"]*"', b'"psn_name":"\x01"'),
    (rb'"psn_name":"[^"]*"', b'"psn_name":"\xed\xa0\x80"'),
    (rb'"psn_name":"[^"]*"', rb'"psn_name":"\ud800"'),
    (rb'"psn_name":"[^"]*"', b'"psn_name":' + b"[" * 3_000 + b"]" * 3_000),
    (rb'"psn_name":"[^"]*"', b'"psn_name":' + b"9" * 5_000),
]


def spoilt(raw: bytes, pattern: bytes, value: bytes) -> bytes:
    return re.sub(pattern, lambda _found: value, raw, count=1)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(LINES), st.lists(st.sampled_from(_SPOILS), min_size=1, max_size=3), st.integers(1, 10**9)
)
def test_an_unusual_line_reads_the_same(raw: bytes, spoils: list[tuple[bytes, bytes]], number: int) -> None:
    for pattern, value in spoils:
        raw = spoilt(raw, pattern, value)
    assert READER.read(raw, number) == judged(raw, number)


@pytest.mark.parametrize("spoil", _SPOILS, ids=range(len(_SPOILS)))
def test_each_spoil_in_each_dialect_reads_the_same(spoil: tuple[bytes, bytes]) -> None:
    pattern, value = spoil
    meant = [raw for raw in LINES if re.search(pattern, raw)]
    assert meant
    for raw in [*meant[:40], *[raw for raw in meant if b'"init_setl_id":"' in raw][:20]]:
        new = spoilt(raw, pattern, value)
        assert READER.read(new, 1) == judged(new, 1)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(LINES), st.integers(0, 2_000), st.binary(max_size=3), st.integers(0, 3))
def test_a_damaged_line_reads_the_same(raw: bytes, place: int, put: bytes, drop: int) -> None:
    place %= len(raw)
    raw = raw[:place] + put + raw[place + drop :]
    assert READER.read(raw, 1) == judged(raw, 1)


def test_a_sender_whose_ids_hold_colons_is_still_quick_and_still_guarded() -> None:
    raw = next(line for line in LINES if READER.plain(line) is not None and b"output" not in line)
    named = raw.replace(b'"setl_id":"', b'"setl_id":"P:1:', 1)
    assert READER.plain(named) == judged(named, 1)
    twice = named.replace(b'"setlinfo":{', b'"setlinfo":{"hifp_pay" :"0.01",', 1)
    assert READER.plain(twice) is None
    assert READER.read(twice, 3) == judged(twice, 3)


def test_a_dictionary_of_the_region_holds_from_its_day() -> None:
    national = national_codes()
    own = replace(
        national,
        fund_pay_type={**national.fund_pay_type, "880101": FundRow("account", ("acct_pay",), 0)},
    )
    rules = IntakeRules(regional={"420100": [("2026-10-12", own)]})
    reader = LineReader(rules)

    def with_row(document: Any, day: str) -> bytes:
        document["setlinfo"]["setl_time"] = f"{day} 08:00:00"
        document["setldetail"].append({"fund_pay_type": "880101", "fund_payamt": "0.00"})
        return json.dumps(document, separators=(",", ":")).encode()

    good = next(line for line in LINES if READER.plain(line) is not None and line.startswith(b'{"setlinfo"'))
    for day, taken in (("2026-10-12", True), ("2026-10-11", False), ("2026-10-13", True)):
        raw = with_row(json.loads(good, parse_float=str, parse_int=str), day)
        answer = reader.read(raw, 1)
        assert answer == judged(raw, 1, rules)
        assert isinstance(answer, Gist) == taken


def test_the_memory_of_a_reader_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.fund.plain.REMEMBERED_MAX", 8)
    reader = LineReader(RULES)
    raw = next(line for line in LINES if READER.plain(line) is not None)
    for level in range(30):
        other = re.sub(rb'"hosp_lv":"[^"]*"', f'"hosp_lv":"{level:02d}"'.encode(), raw)
        assert reader.plain(other) == judged(other, 1)
    assert len(reader._kinds) <= 8
