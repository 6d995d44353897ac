"""How a bank writes its statement as CSV: a small TOML or JSON file an agency keeps per bank (docs/formats.md)."""

from __future__ import annotations

import codecs
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from ledger.core.errors import InvalidInput
from ledger.core.malformed import why_malformed

_COLUMNS: Final = frozenset(
    {
        "day", "amount", "side", "debit", "credit", "balance", "reference", "receipt", "order", "other_account",
        "other_name", "text", "account",
    }
)  # fmt: skip
_KEYS: Final = frozenset(
    {"columns", "date_format", "encoding", "delimiter", "skip", "thousands", "debit_words", "credit_words", "newest_first"}
)  # fmt: skip
_STRINGS: Final = ("date_format", "encoding", "delimiter", "thousands")


@dataclass(frozen=True, slots=True)
class Profile:
    """Which column is what. Either `debit` and `credit`, or `amount` with `side`, or `amount` alone (minus: money went out)."""

    columns: Mapping[str, str]
    """What it is → its heading: `day`, `amount`, `side`, `debit`, `credit`, `balance`, `reference`, `receipt`, `order`,
    `other_account`, `other_name`, `text`, `account`."""
    date_format: str = "%Y-%m-%d"
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    skip: int = 0
    """Lines above the headings."""
    thousands: str = ","
    debit_words: frozenset[str] = frozenset({"借", "支出", "D", "DR"})
    """Words of the side column that mean money went out of our account."""
    credit_words: frozenset[str] = frozenset({"贷", "收入", "C", "CR"})
    newest_first: bool = False


def read_profile(name: str, content: bytes) -> Profile:
    """A profile from TOML (or JSON, by the name). Raises InvalidInput `bankfile.profile` naming what is wrong."""
    try:
        text = content.decode("utf-8")
        given: Any = json.loads(text) if name.lower().endswith(".json") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(f"读不出（{why_malformed(error)}）") from None
    if not isinstance(given, dict):
        raise _wrong("应为一张表")
    if odd := sorted(set(given) - _KEYS):
        raise _wrong(f"没有“{odd[0][:20]}”这一项，可有：{'、'.join(sorted(_KEYS))}")
    columns = given.get("columns")
    if not isinstance(columns, dict) or not all(
        isinstance(title, str) and title for title in columns.values()
    ):
        raise _wrong("columns应为“是什么＝列名”的表")
    if odd := sorted(set(columns) - _COLUMNS):
        raise _wrong(f"columns没有“{odd[0][:20]}”，可有：{'、'.join(sorted(_COLUMNS))}")
    _require_sides(columns)
    return _typed(given, columns)


def _require_sides(columns: Mapping[str, str]) -> None:
    if "day" not in columns:
        raise _wrong("columns须有day（记账日）")
    two = {"debit", "credit"} <= set(columns)
    if two == ("amount" in columns) or (not two and {"debit", "credit"} & set(columns)):
        raise _wrong("金额须写明：或debit与credit两列，或amount一列（另有side列的为借贷标志）")
    if two and "side" in columns:
        raise _wrong("分列借方、贷方的，不再写side")


def _typed(given: Mapping[str, Any], columns: Mapping[str, str]) -> Profile:
    values: dict[str, Any] = {"columns": columns}
    for key in _STRINGS:
        if key in given:
            if not isinstance(given[key], str):
                raise _wrong(f"{key}应为文字")
            values[key] = given[key]
    for key in ("debit_words", "credit_words"):
        if key in given:
            if not isinstance(given[key], list) or not all(isinstance(one, str) for one in given[key]):
                raise _wrong(f"{key}应为一列文字")
            values[key] = frozenset(given[key])
    if "skip" in given:
        if type(given["skip"]) is not int or not 0 <= given["skip"] <= 1000:
            raise _wrong("skip应为0到1000的整数")
        values["skip"] = given["skip"]
    if "newest_first" in given:
        if type(given["newest_first"]) is not bool:
            raise _wrong("newest_first应为true或false")
        values["newest_first"] = given["newest_first"]
    return _usable(Profile(**values))


def _usable(profile: Profile) -> Profile:
    """A profile whose encoding exists and whose date format loses nothing."""
    try:
        codecs.lookup(profile.encoding)
    except LookupError:
        raise _wrong(f"没有字符编码“{profile.encoding[:20]}”") from None
    if len(profile.delimiter) != 1:
        raise _wrong("delimiter应为一个字符")
    probe = date(2026, 11, 28)
    try:
        told = datetime.strptime(probe.strftime(profile.date_format), profile.date_format).date()  # noqa: DTZ007 a day only
    except ValueError:
        told = None
    if told != probe:
        raise _wrong(f"date_format“{profile.date_format[:20]}”写不全年、月、日")
    return profile


def _wrong(what: str) -> InvalidInput:
    return InvalidInput("bankfile.profile", f"对账单格式文件：{what}")
