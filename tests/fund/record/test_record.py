"""One record at a time: the shapes that occur, the refusals that are promised, the money to the fen."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest

from ledger.core.money import parse_ratio, share
from ledger.fund.record.codes import covers, is_out_of_region, national_codes
from ledger.fund.record.fields import DETAILS_MAX, LINE_BYTES_MAX
from ledger.fund.record.judge import IntakeRules, validate_line
from ledger.fund.record.record import Refusal, SettlementRecord

RULES = IntakeRules()
Change = Callable[[dict[str, Any], list[dict[str, Any]]], None]

# The amounts of the 2304 sample of platform-fields.md 2.1, with its fund moved to where hifp_pay shows.
INFO: dict[str, Any] = {
    "setl_id": "202610120001",
    "mdtrt_id": "M202610120001",
    "psn_no": "42010000000001",
    "psn_name": "示例",
    "certno": "000000000000000000",
    "fixmedins_code": "H42010000001",
    "insutype": "310",
    "med_type": "21",
    "clr_type": "21",
    "clr_way": "1",
    "setl_time": "2026-10-12 10:11:12",
    "poolarea_no": "420100",
    "clr_optins": "420106",
    "insu_admdvs": "420102",
    "pay_loc": "2",
    "out_flag": "0",
    "begndate": "2026-10-01",
    "enddate": "2026-10-12",
    "medins_setl_id": "H42010000001202610121011120001",
    "medfee_sumamt": "23442.46",
    "fulamt_ownpay_amt": "2533.97",
    "overlmt_selfpay": "1396.89",
    "preselfpay_amt": "703.44",
    "inscp_scp_amt": "18808.16",
    "hifp_pay": "16000.00",
    "cvlserv_pay": "0.00",
    "hifes_pay": "0.00",
    "hifmi_pay": "0.00",
    "hifob_pay": "2785.39",
    "maf_pay": "0.00",
    "oth_pay": "0.00",
    "fund_pay_sumamt": "18785.39",
    "hosp_part_amt": "505.01",
    "psn_part_amt": "4152.06",
    "acct_pay": "170.04",
    "psn_cash_pay": "3982.02",
    "balc": "12.30",
    "acct_mulaid_pay": "0.00",
}
ROWS: list[dict[str, Any]] = [
    {"fund_pay_type": "310101", "fund_payamt": "16000.00"},
    {"fund_pay_type": "330101", "fund_payamt": "2785.39"},
    {"fund_pay_type": "999996", "fund_payamt": "505.01"},
    {"fund_pay_type": "310201", "fund_payamt": "170.04"},
]


def line_of(change: Change | None = None) -> bytes:
    info, rows = dict(INFO), copy.deepcopy(ROWS)
    if change is not None:
        change(info, rows)
    return json.dumps({"setlinfo": info, "setldetail": rows}).encode()


def with_fields(**fields: Any) -> bytes:
    return line_of(lambda info, _rows: info.update(fields))


def without(*names: str) -> bytes:
    def drop(info: dict[str, Any], _rows: list[dict[str, Any]]) -> None:
        for name in names:
            del info[name]

    return line_of(drop)


def accepted(raw: bytes, rules: IntakeRules = RULES) -> SettlementRecord:
    answer = validate_line(raw, 7, rules)
    assert isinstance(answer, SettlementRecord), answer
    return answer


def refused(raw: bytes, code: str, field: str | None = None) -> Refusal:
    answer = validate_line(raw, 7, RULES)
    assert isinstance(answer, Refusal), answer
    assert answer.code == code, answer
    assert answer.line == 7
    assert answer.message.startswith("第7行")
    if field is not None:
        assert answer.field == field
        assert field in answer.message
    return answer


def test_a_record_keeps_its_money_and_drops_the_person() -> None:
    record = accepted(line_of())
    assert (record.region, record.institution, record.book) == (420100, "H42010000001", 310)
    assert (record.setl_time, record.day) == (
        datetime.fromisoformat("2026-10-12 10:11:12"),
        date(2026, 10, 12),
    )
    assert (record.term, record.year, record.is_reversal) == (202610, 2026, False)
    assert (record.begndate, record.enddate) == (date(2026, 10, 1), date(2026, 10, 12))
    assert record.amounts.medfee_sumamt == 23_442_46
    assert record.amounts.hosp_part_amt == 505_01
    assert (record.pooled_fen, record.account_fen) == (16_000_00, 170_04)
    assert record.details == "310101,,1600000,0,0;310201,,17004,0,0;330101,,278539,0,0;999996,,50501,0,0"
    assert record.warnings == ()
    assert "示例" not in repr(record)
    assert "000000000000000000" not in repr(record)


@pytest.mark.parametrize(
    ("pooled", "payable"),
    [("1234.56", 740_74), ("0.01", 1), ("333.33", 200_00), ("1.11", 67), ("-1234.56", -740_74)],
)
def test_worked_numbers_7a(pooled: str, payable: int) -> None:
    """procedure.md 7A, through the whole record: one bill that the basic fund pays in full."""
    zero = dict.fromkeys(
        [
            "fulamt_ownpay_amt",
            "overlmt_selfpay",
            "preselfpay_amt",
            "hifob_pay",
            "hosp_part_amt",
            "psn_part_amt",
            "acct_pay",
            "psn_cash_pay",
        ],
        "0",
    )
    same = dict.fromkeys(("medfee_sumamt", "inscp_scp_amt", "hifp_pay", "fund_pay_sumamt"), pooled)

    def change(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        info.update(zero | same)
        if pooled.startswith("-"):
            info.update(init_setl_id="202610110001", refd_setl_flag="1")
        rows[:] = [{"fund_pay_type": "310100", "fund_payamt": pooled}]

    record = accepted(line_of(change))
    assert record.inpatient
    assert share(record.pooled_fen, parse_ratio("0.60")) == payable
    assert share(-record.pooled_fen, parse_ratio("0.60")) == -payable


def test_the_first_four_payables_of_7a_are_summed_record_by_record() -> None:
    ratio, amounts = parse_ratio("0.6"), [123456, 1, 33333, 111]
    each = [share(fen, ratio) for fen in amounts]
    assert sum(each) == 941_42
    assert share(sum(amounts), ratio) == 941_41


@pytest.mark.fault(52)
@pytest.mark.parametrize(
    "token",
    [
        "NaN",
        "1e3",
        "１２",
        "0.005",
        "10000000000000000",
        "1e400",
        "1_000",
        "12 ",
        "+1",
        "",
        "null",
        "Infinity",
        "1,000",
    ],
)
def test_amount_text_that_is_no_amount(token: str) -> None:
    refused(with_fields(medfee_sumamt=token), "amount.format", "medfee_sumamt")


@pytest.mark.parametrize("token", ["-0", "-0.00"])
def test_negative_zero(token: str) -> None:
    refused(with_fields(maf_pay=token), "amount.negative_zero", "maf_pay")
    refused(
        with_fields().replace(b'"maf_pay": "0.00"', f'"maf_pay": {token}'.encode()), "amount.negative_zero"
    )


@pytest.mark.fault(52)
@pytest.mark.parametrize("token", ["NaN", "-Infinity", "1e3", "1E+2", "0.005", "10000000000000000", "1e400"])
def test_amount_number_that_is_no_amount(token: str) -> None:
    raw = with_fields().replace(b'"medfee_sumamt": "23442.46"', f'"medfee_sumamt": {token}'.encode())
    assert refused(raw, "amount.format", "medfee_sumamt").setl_id == "202610120001"


@pytest.mark.parametrize("token", [True, False, [], ["1"], {}, {"fen": 1}])
def test_amount_of_another_type(token: object) -> None:
    refused(with_fields(medfee_sumamt=token), "record.amount_type", "medfee_sumamt")
    refused(with_fields(balc=token), "record.amount_type", "balc")
    refused(
        line_of(lambda _info, rows: rows[1].update(fund_payamt=token)),
        "record.amount_type",
        "setldetail[1].fund_payamt",
    )


def test_a_number_too_long_for_a_float_keeps_its_fen() -> None:
    """12345678901234.67 survives a float only by luck; its text always does."""
    big, rest = "12345678901234.67", "12345678901234.66"
    raw = with_fields(
        medfee_sumamt=0, fulamt_ownpay_amt=0, overlmt_selfpay="0", preselfpay_amt="0.01", inscp_scp_amt=1,
        hifob_pay=0, fund_pay_sumamt=1, hifp_pay=1, hosp_part_amt=0, psn_part_amt="0.01", acct_pay=0,
        psn_cash_pay="0.01",
    )  # fmt: skip
    raw = raw.replace(b'"medfee_sumamt": 0', f'"medfee_sumamt": {big}'.encode())
    for name in ("inscp_scp_amt", "fund_pay_sumamt", "hifp_pay"):
        raw = raw.replace(f'"{name}": 1'.encode(), f'"{name}": {rest}'.encode())
    raw = raw[: raw.index(b'"setldetail"')] + (
        f'"setldetail": [{{"fund_pay_type": "310100", "fund_payamt": {rest}}}]}}'.encode()
    )
    record = accepted(raw)
    assert record.amounts.medfee_sumamt == 1_234_567_890_123_467
    assert record.pooled_fen == 1_234_567_890_123_466


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"medfee_sumamt": "23442.47", "inscp_scp_amt": "18808.17"}, "record.identity_1"),
        ({"psn_part_amt": "4152.05"}, "record.identity_1"),
        ({"hosp_part_amt": None}, "record.identity_1"),
        ({"hifp_pay": "15999.99"}, "record.identity_3"),
        ({"hifdm_pay": "0.01"}, "record.identity_3"),
        ({"preselfpay_amt": "703.45"}, "record.identity_4"),
        ({"hifp_pay": "16000.01", "hifob_pay": "2785.38"}, "record.identity_hifp"),
    ],
)
def test_an_identity_off_by_a_fen(fields: dict[str, Any], code: str) -> None:
    answer = refused(with_fields(**fields), code)
    if "psn_part_amt" in fields:
        assert answer.message.endswith("左边23442.46元，右边23442.45元，相差1分")


def test_fund_rows_must_add_up_to_the_fund_total() -> None:
    refused(line_of(lambda _info, rows: rows[0].update(fund_payamt="15999.99")), "record.identity_detail")
    refused(line_of(lambda _info, rows: rows.clear()), "record.identity_detail")
    refused(line_of(lambda _info, rows: rows[2].update(fund_pay_type="610100")), "record.identity_detail")


def test_999997_is_the_hospitals_share_or_another_fund_as_the_amounts_say() -> None:
    hospital = line_of(lambda _info, rows: rows[2].update(fund_pay_type="999997"))
    assert accepted(hospital).pooled_fen == 16_000_00

    def as_fund(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        info.update(hifob_pay="0", oth_pay="2785.39")
        rows[1].update(fund_pay_type="999997")

    assert accepted(line_of(as_fund)).amounts.oth_pay == 2785_39
    off = line_of(lambda _info, rows: rows[2].update(fund_pay_type="999997", fund_payamt="505.02"))
    refused(off, "record.identity_detail")


def test_identity_2_warns_and_takes_mutual_aid_both_ways() -> None:
    inside = accepted(with_fields(acct_mulaid_pay="100.00"))
    assert (inside.warnings, inside.account_fen) == ((), 70_04)

    def beside(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        info.update(acct_pay="70.04", acct_mulaid_pay="100.00")
        rows[3].update(fund_payamt="70.04")

    assert (accepted(line_of(beside)).warnings, accepted(line_of(beside)).account_fen) == ((), 70_04)
    told = accepted(line_of(beside), IntakeRules(mulaid_in_acct=True))
    assert len(told.warnings) == 1
    assert accepted(line_of(beside), IntakeRules(mulaid_in_acct=False)).warnings == ()
    assert "恒等式2" in accepted(with_fields(psn_cash_pay="3982.01")).warnings[0]


def reversal(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """The 2305 sample of platform-fields.md 2.3: three nulls, the values under other names."""
    zero = ["acct_pay", "hifp_pay", "cvlserv_pay", "hifes_pay", "hifmi_pay", "maf_pay", "oth_pay"]
    info.update(dict.fromkeys(zero, 0))
    info.update(
        setl_id="202610120009", init_setl_id="202610120001", refd_setl_flag="1",
        medfee_sumamt=-3379.26, fulamt_ownpay_amt=-956.34, overlmt_selfpay=-186.31, preselfpay_amt=-197.22,
        inscp_scp_amt=-2039.39, hifob_pay=-2039.39, fund_pay_sumamt=-2039.39, psn_cash_pay=-1307.01,
        psn_part_amt=None, hosp_part_amt=None, acct_mulaid_pay=None, psn_pay=-1307.01, ownpay_hosp_part=-32.86,
    )  # fmt: skip
    rows[:] = [
        {"fund_pay_type": "330100", "fund_payamt": -2039.39},
        {"fund_pay_type": "999997", "fund_payamt": -32.86},
    ]


def reversal_with(**fields: Any) -> bytes:
    def change(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        reversal(info, rows)
        info.update(fields)

    return line_of(change)


def test_a_reversal_with_nulls_reads_the_other_names() -> None:
    record = accepted(line_of(reversal))
    assert (record.is_reversal, record.init_setl_id, record.year) == (True, "202610120001", 0)
    assert (record.amounts.psn_part_amt, record.amounts.hosp_part_amt) == (-1307_01, -32_86)
    assert (record.amounts.medfee_sumamt, record.pooled_fen, record.warnings) == (-3379_26, 0, ())


def test_a_reversal_is_negative_throughout_and_names_its_original() -> None:
    refused(reversal_with(init_setl_id=None), "record.sign")
    refused(with_fields(init_setl_id="202610110001", refd_setl_flag="1"), "record.sign")
    refused(reversal_with(refd_setl_flag="0"), "record.reversal_flag")
    refused(with_fields(init_setl_id=INFO["setl_id"]), "record.reversal_self", "init_setl_id")

    def mixed(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        info.update(hifob_pay="2885.39", maf_pay="-100.00")
        rows[1].update(fund_payamt="2885.39")
        rows.append({"fund_pay_type": "610100", "fund_payamt": "-100.00"})

    refused(line_of(mixed), "record.sign")


def test_an_original_flagged_as_reversed_is_the_same_record() -> None:
    """2.3: the reversed original's own row is flagged 1; sent again it must be a duplicate, not other content."""
    flagged = accepted(with_fields(refd_setl_flag="1", msgid="another", vali_flag="1"))
    assert not flagged.is_reversal
    assert flagged.content_digest == accepted(line_of()).content_digest


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("insutype", "311"), ("insutype", "39902"), ("med_type", "99"), ("clr_type", "9902"), ("pay_loc", "9"),
        ("out_flag", "7"), ("setl_type", "8"), ("refd_setl_flag", "2"), ("vali_flag", "Z"),
    ],
)  # fmt: skip
def test_unknown_codes(field: str, value: str) -> None:
    assert value in refused(with_fields(**{field: value}), "record.unknown_code", field).message


def test_known_codes_that_are_not_ours() -> None:
    refused(with_fields(insutype="340"), "record.insutype_not_ours", "insutype")
    refused(with_fields(med_type="61"), "record.med_type_not_ours", "med_type")
    refused(with_fields(pay_loc="1"), "record.paid_to_person", "pay_loc")
    refused(with_fields(setl_type="1"), "record.paid_to_person")
    refused(with_fields(vali_flag="0"), "record.not_valid", "vali_flag")
    refused(with_fields(insutype="390"), "record.book_mismatch", "setldetail")


@pytest.mark.parametrize("code", ["888800", "3101", "3101001", None, 5, True, ["310100"]])
def test_unknown_fund_row(code: object) -> None:
    answer = refused(
        line_of(lambda _i, rows: rows[1].update(fund_pay_type=code)),
        "record.field_missing" if code is None else "record.unknown_code",
    )
    assert answer.field == "setldetail[1].fund_pay_type"


@pytest.mark.parametrize(
    "name",
    [
        "setl_id",
        "mdtrt_id",
        "psn_no",
        "fixmedins_code",
        "insutype",
        "med_type",
        "clr_type",
        "setl_time",
        "medfee_sumamt",
        "hifp_pay",
        "fund_pay_sumamt",
        "inscp_scp_amt",
        "oth_pay",
        "acct_pay",
        "psn_cash_pay",
    ],
)
def test_what_must_be_there(name: str) -> None:
    refused(without(name), "record.field_missing", name)
    refused(with_fields(**{name: None}), "record.field_missing", name)


def test_what_may_be_absent() -> None:
    names = (
        "balc",
        "acct_mulaid_pay",
        "poolarea_no",
        "insu_admdvs",
        "pay_loc",
        "out_flag",
        "begndate",
        "enddate",
    )
    record = accepted(without(*names))
    assert (record.region, record.pay_loc, record.out_flag) == (420106, "2", "0")
    assert (record.begndate, record.enddate, record.amounts.balc) == (None, None, 0)
    assert accepted(with_fields(**dict.fromkeys(names))).content_digest == record.content_digest
    refused(without("poolarea_no", "clr_optins"), "record.field_missing", "poolarea_no")


def test_other_names_for_the_same_amount() -> None:
    def rename(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        pairs = {
            "inscp_scp_amt": "inscp_amt",
            "oth_pay": "othfund_pay",
            "psn_part_amt": "psn_pay",
            "psn_cash_pay": "cash_payamt",
            "hosp_part_amt": "ownpay_hosp_part",
        }
        for name, alias in pairs.items():
            info[alias] = info.pop(name)

    assert accepted(line_of(rename)).content_digest == accepted(line_of()).content_digest
    both = with_fields(ownpay_hosp_part="0.00")
    assert accepted(both).amounts.hosp_part_amt == 505_01


@pytest.mark.fault(46)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("setl_id", "x" * 31), ("setl_id", "a|b"), ("setl_id", "a\u0000b"), ("psn_no", "1\n2"), ("psn_no", "\ud800"),
        ("mdtrt_id", "１２"), ("fixmedins_code", "42010000001"), ("poolarea_no", "4201"), ("clr_optins", "04201a"),
        ("setl_time", "2026-10-12"), ("setl_time", "2026-13-12 10:00:00"), ("setl_time", "2026-10-12T10:00:00"),
        ("setl_time", "2026-02-29 10:00:00"), ("begndate", "2026-02-30"), ("enddate", "20261012"), ("year", "26"),
        ("insutype", ["310"]), ("setl_id", True), ("clr_way", False), ("msgid", {}),
    ],
)  # fmt: skip
def test_malformed_text(field: str, value: object) -> None:
    raw = json.dumps({"setlinfo": INFO | {field: value}, "setldetail": ROWS}).encode()
    refused(raw, "record.field_format", field)


def test_a_stay_does_not_run_backwards() -> None:
    refused(with_fields(begndate="2026-10-13"), "record.dates", "begndate")
    assert "年度2025" in accepted(with_fields(year="2025")).warnings[0]


def test_answers_of_the_platform_are_unwrapped() -> None:
    body = json.loads(line_of())
    for success in (0, "0"):
        raw = json.dumps({"infcode": success, "output": body}).encode()
        assert accepted(raw).content_digest == accepted(line_of()).content_digest
    for failure in (-1, "-1", None, True, [0]):
        refused(json.dumps({"infcode": failure, "output": body}).encode(), "record.infcode", "infcode")
    refused(json.dumps({"output": body}).encode(), "record.infcode")


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"1",
        b'"x"',
        b"null",
        b"{}",
        b'{"setlinfo": []}',
        b'{"infcode": 0, "output": 3}',
        b'{"setlinfo": {}, "setldetail": {}}',
        b'{"infcode": 0, "output": {"setlinfo": null}}',
    ],
)
def test_other_shapes(raw: bytes) -> None:
    refused(raw, "record.shape")


def test_rows_that_are_no_rows() -> None:
    refused(line_of(lambda _i, rows: rows.append(None)), "record.shape", "setldetail[4]")  # type: ignore[arg-type]  # a null among the rows
    refused(line_of(lambda _i, rows: rows.extend(rows[:1] * DETAILS_MAX)), "record.details_too_many")
    refused(
        line_of(lambda _i, rows: rows[0].pop("fund_payamt")),
        "record.field_missing",
        "setldetail[0].fund_payamt",
    )


@pytest.mark.fault(52)
def test_repeated_keys_anywhere() -> None:
    raw = line_of()
    for spoilt in (
        raw.replace(b'"setl_id"', b'"acct_pay": "170.04", "setl_id"', 1),
        raw.replace(b'"fund_payamt": "505.01"', b'"fund_payamt": "505.01", "fund_payamt" : "505.01"'),
        raw.replace(b'"setl_id"', b'"\\u0061cct_pay": "170.04", "setl_id"', 1),
        b'{"setlinfo":{},' + raw[1:],
    ):
        assert spoilt != raw
        refused(spoilt, "record.duplicate_key")


def test_bytes_that_are_no_record() -> None:
    chinese = json.dumps(json.loads(line_of()), ensure_ascii=False)
    assert accepted(chinese.encode("utf-8")) == accepted(line_of())
    refused(chinese.encode("gb18030"), "record.encoding")
    refused(b"\xef\xbb\xbf" + line_of(), "record.json")
    refused(line_of()[:-40], "record.json")
    refused(b"", "record.json")
    refused(b"[" * 60_000, "record.json")
    refused(line_of() + b" {}", "record.json")


def test_a_line_too_long_is_not_parsed_but_named() -> None:
    answer = refused(with_fields(exp_content="x" * LINE_BYTES_MAX), "record.too_long")
    assert answer.setl_id == "202610120001"
    fits = with_fields(exp_content="")
    fits = fits.replace(
        b'"exp_content": ""', b'"exp_content": "' + b"x" * (LINE_BYTES_MAX - len(fits)) + b'"'
    )
    assert len(fits) == LINE_BYTES_MAX
    accepted(fits)


@pytest.mark.parametrize(
    "fields",
    [{"pay_loc": "3"}, {"pay_loc": "4"}, {"out_flag": "1"}, {"out_flag": "2"}, {"insu_admdvs": "500103"}],
)
def test_somebody_elses_patient_brings_no_money_here(fields: dict[str, str]) -> None:
    record = accepted(with_fields(**fields))
    assert record.out_of_region
    assert (record.pooled_fen, record.account_fen) == (0, 0)
    assert record.amounts.hifp_pay == 16_000_00


def test_a_row_from_another_regions_fund_makes_it_out_of_region() -> None:
    def change(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        info.update(hifp_pay="0", hifob_pay="0", oth_pay="18785.39")
        rows[0:2] = [{"fund_pay_type": "910100", "fund_payamt": "18785.39"}]

    assert accepted(line_of(change)).out_of_region


@pytest.mark.parametrize(
    ("region", "place", "inside"),
    [
        ("420100", "420102", True), ("420100", "420199", True), ("420100", "420202", False),
        ("420000", "420202", True),
        ("420199", "420102", True), ("420000", "410100", False), ("429004", "429004", True),
        ("429004", "429005", False), ("429900", "429900", True), ("420100", "429900", False),
    ],
)  # fmt: skip
def test_where_a_pooling_region_ends(region: str, place: str, inside: bool) -> None:
    assert covers(region, place) is inside
    assert is_out_of_region("2", "0", region, place) is not inside


@pytest.mark.parametrize(
    ("insutype", "field", "code"),
    [("510", "oth_pay", "510100"), ("310", "oth_pay", "310103"), ("310", "hifp_pay", "310103"), ("390", "hifp_pay", "390100")],
)  # fmt: skip
def test_maternity_money_belongs_to_its_book(insutype: str, field: str, code: str) -> None:
    def change(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        info.update(insutype=insutype, med_type="52", hifp_pay="0", hifob_pay="0")
        info[field] = "18785.39"
        rows[0:2] = [{"fund_pay_type": code, "fund_payamt": "18785.39"}]

    record = accepted(line_of(change))
    assert (record.category, record.inpatient, record.pooled_fen) == ("maternity", True, 18_785_39)
    assert record.account_fen == (0 if insutype == "390" else 170_04)


def test_residents_layers_stay_apart() -> None:
    """8(c): 390100 + 390200 + 610100; only the basic fund is this book's."""

    def change(info: dict[str, Any], rows: list[dict[str, Any]]) -> None:
        info.update(insutype="390", hifob_pay="0", hifmi_pay="2000.00", maf_pay="785.39")
        rows[0:2] = [
            {"fund_pay_type": "390101", "fund_payamt": 16000},
            {"fund_pay_type": "390200", "fund_payamt": 2000.0},
            {"fund_pay_type": "610102", "fund_payamt": "785.390"},
        ]

    assert accepted(line_of(change)).pooled_fen == 16_000_00


def test_dictionaries_say_what_the_documents_say() -> None:
    codes = national_codes()
    inpatient = {code for code, kind in codes.med_type.items() if kind.inpatient}
    assert {"21", "22", "23", "52"} <= inpatient
    assert not inpatient & {"11", "12", "13", "14", "15", "41", "51", "53"}
    assert {code for code, book in codes.insutype.items() if book == 310} == {"310", "510"}
    assert {code for code, book in codes.insutype.items() if book == 390} == {"390", "391"}
    assert codes.fund_pay_type["310199"].book == 310
    assert codes.fund_pay_type["310103"].fields == ("hifp_pay", "oth_pay")
    assert "999995" not in codes.fund_pay_type


@pytest.mark.parametrize("tail", [False, 0.5, "31 01", "3101011", []])
def test_malformed_pooling_type(tail: object) -> None:
    raw = line_of(lambda _i, rows: rows[0].update(poolarea_fund_pay_type=tail))
    refused(raw, "record.field_format", "setldetail[0].poolarea_fund_pay_type")


def test_the_regions_own_fund_code_is_kept() -> None:
    record = accepted(line_of(lambda _i, rows: rows[0].update(poolarea_fund_pay_type="310101")))
    assert record.details.startswith("310101,310101,1600000,0,0;")
    assert record.content_digest != accepted(line_of()).content_digest


@pytest.mark.fault(58)
@pytest.mark.parametrize("nasty", ["a\r\nlevel=info paid", "\u001b[31mred", "\ud800", "\u0000", "\u202e"])
def test_refusals_are_one_printable_line(nasty: str) -> None:
    for raw in (
        with_fields(medfee_sumamt=nasty),
        line_of(lambda _i, rows: rows[0].update(fund_pay_type=nasty)),
        line_of().replace(
            b'"setl_id"', f"{json.dumps(nasty)}: 1, {json.dumps(nasty)}: 2, ".encode() + b'"setl_id"', 1
        ),
        json.dumps({"infcode": nasty, "output": {}}).encode(),
    ):
        answer = validate_line(raw, 7, RULES)
        assert isinstance(answer, Refusal)
        assert (answer.message + answer.field).isprintable()
