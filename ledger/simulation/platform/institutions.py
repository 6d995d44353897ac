"""Made-up institutions for demonstrations and tests: a few large ones take most of the patients (Zipf)."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Final

from ledger.core.entries import EMPLOYEE_FUND, FUNDS
from ledger.core.money import parse_ratio

HOSPITAL_LEVELS: Final = ("02", "03", "05", "06", "08", "11")
_ZIPF_SCALE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class MadeInstitution:
    """One institution of the made-up master file, and what the generator must know to recompute payables."""

    code: str
    name: str
    region: int
    level: str
    is_pharmacy: bool
    daily: bool
    ratio: str
    serial: int

    @property
    def ratio_units(self) -> int:
        """Daily ratio in ten-thousandths."""
        return parse_ratio(self.ratio)

    def line(self, day: date) -> str:
        """Its line of `institutions.jsonl`, in force all year round `day`."""
        start, end = date(day.year - 1, 1, 1).isoformat(), date(day.year + 1, 12, 31).isoformat()
        return json.dumps(
            {
                "code": self.code,
                "name": self.name,
                "region": self.region,
                "level": self.level,
                "type": "pharmacy" if self.is_pharmacy else "hospital",
                "status": "active",
                "agreement_start": start,
                "agreement_end": end,
                "enrolment": {
                    "mode": "daily" if self.daily else "monthly",
                    "ratio": self.ratio,
                    "month_ratio": "0.95",
                    "cycle": "daily",
                    "start": start,
                },
                "payee": {
                    "name": self.name,
                    "account": f"6222{self.region:06d}{self.serial:09d}",
                    "bank_name": f"模拟银行第{self.serial % 17 + 1}支行",
                    "cnaps": f"102{self.region // 100:04d}{self.serial % 17 + 1:05d}",
                },
                "funds": [EMPLOYEE_FUND] if self.is_pharmacy else list(FUNDS),
            },
            ensure_ascii=False,
        )


def make_institutions(count: int, region: int) -> list[MadeInstitution]:
    """`count` institutions: every tenth a pharmacy, every seventh hospital still monthly, every ninth at 0.55."""
    made = []
    for serial in range(1, count + 1):
        is_pharmacy = serial % 10 == 0
        kind = "药店" if is_pharmacy else "医院"
        made.append(
            MadeInstitution(
                code=f"{'P' if is_pharmacy else 'H'}{region:06d}{serial:05d}",
                name=f"示例统筹区第{serial}{kind}",
                region=region,
                level="11" if is_pharmacy else HOSPITAL_LEVELS[serial % len(HOSPITAL_LEVELS)],
                is_pharmacy=is_pharmacy,
                daily=not is_pharmacy and serial % 7 != 0,
                ratio="0.55" if serial % 9 == 0 else "0.6",
                serial=serial,
            )
        )
    return made


class Crowd:
    """Draws institutions with weight 1/rank, in whole numbers."""

    def __init__(self, institutions: Sequence[MadeInstitution]) -> None:
        self.institutions = institutions
        self.cumulative = list(accumulate(_ZIPF_SCALE // rank for rank in range(1, len(institutions) + 1)))
        self.total = self.cumulative[-1]

    def pick(self, draw: int) -> MadeInstitution:
        """The institution for a draw of any non-negative whole number."""
        return self.institutions[bisect_right(self.cumulative, draw % self.total)]
