"""Whether an institution can be what its line says: a pharmacy or clinic is no hospital, and has nobody to pay for by day.

Daily payout is for inpatient costs (art. 6: 参保人员出院结算之日起两日内; arts. 3, 9): whoever discharges nobody has none. Its
costs, of whatever category, go with the compressed month (art. 4).
"""

from __future__ import annotations

import re
from typing import Final

from ledger.core.errors import InvalidInput

HOSPITAL: Final = "1"
PHARMACY: Final = "2"
BOTH: Final = "3"
"""fixmedins_type (platform-fields.md 4)."""

_LETTERS: Final = {"H": frozenset({HOSPITAL, BOTH}), "P": frozenset({PHARMACY, BOTH})}
"""First letter of a national code: H 医疗机构, P 零售药店. Other letters are a region's own and say nothing."""
_PHARMACY_NAME: Final = re.compile("药店|药房|药业连锁|医药连锁")
_CLINIC_NAME: Final = re.compile("诊所|门诊部|卫生室|卫生所|医务室|卫生站|卫生服务站|护理站")
"""Places of care without beds. A 卫生院 or 社区卫生服务中心 may have some."""
_HOSPITAL_NAME: Final = re.compile("医院|卫生院|保健院")
_GRADED: Final = re.compile("0[1-9]|10|[123]")
"""hosp_lv of a graded hospital: 01 三级特等 to 10 一级丙等; 11 is 无等级. Some regions send the grade alone."""


def judge(code: str, name: str, type_: str, level: str, mode: str) -> None:
    """Raise InvalidInput `institution.type_code`, `institution.clinic_as_hospital`, `institution.daily_not_inpatient`."""
    if type_ not in _LETTERS.get(code[:1], {HOSPITAL, PHARMACY, BOTH}):
        raise InvalidInput(
            "institution.type_code",
            f"机构{code}的编码与类型不符：H开头为医疗机构，P开头为零售药店",
            institution=code,
        )
    hospital = _HOSPITAL_NAME.search(name) is not None
    if type_ == HOSPITAL and not hospital and _PHARMACY_NAME.search(name):
        raise InvalidInput(
            "institution.type_code",
            f"机构{code}（{name[:40]}）是零售药店，不能登记为医疗机构",
            institution=code,
        )
    clinic = not hospital and _CLINIC_NAME.search(name) is not None
    if clinic and type_ == HOSPITAL and _GRADED.fullmatch(level):
        raise InvalidInput(
            "institution.clinic_as_hospital",
            f"机构{code}（{name[:40]}）是门诊机构，不能以医院等级{level}登记",
            institution=code,
        )
    if mode == "daily" and (type_ == PHARMACY or clinic):
        raise InvalidInput(
            "institution.daily_not_inpatient",
            f"机构{code}（{name[:40]}）没有住院，不能按日拨付：日拨付限住院费用，其费用随月结算",
            institution=code,
        )
