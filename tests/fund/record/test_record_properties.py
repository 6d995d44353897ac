"""What holds for every good record: spelling does not matter, a fen does."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.core.money import parse_fen, yuan
from ledger.fund.record.amount_tokens import REMEMBERED_MAX, FenOf
from ledger.fund.record.decode import decode_exact
from ledger.fund.record.fields import ALIASES, FUND_FIELDS
from ledger.fund.record.judge import IntakeRules, validate_line
from ledger.fund.record.record import Amounts, Refusal, SettlementRecord
from ledger.simulation.platform.day import day_lines
from ledger.simulation.platform.institutions import make_institutions

RULES = IntakeRules()
GOOD = [
    line.content
    for line in day_lines(1200, make_institutions(40, 420100), date(2026, 10, 12), seed=5, bad_per_mille=0)
]
GUARDED = (
    "medfee_sumamt",
    "fulamt_ownpay_amt",
    "overlmt_selfpay",
    "preselfpay_amt",
    "inscp_scp_amt",
    "fund_pay_sumamt",
    "hosp_part_amt",
    "psn_part_amt",
    *FUND_FIELDS,
)
MONEY = frozenset(Amounts._fields) | {alias for names in ALIASES.values() for alias in names}
ROW_MONEY = frozenset({"fund_payamt", "inscp_scp_amt", "crt_payb_lmt_amt"})


class Raw(str):
    """Text that stands in JSON without quotes: a number in a chosen spelling."""


def accepted(raw: bytes) -> SettlementRecord:
    answer = validate_line(raw, 1, RULES)
    assert isinstance(answer, SettlementRecord), answer
    return answer


def spell(draw: Any, text: str) -> object:
    """Another spelling of the same amount: string or number, with more or fewer zeros."""
    fen = parse_fen(text)
    plain = yuan(fen)
    short = plain.rstrip("0").rstrip(".") if fen else "0"
    return draw(st.sampled_from([plain, short, plain + "000", Raw(plain), Raw(short), Raw(plain + "0")]))


def shuffled(draw: Any, pairs: dict[str, Any]) -> dict[str, Any]:
    return dict(draw(st.permutations(list(pairs.items()))))


def respell(draw: Any, info: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {
        name: spell(draw, value) if name in names and value is not None else value
        for name, value in info.items()
    }


def dumps(document: object, space: str) -> str:
    if isinstance(document, Raw):
        return str(document)
    if isinstance(document, dict):
        pairs = (f"{json.dumps(key)}{space}:{space}{dumps(value, space)}" for key, value in document.items())
        return "{" + f"{space},{space}".join(pairs) + "}"
    if isinstance(document, list):
        return "[" + f"{space},".join(dumps(item, space) for item in document) + "]"
    return json.dumps(document)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(GOOD))
def test_spelling_and_order_do_not_change_a_record(data: st.DataObject, raw: bytes) -> None:
    document = decode_exact(raw)
    inner = document.get("output", document)
    info = shuffled(data.draw, respell(data.draw, inner["setlinfo"], MONEY))
    rows = data.draw(st.permutations([respell(data.draw, row, ROW_MONEY) for row in inner["setldetail"]]))
    rows = [shuffled(data.draw, row) for row in rows]
    again = shuffled(data.draw, {"setlinfo": info | {"extra_key": ["ignored"]}, "setldetail": list(rows)})
    text = dumps(again, data.draw(st.sampled_from(["", " ", "\t", "  "])))
    assert accepted(text.encode()) == accepted(raw)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(GOOD), st.sampled_from(GUARDED), st.sampled_from([-1, 1]))
def test_a_fen_more_or_less_in_an_identity_is_refused(raw: bytes, name: str, fen: int) -> None:
    document = decode_exact(raw)
    info = document.get("output", document)["setlinfo"]
    before = getattr(accepted(raw).amounts, name)
    info[name] = yuan(before + fen)
    answer = validate_line(json.dumps(document).encode(), 1, RULES)
    assert isinstance(answer, Refusal)
    assert answer.code.startswith("record.identity_") or answer.code == "record.sign"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([raw for raw in GOOD if b'"fund_payamt"' in raw]), st.data())
def test_a_fen_in_a_fund_row_is_refused_and_in_another_row_seen(raw: bytes, data: st.DataObject) -> None:
    document = decode_exact(raw)
    row = data.draw(st.sampled_from(document.get("output", document)["setldetail"]))
    row["fund_payamt"] = yuan(parse_fen(row["fund_payamt"]) + data.draw(st.sampled_from([-1, 1])))
    answer = validate_line(json.dumps(document).encode(), 1, RULES)
    if row["fund_pay_type"] in {"310201", "999996"}:
        assert isinstance(answer, SettlementRecord)
        assert len(answer.warnings) == 1
    else:
        assert isinstance(answer, Refusal)
        assert answer.code.startswith("record.identity_")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(GOOD), st.sampled_from(["balc", "acct_pay", "clr_way", "psn_no", "setl_time", "mdtrt_id"])
)
def test_other_content_has_another_digest(raw: bytes, name: str) -> None:
    document = decode_exact(raw)
    info = document.get("output", document)["setlinfo"]
    old = info.get(name)
    info[name] = {"clr_way": "9", "setl_time": "2026-10-12 23:59:59"}.get(name) or (
        yuan(parse_fen(old or "0") + (1 if info.get("init_setl_id") is None else -1))
        if name in MONEY
        else f"{old}9"
    )
    assert accepted(json.dumps(document).encode()).content_digest != accepted(raw).content_digest


@given(st.one_of(st.text(max_size=24), st.from_regex(r"-?[0-9]{1,16}(\.[0-9]{1,4})?", fullmatch=True)))
def test_the_remembering_reader_answers_as_parse_fen(token: str) -> None:
    def outcome(read: Any) -> object:
        try:
            return read(token)
        except Exception as error:  # noqa: BLE001 the kind of refusal is what is compared
            return type(error), str(error)

    memory = FenOf()
    assert outcome(memory.__getitem__) == outcome(parse_fen) == outcome(memory.__getitem__)


def test_the_memory_of_amounts_stays_small() -> None:
    memory = FenOf()
    for fen in range(3 * REMEMBERED_MAX):
        assert memory[f"{fen // 100}.{fen % 100:02d}"] == fen
        assert len(memory) <= REMEMBERED_MAX + 1
    assert memory[None] == 0
    long = "1." + "0" * 1000
    assert memory[long] == 100
    assert long not in memory


@given(st.decimals(min_value=-(10**14) + 1, max_value=10**14 - 1, places=2))
def test_any_amount_survives_as_string_and_as_number(amount: Decimal) -> None:
    text = f"{amount:f}"
    assume(not (amount == 0 and text.startswith("-")))
    document = decode_exact(f'[{text}, "{text}"]'.encode())
    assert document[0] == document[1] == text
    assert Decimal(parse_fen(text)).scaleb(-2) == amount
