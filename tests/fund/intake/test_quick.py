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

from ledger.core.money import yuan
from ledger.fund.intake.quick import LineReader
from ledger.fund.intake.values import Gist, Owed, gist
from ledger.fund.record.codes import FundRow, national_codes
from ledger.fund.record.fields import MONEY_NAMES
from ledger.fund.record.judge import IntakeRules, validate_line
from ledger.fund.record.record import Refusal
from ledger.simulation.platform.day import day_lines
from ledger.simulation.platform.institutions import make_institutions

RULES = IntakeRules()
LINES = [
    line.content
    for line in day_lines(3_000, make_institutions(40, 420100), date(2026, 10, 12), seed=8, bad_per_mille=100)
]
READER = LineReader(RULES)


def judged(raw: bytes, number: int, rules: IntakeRules = RULES) -> Gist | Refusal:
    result = validate_line(raw, number, rules)
    return result if isinstance(result, Refusal) else gist(result, number)


def test_every_generated_line_reads_the_same_and_every_good_one_is_plain() -> None:
    reader = LineReader(RULES)
    refused = 0
    for number, raw in enumerate(LINES, 1):
        expected = judged(raw, number)
        assert reader.read(raw, number) == expected
        assert reader.plain(raw, number) == (None if isinstance(expected, Refusal) else expected)
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


_TOKENS = (
    b"0", b"-0", b"5", b"-5", b"-0.0", b"-0.00", b"398.9", b"398.90", b"398.900", b"398.905", b"-398.9", b"0.0", b".5", b"5.",
    b"05", b"1e2", b"true", b"null", b"[]", b"{}", b'"0"', b'"-0"', b'"5"', b'"398.9"', b'"-398.9"', b'"398.900"', b'"5."',
    b'".5"', b'"05"', b'" 5"', b'"+5"', b'""', b'"|"', b'"5|"', b'"|5"', b'"5|5"', b'"5.00|5.00"', b'"5.0|5.0"', b'"0.00|0.00"',
    b'"1.2.3"', b'"1.2.30"', '"５.00"'.encode(), b'"NaN"', b"99999999999999", b"99999999999999.9", b"100000000000000",
    b'"99999999999999.99"', b'"100000000000000.00"', b"9" * 30, b'"' + b"0" * 30 + b'.00"', b'"1.' + b"0" * 30 + b'"',
)  # fmt: skip
"""Amounts as senders spell them, rightly and wrongly."""
_MONEY_PLACES = (
    "medfee_sumamt",
    "hifes_pay",
    "hifp_pay",
    "balc",
    "psn_part_amt",
    "acct_mulaid_pay",
    "fund_payamt",
    "inscp_scp_amt",
)


@pytest.mark.parametrize("name", _MONEY_PLACES)
def test_an_amount_reads_the_same_however_it_is_spelt_wherever_it_stands(name: str) -> None:
    """In the record and (`fund_payamt`, the last `inscp_scp_amt`) in its rows; beside amounts of text and of numbers."""
    amount = re.compile(rf'("{name}":)(?:"[^"]*"|[^",}}]*)'.encode())
    texts = [raw for raw in LINES if amount.search(raw) and isinstance(judged(raw, 1), Gist)]
    numbers = [raw for raw in texts if b'"medfee_sumamt":"' not in raw]
    assert texts
    assert numbers
    for raw in (*texts[:3], *numbers[:3]):
        found = list(amount.finditer(raw))
        for place in {found[0].span(), found[-1].span()}:
            for token in _TOKENS:
                new = raw[: place[0]] + f'"{name}":'.encode() + token + raw[place[1] :]
                assert READER.read(new, 9) == judged(new, 9), new


def _in_numbers(document: Any, spell: Any) -> bytes:
    """A bill that the basic fund and cash pay, all money spelt by `spell` (of yuan)."""
    info = {name: value for name, value in document["setlinfo"].items() if name not in MONEY_NAMES}
    paid, cash = 39_890, 10_010
    money = dict.fromkeys(MONEY_NAMES, 0) | {
        "medfee_sumamt": paid + cash, "inscp_scp_amt": paid + cash, "hifp_pay": paid, "fund_pay_sumamt": paid,
        "psn_part_amt": cash, "psn_cash_pay": cash, "balc": 50_000,
    }  # fmt: skip
    info |= {name: f"@{spell(fen)}@" for name, fen in money.items()}
    rows = [{"fund_pay_type": "310101", "fund_payamt": f"@{spell(paid)}@"}]
    text = json.dumps({"setlinfo": info, "setldetail": rows}, separators=(",", ":"))
    return text.replace('"@', "").replace('@"', "").encode()


@pytest.mark.parametrize(
    "spell",
    [
        yuan,
        lambda fen: yuan(fen).rstrip("0").rstrip("."),
        lambda fen: yuan(fen)[:-1],
        lambda fen: f"{yuan(fen)}000",
    ],
    ids=["two", "shortest", "one", "five"],
)
def test_numbers_of_any_decimals_are_plain_and_the_same_record(bill: Any, spell: Any) -> None:
    """398.90, 398.9 and 398.90000; 0.00 and 0; 500.00 and 500: one record, read quickly."""
    document = bill("S1")
    usual, other = _in_numbers(document, yuan), _in_numbers(document, spell)
    taken = READER.plain(other, 4)
    assert isinstance(taken, Gist)
    assert taken == judged(other, 4) == judged(usual, 4)
    assert (taken.line, taken.medfee_fen, taken.pooled_fen) == (4, 49_900, 39_890)


def test_a_gist_gives_back_what_the_judge_said_of_its_record() -> None:
    """Its row is the judge's record field by field, its digest that of the canonical text."""
    for number, raw in enumerate(LINES[:300], 1):
        record, read = validate_line(raw, number, RULES), READER.read(raw, number)
        if isinstance(record, Refusal):
            continue
        assert isinstance(read, Gist)
        assert "|".join(read.fields) == record.canonical
        assert read.content_digest == record.content_digest
        assert (read.pooled_fen, read.fund_fen) == (record.pooled_fen, record.pooled_fen + record.account_fen)
        owed = read.row.split("\t")[: len(Owed._fields)]
        assert owed == [
            str(number), str(record.book), str(record.year), str(record.term), record.category, "t" if record.inpatient else "f",
            record.day.isoformat(), str(record.pooled_fen), str(record.account_fen),
        ]  # fmt: skip


def test_a_sender_whose_ids_hold_colons_is_still_quick_and_still_guarded() -> None:
    raw = next(line for line in LINES if READER.plain(line, 1) is not None and b"output" not in line)
    named = raw.replace(b'"setl_id":"', b'"setl_id":"P:1:', 1)
    assert READER.plain(named, 1) == judged(named, 1)
    twice = named.replace(b'"setlinfo":{', b'"setlinfo":{"hifp_pay" :"0.01",', 1)
    assert READER.plain(twice, 3) is None
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

    good = next(
        line for line in LINES if READER.plain(line, 1) is not None and line.startswith(b'{"setlinfo"')
    )
    for day, taken in (("2026-10-12", True), ("2026-10-11", False), ("2026-10-13", True)):
        raw = with_row(json.loads(good, parse_float=str, parse_int=str), day)
        answer = reader.read(raw, 1)
        assert answer == judged(raw, 1, rules)
        assert isinstance(answer, Gist) == taken


def test_the_memory_of_a_reader_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.fund.intake.quick.REMEMBERED_MAX", 8)
    reader = LineReader(RULES)
    raw = next(line for line in LINES if READER.plain(line, 1) is not None)
    for level in range(30):
        other = re.sub(rb'"hosp_lv":"[^"]*"', f'"hosp_lv":"{level:02d}"'.encode(), raw)
        assert reader.plain(other, 1) == judged(other, 1)
    assert len(reader._kinds) <= 8
