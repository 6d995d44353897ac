"""The money of a plain line: amounts in their usual spellings to fen, all of a record together; see `plain`."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import msgspec

from ledger.fund.record.amount_tokens import fen_of
from ledger.fund.record.codes import Codes
from ledger.fund.record.details import RowSums, add_up
from ledger.fund.record.fields import (
    ALIASES,
    DETAILS_MAX,
    MONEY_NAMES,
    MONEY_OPTIONAL,
    POOLING_TYPE,
    SEPARATOR,
)
from ledger.fund.record.record import Amounts

_USUAL: Final = r"[0-9]{1,14}+\.[0-9]{2}"
_USUAL_AMOUNTS: Final = re.compile(rf"(?:{_USUAL}\|)*+{_USUAL}", re.ASCII)
"""Amounts in their usual spelling, each with two decimals and none below zero: without the points they are fen."""
MINUS_ZERO: Final = re.compile(rb"-0[^.0-9]")
_ALIASED: Final = {MONEY_NAMES.index(name): aliases for name, aliases in ALIASES.items()}
_OPTIONAL: Final = frozenset(place for place, name in enumerate(MONEY_NAMES) if name in MONEY_OPTIONAL)
_MONEY: Final = len(MONEY_NAMES)
_PER_ROW: Final = 3
_WHOLE_NUMBERS: Final = msgspec.json.Decoder(list[int])
"""The quickest way from many digits to whole numbers; refuses a leading zero."""


_ZERO: Final = "0.00"


class NotPlain(Exception):
    """For the full judge."""


class RecordMoney(NamedTuple):
    """All money of a record."""

    amounts: Amounts
    text: str
    """The amounts in fen, as the canonical text has them."""
    sums: RowSums


def read_money(info: dict[str, Any], rows: list[dict[str, Any]], codes: Codes, raw: bytes) -> RecordMoney:
    """All money of a record and of its rows, read together.

    Raises NotPlain, or what reading an amount raises: InvalidInput, TypeError, msgspec's DecodeError.
    """
    if len(rows) > DETAILS_MAX:
        raise NotPlain
    tokens = list(map(info.get, MONEY_NAMES))
    if None in tokens:
        _fill(tokens, info)
    for row in rows:
        paid, scope, limit = row.get("fund_payamt"), row.get("inscp_scp_amt"), row.get("crt_payb_lmt_amt")
        if paid is None:
            raise NotPlain
        tokens += (paid, row.get("inscp_amt") if scope is None else scope, limit)
    text = _fens(tokens, raw)
    fens = _WHOLE_NUMBERS.decode(f"[{text.replace(SEPARATOR, ',')}]")
    if len(fens) != len(tokens):
        raise NotPlain  # a separator within a text
    text, *texts = text.rsplit(SEPARATOR, _PER_ROW * len(rows))
    return RecordMoney(Amounts._make(fens[:_MONEY]), text, _sums(rows, texts, fens, codes))


def _fill(tokens: list[Any], info: dict[str, Any]) -> None:
    """What stands under another name; nothing where nothing may stand."""
    for place in [place for place, token in enumerate(tokens) if token is None]:
        for name in _ALIASED.get(place, ()):
            if info.get(name) is not None:
                tokens[place] = info[name]
                break
        else:
            if place not in _OPTIONAL:
                raise NotPlain


def _sums(rows: list[dict[str, Any]], texts: list[str], fens: list[int], codes: Codes) -> RowSums:
    """The sums of the rows; their amounts follow the record's own."""
    read = []
    place = 0
    for row in rows:
        code, pooling = row.get("fund_pay_type"), row.get("poolarea_fund_pay_type")
        fund = codes.fund_pay_type.get(code) if code.__class__ is str else None
        if pooling is None:
            pooling = ""
        if fund is None or (pooling and POOLING_TYPE.fullmatch(pooling) is None):
            raise NotPlain
        paid, scope, limit = texts[place : place + _PER_ROW]
        read.append((f"{code},{pooling},{paid},{scope},{limit}", fund, fens[_MONEY + place]))
        place += _PER_ROW
    return add_up(read)


def _fens(tokens: list[Any], raw: bytes) -> str:
    """Amounts as they came to fen, joined as text; None is 0."""
    if None in tokens:
        tokens = [_ZERO if token is None else token for token in tokens]
    try:
        joined = SEPARATOR.join(tokens)
    except TypeError:  # whole yuan
        tokens = _texts(tokens, raw)
        joined = SEPARATOR.join(tokens)
    if _USUAL_AMOUNTS.fullmatch(joined) is None:
        tokens = [f"{token}0" if token[-2:-1] == "." else token for token in tokens]
        joined = SEPARATOR.join(tokens)
        if _USUAL_AMOUNTS.fullmatch(joined) is None:
            return SEPARATOR.join([str(fen_of[token]) for token in tokens])
    return f"|{joined}".replace("|0.0", "|").replace("|0.", "|").replace(".", "")[1:]


def _texts(tokens: list[Any], raw: bytes) -> list[str]:
    """Whole yuan in the usual spelling too."""
    if 0 in tokens and MINUS_ZERO.search(raw) is not None:
        raise NotPlain  # -0 has come as a plain zero
    return [token if token.__class__ is str else _whole(token) for token in tokens]


def _whole(token: Any) -> str:
    if token.__class__ is not int:
        raise NotPlain
    return f"{token}.00"
