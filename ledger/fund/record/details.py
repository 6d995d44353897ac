"""基金分项 `setldetail`: what its rows add up to, by what they are (platform-fields.md 2.1 no. 5 and 4.6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.fund.record.amount_tokens import fen_of, read_amount
from ledger.fund.record.codes import Codes, FundRow
from ledger.fund.record.decode import Json
from ledger.fund.record.fields import DETAILS_MAX, POOLING_TYPE


class RowSums(NamedTuple):
    """Sums of `fund_payamt` in fen."""

    fund: int
    """Rows of funds, those of another region included."""
    basic: int
    """Fund rows that can only stand in hifp_pay."""
    basic_or_other: int
    """Fund rows that stand in hifp_pay or in oth_pay, as the province likes (310103)."""
    pooled: dict[int, int]
    """Pooled money by fund of the book."""
    account: int
    hospital: int
    undecided: int
    """999997: another fund, or the hospital's share."""
    outside: bool
    """A row of another region's fund is there."""
    lowest: int
    highest: int
    text: str
    """The rows in canonical order, `type,pooling type,paid,in scope,limit` joined by `;`."""


_ONLY_BASIC: Final = ("hifp_pay",)
_AMOUNTS: Final = ("fund_payamt", "inscp_scp_amt", "crt_payb_lmt_amt")


def _read_row(row: Any, number: int, codes: Codes) -> tuple[str, FundRow, int]:
    """One row to its canonical text, meaning and paid amount; raises InvalidInput naming row and field."""
    where = f"setldetail[{number}]"
    if not isinstance(row, dict):
        raise InvalidInput("record.shape", "基金分项应为对象", field=where)
    code, pooling = row.get("fund_pay_type"), row.get("poolarea_fund_pay_type")
    paid, scope = row.get("fund_payamt"), row.get("inscp_scp_amt")
    if scope is None:
        scope = row.get("inscp_amt")
    if code is None or paid is None:
        field = "fund_payamt" if code is not None else "fund_pay_type"
        raise InvalidInput("record.field_missing", "必填项缺失", field=f"{where}.{field}")
    fund = codes.fund_pay_type.get(code) if isinstance(code, str) else None
    if fund is None:
        raise InvalidInput(
            "record.unknown_code",
            f"基金支付类型“{str(code)[:20]}”不在字典内",
            field=f"{where}.fund_pay_type",
        )
    if pooling is None:
        pooling = ""
    elif not isinstance(pooling, str) or (pooling and POOLING_TYPE.fullmatch(pooling) is None):
        raise InvalidInput(
            "record.field_format", "应为1至6位字母数字代码", field=f"{where}.poolarea_fund_pay_type"
        )
    limit = row.get("crt_payb_lmt_amt")
    try:
        fen = fen_of[paid]
        return f"{code},{pooling},{fen},{fen_of[scope]},{fen_of[limit]}", fund, fen
    except (InvalidInput, TypeError):
        for token, name in zip((paid, scope, limit), _AMOUNTS, strict=True):
            if token is not None:
                read_amount(token, f"{where}.{name}")
        raise


def sum_rows(rows: list[Json], codes: Codes) -> RowSums:
    """Add up the rows by what they are; raises InvalidInput `record.*` or `amount.*` naming row and field."""
    if len(rows) > DETAILS_MAX:
        raise InvalidInput(
            "record.details_too_many", f"基金分项{len(rows)}行，超过{DETAILS_MAX}行", field="setldetail"
        )
    return add_up([_read_row(row, number, codes) for number, row in enumerate(rows)])


def add_up(rows: Sequence[tuple[str, FundRow, int]]) -> RowSums:
    """The sums over rows that were read: canonical text, meaning and paid fen of each."""
    fund = account = hospital = undecided = elsewhere = basic = basic_or_other = lowest = highest = 0
    pooled: dict[int, int] = {}
    texts = []
    outside = False
    for text, (kind, fields, book), paid in rows:
        texts.append(text)
        if kind == "fund":
            fund += paid
            if paid < lowest:
                lowest = paid
            elif paid > highest:
                highest = paid
            if book:
                pooled[book] = pooled.get(book, 0) + paid
            if fields == _ONLY_BASIC:
                basic += paid
            elif "hifp_pay" in fields:
                basic_or_other += paid
        elif kind == "account":
            account += paid
        elif kind == "hospital":
            hospital += paid
        elif kind == "outside":
            elsewhere += paid
            outside = True
        else:
            undecided += paid
    texts.sort()
    return RowSums(
        fund + elsewhere,
        basic,
        basic_or_other,
        pooled,
        account,
        hospital,
        undecided,
        outside,
        lowest,
        highest,
        ";".join(texts),
    )
