"""Made-up bills: whole fen from whole-number draws, every identity true by construction."""

from __future__ import annotations

import random
from math import exp
from statistics import NormalDist
from typing import Final, NamedTuple

from ledger.core.entries import EMPLOYEE_FUND, RESIDENT_FUND
from ledger.fund.record.record import Amounts
from ledger.simulation.platform.institutions import MadeInstitution

_STEPS: Final = 1024


def _quantiles(median_fen: int, sigma: float) -> tuple[int, ...]:
    """1,025 quantiles of a lognormal bill size, in fen. The float shapes the curve; amounts are drawn as integers."""
    normal = NormalDist()
    return tuple(
        round(median_fen * exp(sigma * normal.inv_cdf((step + 0.5) / (_STEPS + 1))))
        for step in range(_STEPS + 1)
    )


_SIZES: Final = {
    "21": _quantiles(800_000, 0.9),
    "52": _quantiles(550_000, 0.4),
    "11": _quantiles(18_000, 0.8),
    "14": _quantiles(35_000, 0.7),
    "41": _quantiles(9_000, 0.6),
}
"""Bill sizes by med_type."""


class PlatformBill(NamedTuple):
    """One made-up settlement or reversal, before it is written in one of the platform's dialects."""

    setl_id: str
    init_setl_id: str
    institution: MadeInstitution
    person: int
    insutype: str
    med_type: str
    second: int
    """Second of the settlement day."""
    pay_loc: str
    amounts: Amounts
    rows: tuple[tuple[str, int], ...]
    """fund_pay_type and amount."""

    @property
    def out_of_region(self) -> bool:
        """Somebody else's patient."""
        return self.pay_loc != "2"

    @property
    def fund(self) -> int:
        """Fund of the book."""
        return RESIDENT_FUND if self.insutype == "390" else EMPLOYEE_FUND

    @property
    def pooled(self) -> int:
        """This book's pooled money: what the generator itself put into basic and maternity."""
        if self.out_of_region:
            return 0
        return self.amounts.hifp_pay + (self.amounts.oth_pay if self.insutype == "510" else 0)

    @property
    def account(self) -> int:
        """This book's personal-account money."""
        return 0 if self.out_of_region or self.fund == RESIDENT_FUND else self.amounts.acct_pay

    def reversed(self, setl_id: str, second: int) -> PlatformBill:
        """Its full reversal, later the same day; the account balance is no flow and is not negated."""
        negated = Amounts._make(-amount for amount in self.amounts)._replace(balc=self.amounts.balc)
        rows = tuple((code, -paid) for code, paid in self.rows)
        return self._replace(
            setl_id=setl_id, init_setl_id=self.setl_id, second=second, amounts=negated, rows=rows
        )


class _Draw:
    """Small whole numbers cut from one wide draw: one call to the generator a record."""

    __slots__ = ("bits",)

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def below(self, limit: int) -> int:
        """A number in [0, limit), limit below 2^32; the bias of the remainder does not matter here."""
        drawn = (self.bits & 0xFFFFFFFF) % limit
        self.bits >>= 32
        return drawn


def _size(med_type: str, draw: _Draw) -> int:
    table = _SIZES[med_type]
    step = draw.below(_STEPS)
    low, high = table[step], table[step + 1]
    return max(100, low + draw.below(high - low + 1))


def _kind(institution: MadeInstitution, draw: _Draw) -> tuple[str, str]:
    """med_type and insutype: pharmacies sell to employees; hospitals have mostly inpatients here."""
    if institution.is_pharmacy:
        return "41", "310"
    chance = draw.below(1000)
    resident = draw.below(100) < 45
    if chance < 780:
        return "21", "390" if resident else "310"
    if chance < 805:
        return "52", "390" if resident else ("310" if chance % 2 else "510")
    return ("11" if chance < 920 else "14"), "390" if resident else "310"


def _funds(scope: int, insutype: str, draw: _Draw, *, outside: bool) -> dict[str, int]:
    """Fund amounts by fund_pay_type, within `scope`; the basic fund pays 55 to 85 percent of it."""
    basic = scope * (550 + draw.below(300)) // 1000
    left, chance = scope - basic, draw.below(100)
    if outside:
        return {"910100": basic}
    if insutype == "510":
        return {"510100": basic}
    if insutype == "310":
        funds = {"310101" if chance % 2 else "310100": basic}
        if chance < 8:
            funds["330100"] = left * (200 + draw.below(300)) // 1000
        elif chance < 13:
            funds["320100"] = left * (100 + draw.below(200)) // 1000
        return funds
    funds = {"390100": basic}
    if chance < 10:
        funds["390200"] = left * (200 + draw.below(200)) // 1000
    if chance < 6:
        funds["610100"] = left * (100 + draw.below(200)) // 1000
    return funds


_FIELD_OF: Final = {
    "3101": "hifp_pay",
    "3901": "hifp_pay",
    "3201": "cvlserv_pay",
    "3301": "hifob_pay",
    "3902": "hifmi_pay",
    "6101": "maf_pay",
    "5101": "oth_pay",
    "9101": "oth_pay",
}


def _amounts(
    institution: MadeInstitution, med_type: str, insutype: str, draw: _Draw, *, outside: bool
) -> tuple[Amounts, tuple[tuple[str, int], ...]]:
    medfee = _size(med_type, draw)
    ownpay, overlimit, prepaid = (medfee * draw.below(per_mille) // 1000 for per_mille in (150, 40, 80))
    scope = medfee - ownpay - overlimit - prepaid
    account_only = institution.is_pharmacy and draw.below(100) < 70
    funds = {} if account_only else _funds(scope, insutype, draw, outside=outside)
    fund_sum = sum(funds.values())
    rest = medfee - fund_sum
    hospital = rest * draw.below(200) // 1000 if med_type == "21" and draw.below(100) < 15 else 0
    person = rest - hospital
    chance = draw.below(100)
    account = mulaid = 0
    if insutype != "390" and chance < 60:
        account = person if account_only else person * draw.below(600) // 1000
    elif insutype == "390" and chance < 2:
        account = mulaid = person // 3
    by_field = dict.fromkeys(Amounts._fields, 0)
    for code, paid in funds.items():
        by_field[_FIELD_OF[code[:4]]] += paid
    by_field.update(
        medfee_sumamt=medfee,
        fulamt_ownpay_amt=ownpay,
        overlmt_selfpay=overlimit,
        preselfpay_amt=prepaid,
        inscp_scp_amt=scope,
        act_pay_dedc=min(scope, 80_000) if med_type in {"21", "52"} else 0,
        fund_pay_sumamt=fund_sum,
        hosp_part_amt=hospital,
        psn_part_amt=person,
        acct_pay=account,
        psn_cash_pay=person - account,
        acct_mulaid_pay=mulaid,
        balc=draw.below(60_000) if insutype != "390" else 0,
        hi_agre_sumfee=medfee - hospital,
    )
    rows = list(funds.items())
    if hospital:
        rows.append(("999997" if chance % 5 == 0 else "999996", hospital))
    if account and not mulaid:
        rows.append(("310201", account))
    return Amounts(**by_field), tuple(rows)


def make_bill(rng: random.Random, setl_id: str, institution: MadeInstitution, second: int) -> PlatformBill:
    """An original settlement at an institution, at a second of its day."""
    draw = _Draw(rng.getrandbits(640))
    med_type, insutype = _kind(institution, draw)
    outside = med_type == "21" and draw.below(1000) < 20
    pay_loc = ("3", "4")[draw.below(2)] if outside else "2"
    if outside and insutype == "510":
        insutype = "310"
    person = draw.below(10_000_000)
    amounts, rows = _amounts(institution, med_type, insutype, draw, outside=outside)
    return PlatformBill(setl_id, "", institution, person, insutype, med_type, second, pay_loc, amounts, rows)
