"""Reading plain lines quickly: what every sender writes nearly always, at a third of the price of the full judge.

A line is plain when nothing about it needs a second look. It is then accepted here, by the same rules as in
`validate`; every other line, whatever is wrong or only unusual about it, is left to `validate`, which also finds the words
of a refusal. So this module never refuses anything, and its answer is always that of `validate`.
"""

from __future__ import annotations

import re
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from ledger.core.errors import InvalidInput
from ledger.fund.intake.quick_money import MINUS_ZERO, NotPlain, read_money
from ledger.fund.intake.values import PLAIN_INSUTYPES, Gist, Owed, gist, is_layered, taken_row
from ledger.fund.layers.bill import LayeredBill
from ledger.fund.layers.row import national_split
from ledger.fund.record.codes import Codes, is_out_of_region, own_account_fen
from ledger.fund.record.fields import (
    DEFAULTS,
    LINE_BYTES_MAX,
    SEPARATOR,
    TEXT_FIELDS,
)
from ledger.fund.record.identities import check_amounts, check_rows, check_signs, mulaid_inside
from ledger.fund.record.judge import (
    IntakeRules,
    book_of,
    check_codes,
    check_happened,
    check_state,
    own_pooled,
    stay,
    validate_line,
)
from ledger.fund.record.record import Refusal

_PATTERNS: Final = {spec.name: spec.pattern for spec in TEXT_FIELDS}
_REQUIRED: Final = frozenset(spec.name for spec in TEXT_FIELDS if spec.required)

_OWN: Final = (
    "setl_id",
    "mdtrt_id",
    "psn_no",
    "fixmedins_code",
    "setl_time",
    "medins_setl_id",
    "init_setl_id",
    "msgid",
)
"""Text fields that differ from record to record: matched each time."""
_KIND_FIRST: Final = ("insutype", "med_type", "clr_type")
_KIND_SECOND: Final = (
    "poolarea_no", "clr_optins", "clr_way", "pay_loc", "out_flag", "insu_admdvs", "fix_blng_admdvs", "setl_type",
    "hosp_lv", "year",
)  # fmt: skip
_MARKS: Final = ("refd_setl_flag", "vali_flag")
_CODED: Final = (*_KIND_FIRST, *_KIND_SECOND, *_MARKS)
"""Text fields of few values: judged once for each combination of them."""

_CLOCK: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"


def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    patterns = {**_PATTERNS, "setl_time": _CLOCK}
    return re.compile(
        r"\|".join(patterns[name] if name in _REQUIRED else f"(?:{patterns[name]})?" for name in names),
        re.ASCII,
    )


_OWN_PATTERN: Final = _pattern(_OWN)
_CODED_PATTERN: Final = _pattern(_CODED)
_DAY_PATTERN: Final = re.compile(_PATTERNS["begndate"], re.ASCII)
_SPACES: Final = b" \t\r\n"

_DECODER: Final = msgspec.json.Decoder(float_hook=str)
"""Strict JSON in UTF-8; a decimal comes as its text, a whole number as int, of a repeated key the last."""
REMEMBERED_MAX: Final = 4_096
"""Combinations kept by a reader; what a strange sender makes up cannot fill the memory."""


class _Kind(NamedTuple):
    """What the coded fields of a record say together."""

    book: int
    category: str
    inpatient: str
    """t or f"""
    region: int
    away: bool
    """Out of region by its codes; its rows may say so too."""
    flag: str
    """`refd_setl_flag`"""
    layered: bool
    codes: Codes
    first: str
    second: str
    """The canonical text of the coded fields."""


class LineReader:
    """Lines to gists under one set of rules. Not for several threads at once."""

    def __init__(self, rules: IntakeRules) -> None:
        self._rules = rules
        self._latest = rules.latest
        self._kinds: dict[tuple[Any, ...], _Kind] = {}
        self._stays: dict[tuple[Any, ...], str] = {}
        self._days: dict[str, tuple[int, int]] = {}

    def read(self, raw: bytes, number: int) -> Gist | Refusal:
        """One line of a file or one object of a request; what `validate_line` says of it, as a gist. Never raises."""
        found = self.plain(raw, number)
        if found is not None:
            return found
        result = validate_line(raw, number, self._rules)
        return result if isinstance(result, Refusal) else gist(result, number)

    def plain(self, raw: bytes, number: int) -> Gist | None:
        """The gist of a plain line; None where `validate_line` must be asked."""
        try:
            return self._gist(raw, number)
        except (NotPlain, InvalidInput, TypeError, ValueError, RecursionError, msgspec.MsgspecError):
            # Wrong types and impossible dates come out of the built-in readers as TypeError and ValueError.
            return None

    def _gist(self, raw: bytes, number: int) -> Gist:
        info, rows = _open(raw)
        own = ["" if value is None else value for value in map(info.get, _OWN)]
        if _OWN_PATTERN.fullmatch(SEPARATOR.join(own)) is None:
            raise NotPlain
        setl_id, mdtrt_id, psn_no, institution, moment, medins_setl_id, init_setl_id, _msgid = own
        day = moment[:10]
        kind = self._kind(info, day)
        reversal = init_setl_id != ""
        if reversal and (init_setl_id == setl_id or kind.flag == "0"):
            raise NotPlain
        amounts, money_text, sums = read_money(info, rows, kind.codes, raw)
        check_amounts(amounts)
        check_rows(amounts, sums)
        check_signs(amounts, sums, is_reversal=reversal)
        inside, _warning = mulaid_inside(amounts, region_rule=None)
        pooled = account = 0
        away = kind.away or sums.outside
        if not away:
            pooled = own_pooled(sums, kind.book)
            account = own_account_fen(
                kind.book, amounts.acct_pay, amounts.acct_mulaid_pay, mulaid_inside=inside
            )
        year, term = self._days.get(day) or self._day(day)
        days = info.get("begndate"), info.get("enddate")
        canonical = (
            f"{setl_id}|{mdtrt_id}|{psn_no}|{institution}|{kind.first}|{moment}|{kind.second}|{self._stays.get(days) or self._stay(days)}"
            f"|{medins_setl_id}|{init_setl_id}|{money_text}|{sums.text}"
        )
        digest = sha256(canonical.encode("ascii")).hexdigest()
        split, layered = "", kind.layered or is_layered(amounts, away=away)
        if layered:
            bill = LayeredBill(setl_id, date.fromisoformat(day), amounts, sums.text, ours=not kind.away)
            split = national_split(kind.region, bill, pooled)
        owed = Owed(
            number, kind.book, 0 if reversal else year, term, kind.category, kind.inpatient, day, pooled, account
        )  # fmt: skip
        return Gist(
            number, setl_id, init_setl_id, kind.region, institution, kind.book, day, term, pooled + account,
            amounts.medfee_sumamt, layered and not split, taken_row(owed, split, kind.region, canonical, digest),
        )  # fmt: skip

    def _kind(self, info: dict[str, Any], day: str) -> _Kind:
        """The codes' meaning; where regions have dictionaries of their own, it may differ from day to day."""
        key = tuple(map(info.get, _CODED))
        if self._rules.regional:
            key += (day,)
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= REMEMBERED_MAX:
                self._kinds.clear()
            kind = self._kinds[key] = _judge(key[: len(_CODED)], day, self._rules)
        return kind

    def _stay(self, days: tuple[Any, Any]) -> str:
        """First and last day of a stay, as the canonical text has them."""
        begin, end = ("" if value is None else value for value in days)
        if any(day and _DAY_PATTERN.fullmatch(day) is None for day in (begin, end)):
            raise NotPlain
        stay(begin, end)
        check_happened(self._latest, "", end)
        if len(self._stays) >= REMEMBERED_MAX:
            self._stays.clear()
        text = self._stays[days] = f"{begin}|{end}"
        return text

    def _day(self, text: str) -> tuple[int, int]:
        day = date.fromisoformat(text)
        if len(self._days) >= REMEMBERED_MAX:
            self._days.clear()
        check_happened(self._latest, text, "")
        self._days[text] = found = day.year, day.year * 100 + day.month
        return found


def _open(raw: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """`setlinfo` and the rows of a line without escapes and without a repeated key.

    With every repeated key gone, the keys that are left are as many as the colons outside of text, or the line is not
    plain. Colons are counted first with those in `setl_time`, then, for ids with colons and the like, by the quote before.
    """
    if len(raw) > LINE_BYTES_MAX or b"\\" in raw:
        raise NotPlain
    try:
        document = _DECODER.decode(raw)
    except (msgspec.MsgspecError, ValueError):
        raise NotPlain from None
    if document.__class__ is not dict:
        raise NotPlain
    keys = len(document)
    if "setlinfo" not in document and "output" in document:
        code = document.get("infcode")
        if code != "0" and (code.__class__ is not int or code or MINUS_ZERO.search(raw)):
            raise NotPlain
        document = document["output"]
        if document.__class__ is not dict:
            raise NotPlain
        keys += len(document)
    info, rows = document.get("setlinfo"), document.get("setldetail")
    if info.__class__ is not dict or rows.__class__ is not list:
        raise NotPlain
    keys += len(info)
    for row in rows:
        if row.__class__ is not dict:
            raise NotPlain
        keys += len(row)
    inner = info.get("setl_time")
    if inner.__class__ is not str:
        raise NotPlain
    if raw.count(b":") != keys + inner.count(":") and raw.translate(None, _SPACES).count(b'":') != keys:
        raise NotPlain
    return info, rows


def _judge(coded: tuple[Any, ...], day: str, rules: IntakeRules) -> _Kind:
    texts = ["" if value is None else value for value in coded]
    if _CODED_PATTERN.fullmatch(SEPARATOR.join(texts)) is None:
        raise NotPlain
    said = dict(zip(_CODED, texts, strict=True))
    region = said["poolarea_no"] or said["clr_optins"]
    if not region:
        raise NotPlain
    codes = rules.codes_of(region, day)
    insutype, pay_loc = said["insutype"], said["pay_loc"] or DEFAULTS["pay_loc"]
    out_flag, setl_type = said["out_flag"] or DEFAULTS["out_flag"], said["setl_type"] or DEFAULTS["setl_type"]
    medical = codes.med_type.get(said["med_type"])
    if medical is None or not medical.category:
        raise NotPlain
    check_codes(codes, said["clr_type"], pay_loc, out_flag, setl_type)
    check_state("1", "", said["refd_setl_flag"], said["vali_flag"], codes)
    return _Kind(
        book_of(codes, insutype),
        medical.category,
        "t" if medical.inpatient else "f",
        int(region),
        is_out_of_region(pay_loc, out_flag, region, said["insu_admdvs"]),
        said["refd_setl_flag"],
        insutype not in PLAIN_INSUTYPES,
        codes,
        SEPARATOR.join(said[name] for name in _KIND_FIRST),
        SEPARATOR.join(said[name] for name in _KIND_SECOND),
    )
