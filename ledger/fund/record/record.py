"""The settlement record as the ledger keeps it: no names, no identity numbers, all money in integer fen."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple


class Amounts(NamedTuple):
    """The money of one settlement in fen under the platform's own names; absent reads as 0 once it is here."""

    medfee_sumamt: int
    """医疗费总额"""
    fulamt_ownpay_amt: int
    """全自费金额"""
    overlmt_selfpay: int
    """超限价自费费用"""
    preselfpay_amt: int
    """先行自付金额"""
    inscp_scp_amt: int
    """符合政策范围金额"""
    act_pay_dedc: int
    """实际支付起付线"""
    hifp_pay: int
    """基本医疗保险统筹基金支出"""
    cvlserv_pay: int
    """公务员医疗补助资金支出"""
    hifes_pay: int
    """企业补充医疗保险基金支出"""
    hifmi_pay: int
    """居民大病保险资金支出"""
    hifob_pay: int
    """职工大额医疗费用补助基金支出"""
    maf_pay: int
    """医疗救助基金支出"""
    hifdm_pay: int
    """伤残人员医疗保障基金支出"""
    oth_pay: int
    """其他支出"""
    fund_pay_sumamt: int
    """基金支付总额"""
    hosp_part_amt: int
    """医院负担金额: never payable"""
    psn_part_amt: int
    """个人负担总金额"""
    acct_pay: int
    """个人账户支出"""
    psn_cash_pay: int
    """个人现金支出"""
    balc: int
    """个人账户余额"""
    acct_mulaid_pay: int
    """个人账户共济支付金额"""
    hi_agre_sumfee: int
    """医保认可费用总额"""


class SettlementRecord(NamedTuple):
    """One validated settlement or reversal.

    Text is printable ASCII without `|`, `\\` or quotes, "" where the platform sent nothing; a date not sent is None.
    Every field before `details` needs no escaping in a COPY line.
    """

    setl_id: str
    """The platform's key, and ours: a record is stored once under it."""
    region: int
    """Pooling region: `poolarea_no`, else `clr_optins`."""
    institution: str
    """`fixmedins_code`"""
    insutype: str
    book: int
    """Fund of the book: 310 employee (maternity included), 390 resident."""
    med_type: str
    category: str
    """Benefit category of `ledger.core.entries.Dimensions`."""
    inpatient: bool
    """住院类: what daily payout is for (art. 3), 52 生育住院 included."""
    clr_type: str
    clr_way: str
    pay_loc: str
    out_flag: str
    out_of_region: bool
    """Somebody else's patient: no money of this book."""
    psn_no: str
    mdtrt_id: str
    medins_setl_id: str
    msgid: str
    init_setl_id: str
    """The reversed settlement; "" for an original."""
    is_reversal: bool
    setl_time: datetime
    """Asia/Shanghai, naive."""
    day: date
    term: int
    """期号 yyyymm of `setl_time`."""
    year: int
    """Service year: of `setl_time` for an original; 0 for a reversal, whose year is its original's."""
    begndate: date | None
    enddate: date | None
    insu_admdvs: str
    fix_blng_admdvs: str
    setl_type: str
    hosp_lv: str
    pooled_fen: int
    """This book's pooled-fund money (procedure.md 2.2): the base of the daily payable; 0 out of region."""
    account_fen: int
    """This book's personal-account money: settled by month, never daily; 0 out of region."""
    amounts: Amounts
    details: str
    """Fund rows in a canonical order: `type,pooling type,paid,in scope,limit` in fen, joined by `;`."""
    canonical: str
    """Everything kept, in the order of fund.record's columns from `setl_id` to `details`, joined by `|`."""
    content_digest: bytes
    """SHA-256 of `canonical`: everything kept but transport and state marks (`msgid`, `refd_setl_flag`, `vali_flag`)."""
    warnings: tuple[str, ...]
    """What a reviewer should see though the record is good, one Chinese sentence each."""


class Refusal(NamedTuple):
    """Why a line is quarantined. `setl_id` is "" when it could not be read."""

    line: int
    setl_id: str
    field: str
    code: str
    message: str
