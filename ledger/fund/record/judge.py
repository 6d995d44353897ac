"""One JSON line or API object of the platform's 2304 shape → a settlement record, or the reason why not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from ledger.core.errors import InvalidInput
from ledger.core.masking import masked_numbers
from ledger.core.money import yuan
from ledger.core.text import one_line
from ledger.fund.record.amount_tokens import fen_of, read_amount
from ledger.fund.record.codes import Codes, MedicalType, is_out_of_region, national_codes, own_account_fen
from ledger.fund.record.decode import Json, decode_exact
from ledger.fund.record.details import RowSums, sum_rows
from ledger.fund.record.fields import (
    ALIASES,
    DEFAULTS,
    HEAD,
    LINE_BYTES_MAX,
    MONEY_FORMAT,
    MONEY_NAMES,
    MONEY_OPTIONAL,
    SEPARATOR,
    STATE_MARKS,
    TEXT_FIELDS,
    TEXT_NAMES,
)
from ledger.fund.record.identities import check_amounts, check_rows, check_signs, mulaid_inside
from ledger.fund.record.record import Amounts, Refusal, SettlementRecord

_SUCCESS: Final = "0"
_KNOWN_ID: Final = re.compile(rb'"setl_id"\s*:\s*"?([0-9A-Za-z_.:-]{1,30})\b')
_KNOWN_CONSTANT: Final = re.compile(rb'"([0-9A-Za-z_]{1,40})"\s*:\s*-?(?:NaN|Infinity)')


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """What a region may set: its dictionaries, and whether 共济 money is inside acct_pay (None = not known)."""

    codes: Codes = field(default_factory=national_codes)
    mulaid_in_acct: bool | None = None
    regional: Mapping[str, Sequence[tuple[str, Codes]]] = field(default_factory=dict)
    """Regions with fund_pay_types of their own: their dictionaries by the first day (ISO) each holds, latest first."""
    today: date | None = None
    """The business date of the intake; without one only the database's own bound holds (fund.check_records)."""

    @property
    def latest(self) -> str:
        """The last day (ISO) a settlement or a discharge may bear: the day after `today`, because clocks differ."""
        return "9999-12-31" if self.today is None else (self.today + timedelta(days=1)).isoformat()

    def codes_of(self, region: str, moment: str) -> Codes:
        """The dictionaries of a region at a moment (`setl_time`)."""
        if region not in self.regional:
            return self.codes
        return next((codes for day, codes in self.regional[region] if day <= moment), self.codes)


def validate_line(raw: bytes, line: int, rules: IntakeRules) -> SettlementRecord | Refusal:
    """One line of a file, without BOM, with or without its newline. Never raises for bad content."""
    try:
        if len(raw) > LINE_BYTES_MAX:
            raise InvalidInput("record.too_long", f"一行超过{LINE_BYTES_MAX}字节")
        return _read(decode_exact(raw), rules)
    except InvalidInput as error:
        return _refuse(error, line, raw[:LINE_BYTES_MAX])


def _refuse(error: InvalidInput, line: int, raw: bytes) -> Refusal:
    """The refusal in words: line, field, rule. What cannot be parsed is searched for its id, so it can be found."""
    name = str(error.details.get("field", ""))
    if not name and (constant := _KNOWN_CONSTANT.search(raw)) and error.code == "amount.format":
        name = constant.group(1).decode("ascii")
    known = _KNOWN_ID.search(raw)
    setl_id = known.group(1).decode("ascii") if known else ""
    where = f"第{line}行" + (f" {name}" if name else "")
    # a name or a number in the wrong place is quoted by the rule that refuses it: kept and answered masked
    return Refusal(
        line,
        setl_id,
        one_line(masked_numbers(name)),
        error.code,
        one_line(masked_numbers(f"{where}：{error.message}")),
    )


def _unwrap(document: Any) -> tuple[Json, list[Json]]:
    """`{setlinfo, setldetail}`, bare or as the output of a successful answer (platform-fields.md 1.2)."""
    if isinstance(document, dict) and "setlinfo" not in document and "output" in document:
        if document.get("infcode") != _SUCCESS:
            raise InvalidInput(
                "record.infcode",
                f"交易状态码{str(document.get('infcode'))[:20]}不是成功（0）",
                field="infcode",
            )
        document = document["output"]
    info = document.get("setlinfo") if isinstance(document, dict) else None
    if not isinstance(info, dict):
        raise InvalidInput("record.shape", "缺少setlinfo对象", field="setlinfo")
    rows = document.get("setldetail")
    if rows is None:
        return info, []
    if not isinstance(rows, list):
        raise InvalidInput("record.shape", "setldetail应为数组", field="setldetail")
    return info, rows


def _bad_text(texts: Sequence[Any]) -> InvalidInput:
    """Which of the text fields is missing or malformed, after the match of all of them failed."""
    for spec, text in zip(TEXT_FIELDS, texts, strict=True):
        if text == "" and spec.required:
            return InvalidInput("record.field_missing", "必填项缺失", field=spec.name)
        if text != "" and (not isinstance(text, str) or re.fullmatch(spec.pattern, text, re.ASCII) is None):
            return InvalidInput("record.field_format", spec.rule, field=spec.name)
    raise AssertionError("every field matches, but their join does not")


def _texts(info: Json) -> tuple[list[str], str]:
    """All text fields in order ("" for absent), and their join, every one of them matching its pattern."""
    texts = ["" if value is None else value for value in map(info.get, TEXT_NAMES)]
    try:
        head = SEPARATOR.join(texts)
    except TypeError:
        raise _bad_text(texts) from None
    if HEAD.fullmatch(head) is None:
        raise _bad_text(texts)
    return texts, head


def _amounts(info: Json) -> Amounts:
    """All money in fen; an absent name is looked for under its aliases, a required one must be found."""
    tokens = list(map(info.get, MONEY_NAMES))
    for place in [place for place, token in enumerate(tokens) if token is None]:
        name = MONEY_NAMES[place]
        if name in ALIASES:
            found = (info[alias] for alias in ALIASES[name] if info.get(alias) is not None)
            tokens[place] = next(found, None)
        if tokens[place] is None and name not in MONEY_OPTIONAL:
            raise InvalidInput("record.field_missing", "必填金额缺失", field=name)
    try:
        return Amounts._make(map(fen_of.__getitem__, tokens))
    except (InvalidInput, TypeError):
        for name, token in zip(MONEY_NAMES, tokens, strict=True):
            if token is not None:
                read_amount(token, name)
        raise


def _unknown(name: str, value: str) -> InvalidInput:
    return InvalidInput("record.unknown_code", f"“{value}”不在{name}字典内", field=name)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("record.field_format", "不是存在的时间", field="setl_time") from None


def stay(begin: str, end: str) -> tuple[date | None, date | None]:
    """Admission and discharge dates, either may be absent; they may not run backwards."""
    days: list[date | None] = []
    for name, text in (("begndate", begin), ("enddate", end)):
        try:
            days.append(date.fromisoformat(text) if text else None)
        except ValueError:
            raise InvalidInput("record.field_format", "不是存在的日期", field=name) from None
    if begin and end and begin > end:
        raise InvalidInput("record.dates", f"开始日期{begin}晚于结束日期{end}", field="begndate")
    return days[0], days[1]


def check_happened(latest: str, setl_time: str, enddate: str) -> None:
    """What was settled and left has happened; `latest` is `IntakeRules.latest`. Raises InvalidInput `record.future`."""
    for name, text in (("setl_time", setl_time[:10]), ("enddate", enddate)):
        if text > latest:
            raise InvalidInput(
                "record.future",
                f"{text}晚于业务日期，尚未发生；日期有误的请平台更正，到期的届时再接入",
                field=name,
            )


def check_state(setl_id: str, init_setl_id: str, refd_setl_flag: str, vali_flag: str, known: Codes) -> None:
    """Validity and the marks of a reversal (2.3): an original flagged 1 has been reversed by another record."""
    if refd_setl_flag and refd_setl_flag not in known.values["refd_setl_flag"]:
        raise _unknown("refd_setl_flag", refd_setl_flag)
    if vali_flag and vali_flag not in known.values["vali_flag"]:
        raise _unknown("vali_flag", vali_flag)
    if vali_flag not in ("", "1"):
        raise InvalidInput("record.not_valid", f"有效标志为{vali_flag}，不是有效记录", field="vali_flag")
    if init_setl_id and refd_setl_flag == "0":
        raise InvalidInput(
            "record.reversal_flag", "有原结算ID的冲销记录，退费标志不应为0", field="refd_setl_flag"
        )
    if init_setl_id == setl_id:
        raise InvalidInput("record.reversal_self", "原结算ID与本条结算ID相同", field="init_setl_id")


def book_of(codes: Codes, insutype: str) -> int:
    """The fund of the book that keeps an insurance kind; raises `record.unknown_code`, `record.insutype_not_ours`."""
    book = codes.insutype.get(insutype)
    if book is None:
        raise _unknown("insutype", insutype)
    if book == 0:
        raise InvalidInput(
            "record.insutype_not_ours", f"险种{insutype}不在职工、居民医保账套内", field="insutype"
        )
    return book


def own_pooled(rows: RowSums, book: int) -> int:
    """This book's pooled money: its basic and maternity rows, never fund_pay_sumamt (procedure.md 2.2)."""
    for other in rows.pooled:
        if other != book:
            raise InvalidInput(
                "record.book_mismatch",
                f"险种属{book}账套，基金分项却有{other}账套的统筹基金",
                field="setldetail",
            )
    return rows.pooled.get(book, 0)


def check_codes(codes: Codes, clr_type: str, pay_loc: str, out_flag: str, setl_type: str) -> None:
    """The plain dictionaries; raises `record.unknown_code`, `record.paid_to_person`."""
    values = codes.values
    if clr_type not in values["clr_type"]:
        raise _unknown("clr_type", clr_type)
    if pay_loc not in values["pay_loc"]:
        raise _unknown("pay_loc", pay_loc)
    if out_flag not in values["out_flag"]:
        raise _unknown("out_flag", out_flag)
    if setl_type not in values["setl_type"]:
        raise _unknown("setl_type", setl_type)
    if pay_loc == "1" or setl_type == "1":
        raise InvalidInput("record.paid_to_person", "中心报销付给个人，不是机构的结算记录", field="pay_loc")


def _medical(codes: Codes, med_type: str) -> MedicalType:
    """What kind of care it is; a kind the funds do not pay for is no record of ours."""
    medical = codes.med_type.get(med_type)
    if medical is None:
        raise _unknown("med_type", med_type)
    if not medical.category:
        raise InvalidInput(
            "record.med_type_not_ours", f"医疗类别{med_type}不由医保基金支付", field="med_type"
        )
    return medical


def _own(book: int, amounts: Amounts, rows: RowSums, *, mulaid_inside: bool) -> tuple[int, int]:
    """What of it our pooled fund and our personal accounts bear, in fen."""
    account = own_account_fen(book, amounts.acct_pay, amounts.acct_mulaid_pay, mulaid_inside=mulaid_inside)
    return own_pooled(rows, book), account


def _read(document: Any, rules: IntakeRules) -> SettlementRecord:
    """The whole check, in the order in which a person would ask; raises InvalidInput naming the field."""
    info, detail_rows = _unwrap(document)
    texts, head = _texts(info)
    (setl_id, mdtrt_id, psn_no, institution, insutype, med_type, clr_type, setl_time) = texts[:8]
    (poolarea_no, clr_optins, clr_way, pay_loc, out_flag, insu_admdvs, fix_blng_admdvs) = texts[8:15]
    (setl_type, hosp_lv, year, begndate, enddate, medins_setl_id, init_setl_id) = texts[15:22]
    (msgid, refd_setl_flag, vali_flag) = texts[22:]
    pay_loc, out_flag = pay_loc or DEFAULTS["pay_loc"], out_flag or DEFAULTS["out_flag"]
    setl_type, region = setl_type or DEFAULTS["setl_type"], poolarea_no or clr_optins
    if not region:
        raise InvalidInput("record.field_missing", "统筹区编号与清算经办机构均缺失", field="poolarea_no")
    codes = rules.codes_of(region, setl_time)
    book = book_of(codes, insutype)
    medical = _medical(codes, med_type)
    check_codes(codes, clr_type, pay_loc, out_flag, setl_type)
    check_state(setl_id, init_setl_id, refd_setl_flag, vali_flag, codes)
    moment = _moment(setl_time)
    begin, end = stay(begndate, enddate)
    check_happened(rules.latest, setl_time, enddate)
    is_reversal = init_setl_id != ""
    amounts = _amounts(info)
    rows = sum_rows(detail_rows, codes)
    check_amounts(amounts)
    check_rows(amounts, rows)
    check_signs(amounts, rows, is_reversal=is_reversal)
    inside, mulaid_warning = mulaid_inside(amounts, region_rule=rules.mulaid_in_acct)

    out_of_region = rows.outside or is_out_of_region(pay_loc, out_flag, region, insu_admdvs)
    pooled, account = (0, 0) if out_of_region else _own(book, amounts, rows, mulaid_inside=inside)
    warnings = _warnings(amounts, rows, moment, year, mulaid_warning)
    canonical = f"{head.rsplit(SEPARATOR, STATE_MARKS)[0]}|{MONEY_FORMAT % amounts}|{rows.text}"
    return SettlementRecord(
        setl_id,
        int(region),
        institution,
        insutype,
        book,
        med_type,
        medical.category,
        medical.inpatient,
        clr_type,
        clr_way,
        pay_loc,
        out_flag,
        out_of_region,
        psn_no,
        mdtrt_id,
        medins_setl_id,
        msgid,
        init_setl_id,
        is_reversal,
        moment,
        moment.date(),
        moment.year * 100 + moment.month,
        0 if is_reversal else moment.year,
        begin,
        end,
        insu_admdvs,
        fix_blng_admdvs,
        setl_type,
        hosp_lv,
        pooled,
        account,
        amounts,
        rows.text,
        canonical,
        sha256(canonical.encode("ascii")).digest(),
        warnings,
    )


def _warnings(m: Amounts, rows: RowSums, moment: datetime, year: str, mulaid: str) -> tuple[str, ...]:
    """What a reviewer should see: identity 2, account and hospital rows that differ from their columns, a year that differs."""
    found = [mulaid] if mulaid else []
    if rows.account and rows.account != m.acct_pay:
        found.append(f"个人账户分项{yuan(rows.account)}元与个人账户支出{yuan(m.acct_pay)}元不同")
    if rows.hospital and m.hosp_part_amt not in (rows.hospital, rows.hospital + rows.undecided):
        found.append(f"医院负担分项{yuan(rows.hospital)}元与医院负担金额{yuan(m.hosp_part_amt)}元不同")
    if year and int(year) != moment.year:
        found.append(f"年度{year}与结算时间所在年不同")
    return tuple(found)
