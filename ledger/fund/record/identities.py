"""The amount identities of a settlement (platform-fields.md 2.1–2.3): to the fen, or the record is refused."""

from __future__ import annotations

from ledger.core.errors import InvalidInput
from ledger.core.money import yuan
from ledger.fund.record.details import RowSums
from ledger.fund.record.record import Amounts

_FUNDS = slice(Amounts._fields.index("hifp_pay"), Amounts._fields.index("fund_pay_sumamt") + 1)
"""The fund columns and their total stand side by side."""


def _broken(code: str, field: str, rule: str, left: int, right: int) -> InvalidInput:
    return InvalidInput(
        f"record.{code}",
        f"{rule}不成立：左边{yuan(left)}元，右边{yuan(right)}元，相差{left - right}分",
        field=field,
        left_fen=left,
        right_fen=right,
    )


def check_amounts(m: Amounts) -> None:
    """Identities 1, 3 and 4; raises InvalidInput `record.identity_1`, `_3`, `_4` with both sides and the difference."""
    parts = m.fund_pay_sumamt + m.psn_part_amt + m.hosp_part_amt
    if m.medfee_sumamt != parts:
        rule = "恒等式1（医疗费总额＝基金支付总额＋个人负担＋医院负担）"
        raise _broken("identity_1", "medfee_sumamt", rule, m.medfee_sumamt, parts)
    funds = (
        m.hifp_pay
        + m.cvlserv_pay
        + m.hifes_pay
        + m.hifmi_pay
        + m.hifob_pay
        + m.maf_pay
        + m.hifdm_pay
        + m.oth_pay
    )
    if m.fund_pay_sumamt != funds:
        rule = "恒等式3（基金支付总额＝各项基金支出之和）"
        raise _broken("identity_3", "fund_pay_sumamt", rule, m.fund_pay_sumamt, funds)
    scopes = m.fulamt_ownpay_amt + m.overlmt_selfpay + m.preselfpay_amt + m.inscp_scp_amt
    if m.medfee_sumamt != scopes:
        rule = "恒等式4（医疗费总额＝全自费＋超限价＋先行自付＋政策范围内）"
        raise _broken("identity_4", "medfee_sumamt", rule, m.medfee_sumamt, scopes)


def check_rows(m: Amounts, rows: RowSums) -> None:
    """Fund rows = fund_pay_sumamt, basic rows = hifp_pay; raises `record.identity_detail`, `record.identity_hifp`.

    999997 counts as a fund when the total asks for it; else it must be exactly the rest of the hospital's share.
    """
    funds = rows.fund
    if m.fund_pay_sumamt != funds or rows.undecided not in (0, m.hosp_part_amt - rows.hospital):
        funds += rows.undecided
    if m.fund_pay_sumamt != funds:
        rule = "基金分项合计（只计基金行）与基金支付总额相等"
        raise _broken("identity_detail", "setldetail.fund_payamt", rule, funds, m.fund_pay_sumamt)
    if m.hifp_pay not in (rows.basic, rows.basic + rows.basic_or_other):
        rule = "基本医保基金分项合计与统筹基金支出相等"
        raise _broken("identity_hifp", "hifp_pay", rule, rows.basic, m.hifp_pay)


def check_signs(m: Amounts, rows: RowSums, *, is_reversal: bool) -> None:
    """An original is nowhere below zero, a reversal nowhere above, in every fund amount; raises `record.sign`."""
    amounts: tuple[int, ...] = m
    signed = (m.medfee_sumamt, *amounts[_FUNDS], m.acct_pay, m.acct_mulaid_pay, rows.lowest, rows.highest)
    wrong = max(signed) > 0 if is_reversal else min(signed) < 0
    if wrong:
        raise InvalidInput(
            "record.sign",
            "冲销记录的费用与基金金额应全部不大于零"
            if is_reversal
            else "未注明原结算ID（init_setl_id）的记录不得有负的费用或基金金额",
            field="medfee_sumamt" if not is_reversal or m.medfee_sumamt > 0 else "fund_pay_sumamt",
        )


def mulaid_inside(m: Amounts, *, region_rule: bool | None) -> tuple[bool, str]:
    """Whether 共济 money is part of acct_pay, and a warning ("" if none): platform-fields.md 2.1 no. 2, 2.2.

    `region_rule` is the region's switch, None where it is not known; the sum decides, the switch only warns.
    """
    plain = m.acct_pay + m.psn_cash_pay
    inside, beside = m.psn_part_amt == plain, m.psn_part_amt == plain + m.acct_mulaid_pay
    if not inside and not beside:
        rule = "恒等式2（个人负担＝个人账户＋个人现金，共济内含或另计）不成立"
        return True, f"{rule}：个人负担{yuan(m.psn_part_amt)}元，账户与现金{yuan(plain)}元"
    if region_rule is None or (inside and beside) or region_rule == inside:
        return inside, ""
    return inside, f"共济支付在本条中{'内含于' if inside else '另计于'}个人账户支出，与统筹区约定不同"
