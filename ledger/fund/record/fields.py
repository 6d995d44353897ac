"""The 2304 shape as data: which fields are read, how each must look, which names stand for each other.

Source: platform-fields.md 2 (2304/2207 output, 2305 reversal) and 2.4 (further columns of SETL_D).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ledger.fund.record.record import Amounts

LINE_BYTES_MAX: Final = 64 * 1024
"""A record has about 2 KB; whatever is 30 times that is no record."""

DETAILS_MAX: Final = 50
"""Rows of `setldetail` in one record; the dictionary has some 25 funds."""

# Ids are opaque (4.7: never parsed), but they travel through COPY, CSV and canonical texts: no |, \, quotes, spaces.
_ID = r"[!#-&(-\[\]-{}~]{1,30}"
_CODE = r"[0-9A-Za-z]{1,6}"
_REGION = r"[1-9][0-9]{5}"
_FLAG = r"[0-9A-Za-z]{1,3}"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


class TextField(NamedTuple):
    """One text field: its name, the pattern of its value, whether it must be there, the rule in words."""

    name: str
    pattern: str
    required: bool
    rule: str


_ID_RULE = "应为1至30位可见ASCII字符"
_CODE_RULE = "应为1至6位字母数字代码"
_REGION_RULE = "应为6位医保区划"
_FLAG_RULE = "应为1至3位标志"
_DAY_RULE = "应为YYYY-MM-DD"

TEXT_FIELDS: Final = (
    TextField("setl_id", _ID, True, _ID_RULE),
    TextField("mdtrt_id", _ID, True, _ID_RULE),
    TextField("psn_no", _ID, True, _ID_RULE),
    TextField("fixmedins_code", r"[A-Z][0-9A-Z]{1,29}", True, "应为大写字母开头的机构编码"),
    TextField("insutype", _CODE, True, _CODE_RULE),
    TextField("med_type", _CODE, True, _CODE_RULE),
    TextField("clr_type", _CODE, True, _CODE_RULE),
    TextField("setl_time", _DAY + r" [0-9]{2}:[0-9]{2}:[0-9]{2}", True, "应为YYYY-MM-DD HH:MM:SS"),
    TextField("poolarea_no", _REGION, False, _REGION_RULE),
    TextField("clr_optins", _REGION, False, _REGION_RULE),
    TextField("clr_way", _CODE, False, _CODE_RULE),
    TextField("pay_loc", _CODE, False, _CODE_RULE),
    TextField("out_flag", _FLAG, False, _FLAG_RULE),
    TextField("insu_admdvs", _REGION, False, _REGION_RULE),
    TextField("fix_blng_admdvs", _REGION, False, _REGION_RULE),
    TextField("setl_type", _CODE, False, _CODE_RULE),
    TextField("hosp_lv", _CODE, False, _CODE_RULE),
    TextField("year", r"[0-9]{4}", False, "应为4位年度"),
    TextField("begndate", _DAY, False, _DAY_RULE),
    TextField("enddate", _DAY, False, _DAY_RULE),
    TextField("medins_setl_id", _ID, False, _ID_RULE),
    TextField("init_setl_id", _ID, False, _ID_RULE),
    # Transport and state marks come last: a resend or a later reversal changes them, not the settlement.
    TextField("msgid", _ID, False, _ID_RULE),
    TextField("refd_setl_flag", _FLAG, False, _FLAG_RULE),
    TextField("vali_flag", _FLAG, False, _FLAG_RULE),
)
TEXT_NAMES: Final = tuple(field.name for field in TEXT_FIELDS)
STATE_MARKS: Final = 3
"""How many of the last text fields stay out of the content digest."""

SEPARATOR: Final = "|"
HEAD: Final = re.compile(
    r"\|".join(field.pattern if field.required else f"(?:{field.pattern})?" for field in TEXT_FIELDS),
    re.ASCII,
)
"""All text fields of a record, joined by `SEPARATOR` in order, matched at once: one call instead of 25."""

ALIASES: Final = {
    "inscp_scp_amt": ("inscp_amt",),
    "oth_pay": ("othfund_pay",),
    "psn_part_amt": ("psn_pay",),
    "psn_cash_pay": ("cash_payamt", "pdn_cash_pay"),
    "hosp_part_amt": ("ownpay_hosp_part",),
}
"""Names used for the same amount by other interfaces, read only when the first is absent or null."""

MONEY_NAMES: Final = Amounts._fields
MONEY_OPTIONAL: Final = frozenset(
    {
        "act_pay_dedc",
        "hifdm_pay",
        "hosp_part_amt",
        "psn_part_amt",
        "balc",
        "acct_mulaid_pay",
        "hi_agre_sumfee",
    }
)
"""May be absent (not marked Y in 2304, or null in a real 2305); absent adds nothing to a sum."""

FUND_FIELDS: Final = (
    "hifp_pay",
    "cvlserv_pay",
    "hifes_pay",
    "hifmi_pay",
    "hifob_pay",
    "maf_pay",
    "hifdm_pay",
    "oth_pay",
)

MONEY_FORMAT: Final = SEPARATOR.join(["%d"] * len(MONEY_NAMES))
POOLING_TYPE: Final = re.compile(r"[0-9A-Za-z]{1,6}", re.ASCII)

DEFAULTS: Final = {"pay_loc": "2", "out_flag": "0", "setl_type": "2"}
"""A bare 2304 answer lacks these columns: it is a networked settlement at an institution, in its own region."""
