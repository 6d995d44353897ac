"""One bill, several payers 一单式: each record's shares, which add up to the bill to the fen (issue item 8, 4.6). Pure.

Funds come from the record's fund rows by the region's map of that day. Personal-account money is what the person paid
besides cash: 家庭共济 by its own column, 医保钱包 by rows mapped to it. A plain bill (own basic fund, account, cash,
hospital) is split by its columns alone; fund.bill_share says so for all readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.core.money import yuan
from ledger.fund.layers.map import PAYERS, LayerMap, MapRow, map_text
from ledger.fund.record.codes import is_out_of_region
from ledger.fund.record.fields import STATE_MARKS, TEXT_NAMES
from ledger.fund.record.record import Amounts

COLUMNS: Final = tuple(PAYERS)
_FUNDS: Final = COLUMNS[:8]
_TEXTS: Final = len(TEXT_NAMES) - STATE_MARKS
"""Where the money begins in the canonical text of a record."""
_PICK: Final = itemgetter(
    *(
        TEXT_NAMES.index(name)
        for name in (
            "setl_id",
            "setl_time",
            "poolarea_no",
            "clr_optins",
            "pay_loc",
            "out_flag",
            "insu_admdvs",
        )
    )
)


class LayeredBill(NamedTuple):
    """What of a record decides who pays; fen."""

    setl_id: str
    day: date
    amounts: Amounts
    details: str
    ours: bool
    """A settlement of this region's own books: its basic share is what they owe."""


@dataclass(frozen=True, slots=True)
class Layers:
    """A record's split: fen by payer (every payer of PAYERS), and the rows it was split by."""

    setl_id: str
    day: date
    medfee_fen: int
    shares: Mapping[str, int]
    rows: Sequence[tuple[str, int, MapRow]]
    """(fund_pay_type, fen, the row of the map that decided it)."""

    @property
    def map_digest(self) -> bytes:
        """SHA-256 of `layers_map.map_text` over its rows."""
        return _map_digest(tuple([(code, row) for code, _, row in self.rows]))


@lru_cache(4_096)
def _map_digest(rows: tuple[tuple[str, MapRow], ...]) -> bytes:
    """Remembered, because bills are paid for in few ways."""
    return sha256(map_text(rows).encode()).digest()


def bill_of(fields: Sequence[str]) -> LayeredBill:
    """The bill of the fields of a record's canonical text."""
    setl_id, moment, poolarea, optins, pay_loc, out_flag, insured = _PICK(fields)
    away = is_out_of_region(pay_loc, out_flag, poolarea or optins, insured)
    return LayeredBill(
        setl_id, date.fromisoformat(moment[:10]), Amounts._make(map(int, fields[_TEXTS:-1])), fields[-1], not away
    )  # fmt: skip


def split(bill: LayeredBill, layer_map: LayerMap) -> Layers:
    """The shares of a record by payer, in fen.

    Raises InvalidInput `layers.unknown_type` for a fund row nobody stands behind on that day, `layers.not_equal` when
    the parts do not add up to the bill, the fund rows not to the record's fund total, or more was taken from the
    account than the record says.
    """
    money = bill.amounts
    rows = [(code, fen, layer_map.of(code, bill.day)) for code, fen in _fund_rows(bill.details)]
    shares = dict.fromkeys(COLUMNS, 0)
    undecided = 0
    for _, fen, row in rows:
        if row.payer == "undecided":
            undecided += fen
        else:
            shares[row.payer] += fen
    funds = sum(map(shares.__getitem__, _FUNDS))
    if undecided and funds + undecided == money.fund_pay_sumamt:
        shares["other_fund"] += undecided
        funds += undecided
    if funds != money.fund_pay_sumamt:
        raise _not_equal(bill, "setldetail", "基金分项", funds, "基金支付总额", money.fund_pay_sumamt)
    shares["hospital"] = money.hosp_part_amt
    shares["cash"] = money.psn_cash_pay
    shares["mutual_aid"] = money.acct_mulaid_pay
    inside = money.psn_part_amt == money.acct_pay + money.psn_cash_pay
    shares["account"] = money.acct_pay - shares["wallet"] - (money.acct_mulaid_pay if inside else 0)
    total = sum(shares.values())
    if total != money.medfee_sumamt:
        raise _not_equal(bill, "psn_part_amt", "各方承担合计", total, "医疗费总额", money.medfee_sumamt)
    if shares["account"] * (money.acct_pay or 1) < 0:
        taken = money.acct_pay - shares["account"]
        raise _not_equal(bill, "acct_pay", "家庭共济与医保钱包", taken, "个人账户支出", money.acct_pay)
    return Layers(bill.setl_id, bill.day, money.medfee_sumamt, shares, rows)


def _fund_rows(details: str) -> Iterator[tuple[str, int]]:
    """(fund_pay_type, paid fen) of the record's canonical fund rows."""
    for row in details.split(";") if details else ():
        code, _, paid, _ = row.split(",", 3)
        yield code, int(paid)


def _not_equal(
    bill: LayeredBill, field: str, left: str, left_fen: int, right: str, right_fen: int
) -> InvalidInput:
    return InvalidInput(
        "layers.not_equal",
        f"结算{bill.setl_id}的{left}{yuan(left_fen)}元与{right}{yuan(right_fen)}元不等，相差{left_fen - right_fen}分",
        field=field,
        setl_id=bill.setl_id,
        left_fen=left_fen,
        right_fen=right_fen,
    )
