"""Bad lines for tests and demonstrations: each spoils one good line in one way, and knows the refusal it must meet."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ledger.fund.record.decode import decode_exact


class BadKind(NamedTuple):
    """How a line is spoilt, and the refusal code intake must give."""

    name: str
    code: str
    spoil: Callable[[str], bytes]


def _edit(change: Callable[[dict[str, Any], list[Any]], None]) -> Callable[[str], bytes]:
    """A spoiler that changes the decoded record and writes it again."""

    def spoil(line: str) -> bytes:
        document = decode_exact(line.encode("utf-8"))
        inner = document.get("output", document)
        change(inner["setlinfo"], inner["setldetail"])
        return json.dumps(document, ensure_ascii=False).encode("utf-8")

    return spoil


def _set(field: str, value: object) -> Callable[[str], bytes]:
    def change(info: dict[str, Any], _rows: list[Any]) -> None:
        info[field] = value

    return _edit(change)


def _one_fen_more(text: str) -> str:
    """The decimal text one fen higher; the generator's own arithmetic, not the parser's."""
    whole, _, cents = text.partition(".")
    fen = int(whole) * 100 + int(cents.ljust(2, "0")[:2] or 0) + 1
    return f"{fen // 100}.{fen % 100:02d}"


def _add_fen(*fields: str) -> Callable[[str], bytes]:
    """One fen more in every field named, so that only one identity is left broken."""

    def change(info: dict[str, Any], _rows: list[Any]) -> None:
        for field in fields:
            info[field] = _one_fen_more(info[field])

    return _edit(change)


def _unknown_fund(_info: dict[str, Any], rows: list[Any]) -> None:
    rows.append({"fund_pay_type": "888800", "fund_payamt": "0.00"})


def _row_added(_info: dict[str, Any], rows: list[Any]) -> None:
    rows.append({"fund_pay_type": "610100", "fund_payamt": "0.01"})


def _nan(line: str) -> bytes:
    return re.sub(r'"medfee_sumamt":"?[0-9.]+"?', '"medfee_sumamt":NaN', line, count=1).encode()


def _exponent(line: str) -> bytes:
    return re.sub(r'"medfee_sumamt":"?[0-9.]+"?', '"medfee_sumamt":1e3', line, count=1).encode()


def _twice(line: str) -> bytes:
    return line.replace('"setlinfo":{', '"setlinfo":{"medfee_sumamt":"0.01",', 1).encode()


BAD_KINDS: Final = (
    BadKind("amount_nan", "amount.format", _nan),
    BadKind("amount_exponent", "amount.format", _exponent),
    BadKind("amount_full_width", "amount.format", _set("acct_pay", "１２")),
    BadKind("amount_below_fen", "amount.format", _set("acct_pay", "0.005")),
    BadKind("amount_negative_zero", "amount.negative_zero", _set("acct_pay", "-0")),
    BadKind("amount_too_large", "amount.format", _set("medfee_sumamt", "10000000000000000")),
    BadKind("identity_1", "record.identity_1", _add_fen("medfee_sumamt", "inscp_scp_amt")),
    BadKind("identity_3", "record.identity_3", _add_fen("medfee_sumamt", "inscp_scp_amt", "fund_pay_sumamt")),
    BadKind("identity_4", "record.identity_4", _add_fen("preselfpay_amt")),
    BadKind("identity_detail", "record.identity_detail", _edit(_row_added)),
    BadKind("insutype_unknown", "record.unknown_code", _set("insutype", "777")),
    BadKind("insutype_not_ours", "record.insutype_not_ours", _set("insutype", "340")),
    BadKind("clr_type_unknown", "record.unknown_code", _set("clr_type", "88")),
    BadKind("fund_pay_type_unknown", "record.unknown_code", _edit(_unknown_fund)),
    BadKind("field_missing", "record.field_missing", _set("medfee_sumamt", None)),
    BadKind("duplicate_key", "record.duplicate_key", _twice),
    BadKind("wrong_encoding", "record.encoding", lambda line: line.encode("gb18030")),
    BadKind("truncated", "record.json", lambda line: line[: len(line) // 2].encode("utf-8")),
)
"""What a record alone can show. The spoilt lines are written in the plain dialect of strings."""

INSTITUTION_UNKNOWN: Final = BadKind(
    "institution_unknown", "institution.unknown", _set("fixmedins_code", "H99999999999")
)
OTHER_CONTENT: Final = BadKind("other_content", "record.other_content", _set("clr_way", "9"))
REVERSAL_UNKNOWN: Final = BadKind("reversal_unknown", "reversal.unknown_original", str.encode)
REVERSAL_AGAIN: Final = BadKind("reversal_again", "reversal.already", str.encode)
"""The last four only the stored records can show."""
