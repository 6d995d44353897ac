"""The money of a plain line: amounts in their usual spellings to fen, all of a record together; see `plain`."""

from __future__ import annotations

import re
from typing import Any, Final

from ledger.fund.amounts import fen_of
from ledger.fund.classify import Codes
from ledger.fund.details import RowSums, add_up
from ledger.fund.record import Amounts
from ledger.fund.shape import ALIASES, DETAILS_MAX, MONEY_NAMES, MONEY_OPTIONAL, POOLING_TYPE, SEPARATOR

_COMMON: Final = r"(?>0|[1-9][0-9]{0,13}+)\.[0-9]{2}"
_COMMON_AMOUNTS: Final = re.compile(rf"(?:{_COMMON}\|)*+{_COMMON}", re.ASCII)
"""Amounts in their usual spelling, each with two decimals and none below zero: without the points they are fen."""
_ONE_DECIMAL: Final = re.compile(r"(?<=\.[0-9])(?![0-9])", re.ASCII)
"""Where a second decimal is missing."""
MINUS_ZERO: Final = re.compile(rb"-0[^.0-9]")
_ALIASED: Final = tuple((MONEY_NAMES.index(name), aliases) for name, aliases in ALIASES.items())
_MUST: Final = tuple(place for place, name in enumerate(MONEY_NAMES) if name not in MONEY_OPTIONAL)
_MONEY: Final = len(MONEY_NAMES)
_ROW_MONEY: Final = ("fund_payamt", "inscp_scp_amt", "crt_payb_lmt_amt")


class NotPlain(Exception):
    """For the full judge."""


def read_money(
    info: dict[str, Any], rows: list[dict[str, Any]], codes: Codes, raw: bytes
) -> tuple[Amounts, RowSums]:
    """All money of a record and of its rows, read together."""
    if len(rows) > DETAILS_MAX:
        raise NotPlain
    tokens = list(map(info.get, MONEY_NAMES))
    if None in tokens:
        for place, aliases in _ALIASED:
            if tokens[place] is None:
                tokens[place] = next((info[name] for name in aliases if info.get(name) is not None), None)
        for place in _MUST:
            if tokens[place] is None:
                raise NotPlain
    for row in rows:
        paid, scope, limit = map(row.get, _ROW_MONEY)
        if paid is None:
            raise NotPlain
        if scope is None:
            scope = row.get("inscp_amt")
        tokens += (paid, "0.00" if scope is None else scope, "0.00" if limit is None else limit)
    fens = _fens(tokens, raw)
    return Amounts._make(fens[:_MONEY]), _sums(rows, fens, codes)


def _sums(rows: list[dict[str, Any]], fens: list[int], codes: Codes) -> RowSums:
    """The sums of the rows; their amounts follow the record's own."""
    read = []
    place = _MONEY
    for row in rows:
        code, pooling = row.get("fund_pay_type"), row.get("poolarea_fund_pay_type")
        fund = codes.fund_pay_type.get(code) if code.__class__ is str else None
        if pooling is None:
            pooling = ""
        if fund is None or (pooling and POOLING_TYPE.fullmatch(pooling) is None):
            raise NotPlain
        paid, scope, limit = fens[place : place + 3]
        read.append((f"{code},{pooling},{paid},{scope},{limit}", fund, paid))
        place += 3
    return add_up(read)


def _fens(tokens: list[Any], raw: bytes) -> list[int]:
    """Amounts as they came to fen; None is 0. Raises InvalidInput and TypeError for what is no amount."""
    try:
        joined = SEPARATOR.join(tokens)
    except TypeError:  # nothing, or whole yuan
        if b"-0" in raw and MINUS_ZERO.search(raw) is not None:
            raise NotPlain from None  # as an int it is a plain zero
        tokens = [token if token.__class__ is str else _whole(token) for token in tokens]
        joined = SEPARATOR.join(tokens)
    if _COMMON_AMOUNTS.fullmatch(joined) is None:
        joined = _ONE_DECIMAL.sub("0", joined)
        if _COMMON_AMOUNTS.fullmatch(joined) is None:
            return [fen_of[token] for token in tokens]
    fens = list(map(int, joined.replace(".", "").split(SEPARATOR)))
    if len(fens) != len(tokens):
        raise NotPlain  # a separator within a text
    return fens


def _whole(token: Any) -> str:
    """Nothing and whole yuan in their usual spelling."""
    if token is None:
        return "0.00"
    if token.__class__ is not int:
        raise NotPlain
    return f"{token}.00"
