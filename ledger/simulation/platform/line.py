"""Writing a made-up bill as the platform would: several dialects of the same 2304 shape (platform-fields.md 8)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, NamedTuple

from ledger.core.money import yuan
from ledger.simulation.platform.bill import PlatformBill

Token = Callable[[int], str]


def _quoted(fen: int) -> str:
    return f'"{yuan(fen)}"' if fen else '"0.00"'


def _number(fen: int) -> str:
    return yuan(fen) if fen else "0.00"


def _short_number(fen: int) -> str:
    """As programs print decimals: 12.5, 300, 0."""
    return yuan(fen).rstrip("0").rstrip(".") if fen else "0"


_PERSON = (
    '"psn_no":"%(psn_no)s","psn_name":"示例参保人","psn_cert_type":"01","certno":"000000000000000000","gend":"1",'
    '"naty":"01","brdy":"1970-01-01","age":56.0,"insutype":"%(insutype)s","psn_type":"%(psn_type)s",'
    '"cvlserv_flag":"0",'
)
_WHEN = '"setl_time":"%(setl_time)s","mdtrt_cert_type":"02","med_type":"%(med_type)s",'
_SCOPE = (
    '"medfee_sumamt":%(medfee_sumamt)s,"fulamt_ownpay_amt":%(fulamt_ownpay_amt)s,'
    '"overlmt_selfpay":%(overlmt_selfpay)s,"preselfpay_amt":%(preselfpay_amt)s,'
)
_FUNDS = (
    '"hifp_pay":%(hifp_pay)s,"pool_prop_selfpay":0.8500,"cvlserv_pay":%(cvlserv_pay)s,"hifes_pay":%(hifes_pay)s,'
    '"hifmi_pay":%(hifmi_pay)s,"hifob_pay":%(hifob_pay)s,"maf_pay":%(maf_pay)s,'
)
_CLEARING = '"medins_setl_id":"%(msgid)s","clr_optins":"%(region)s","clr_way":"%(clr_way)s","clr_type":"%(clr_type)s",'
_COLUMNS = (
    '"fixmedins_code":"%(fixmedins_code)s","poolarea_no":"%(region)s","insu_admdvs":"%(insu_admdvs)s",'
    '"fix_blng_admdvs":"%(region)s","pay_loc":"%(pay_loc)s","out_flag":"%(out_flag)s","setl_type":"2",'
    '"hosp_lv":"%(hosp_lv)s","refd_setl_flag":"%(refd_setl_flag)s","init_setl_id":%(init_setl_id)s,'
    '"vali_flag":"1","year":"%(year)s","begndate":"%(begndate)s","enddate":"%(day)s","msgid":"%(msgid)s"'
)
_NAMES = '"mdtrt_id":"%(mdtrt_id)s","setl_id":"%(setl_id)s",'
_PLAIN_TAIL = (
    '"inscp_scp_amt":%(inscp_scp_amt)s,"act_pay_dedc":%(act_pay_dedc)s,'
    + _FUNDS
    + '"hifdm_pay":%(hifdm_pay)s,"oth_pay":%(oth_pay)s,"fund_pay_sumamt":%(fund_pay_sumamt)s,'
    '"hosp_part_amt":%(hosp_part_amt)s,"psn_part_amt":%(psn_part_amt)s,"acct_pay":%(acct_pay)s,'
    '"psn_cash_pay":%(psn_cash_pay)s,"balc":%(balc)s,"acct_mulaid_pay":%(acct_mulaid_pay)s,'
)
_SPARSE_TAIL = (
    '"inscp_scp_amt":%(inscp_scp_amt)s,"act_pay_dedc":null,'
    + _FUNDS
    + '"oth_pay":%(oth_pay)s,"fund_pay_sumamt":%(fund_pay_sumamt)s,"hosp_part_amt":%(hosp_part_amt)s,'
    '"psn_part_amt":%(psn_part_amt)s,"acct_pay":%(acct_pay)s,"psn_cash_pay":%(psn_cash_pay)s,"balc":null,'
    '"acct_mulaid_pay":%(acct_mulaid_pay)s,'
)
_ALIAS_TAIL = (
    '"inscp_amt":%(inscp_scp_amt)s,'
    + _FUNDS
    + '"othfund_pay":%(oth_pay)s,"fund_pay_sumamt":%(fund_pay_sumamt)s,"hosp_part_amt":null,'
    '"ownpay_hosp_part":%(hosp_part_amt)s,"psn_part_amt":null,"psn_pay":%(psn_part_amt)s,'
    '"acct_pay":%(acct_pay)s,"cash_payamt":%(psn_cash_pay)s,"acct_mulaid_pay":null,'
)
_REST = '"hi_agre_sumfee":%(hi_agre_sumfee)s,'


class Dialect(NamedTuple):
    """A template over the fields by name, and how it writes an amount."""

    template: str
    token: Token


_STRINGS = Dialect(
    '{"setlinfo":{'
    + _NAMES
    + _PERSON
    + _WHEN
    + _SCOPE
    + _PLAIN_TAIL
    + _REST
    + _CLEARING
    + '"exp_content":"",'
    + _COLUMNS
    + '},"setldetail":[%(rows)s]}',
    _quoted,
)
_NUMBERS = Dialect(
    '{"setlinfo":{'
    + _NAMES
    + _PERSON
    + _WHEN
    + _SCOPE
    + _SPARSE_TAIL
    + _CLEARING
    + _COLUMNS
    + '},"setldetail":[%(rows)s]}',
    _number,
)
_ALIASES = Dialect(
    '{"setldetail":[%(rows)s],"setlinfo":{'
    + _CLEARING
    + _WHEN
    + _SCOPE
    + _ALIAS_TAIL
    + _NAMES
    + _PERSON
    + '"expContent":null,'
    + _COLUMNS
    + "}}",
    _short_number,
)
_ANSWER = Dialect('{"infcode":0,"err_msg":"","output":' + _STRINGS.template + "}", _quoted)

DIALECTS: Final = (*[_STRINGS] * 8, *[_NUMBERS] * 4, *[_ALIASES] * 3, _ANSWER)
"""Drawn evenly: half strings, a quarter numbers, the rest aliases with nulls and whole answers."""

REVERSAL_DIALECT: Final = _ALIASES
"""2305 answers with null psn_part_amt and hosp_part_amt, the values in psn_pay and ownpay_hosp_part."""

_CLR_TYPE: Final = {"21": "21", "52": "21", "11": "11", "14": "11", "41": "41"}


def _row(code: str, paid: int, scope: str, token: Token) -> str:
    return (
        f'{{"fund_pay_type":"{code}","inscp_scp_amt":{scope},"crt_payb_lmt_amt":null,'
        f'"fund_payamt":{token(paid)},"fund_pay_type_name":"","setl_proc_info":null}}'
    )


def write_line(bill: PlatformBill, dialect: Dialect, day: date, clock: Mapping[int, str]) -> str:
    """The bill as one line of JSON without newline. `clock` gives HH:MM:SS by second of the day."""
    token, amounts, institution = dialect.token, bill.amounts, bill.institution
    region = str(institution.region)
    iso, serial = day.isoformat(), bill.setl_id[-9:]
    fields: dict[str, str] = dict(zip(amounts._fields, map(token, amounts), strict=True))
    scope = fields["inscp_scp_amt"]
    fields |= {
        "setl_id": bill.setl_id,
        "mdtrt_id": f"M{(bill.init_setl_id or bill.setl_id)}",
        "psn_no": f"{region}{bill.person:012d}",
        "insutype": bill.insutype,
        "psn_type": "1501" if bill.insutype == "390" else "1101",
        "setl_time": f"{iso} {clock[bill.second]}",
        "med_type": bill.med_type,
        "msgid": f"{institution.code}{iso[:4]}{iso[5:7]}{iso[8:]}{serial}",
        "region": region,
        "clr_way": "3" if bill.med_type == "21" else "1",
        "clr_type": _CLR_TYPE[bill.med_type],
        "fixmedins_code": institution.code,
        "insu_admdvs": "500103" if bill.out_of_region else f"{region[:4]}02",
        "pay_loc": bill.pay_loc,
        "out_flag": "2" if bill.out_of_region else "0",
        "hosp_lv": institution.level,
        "refd_setl_flag": "1" if bill.init_setl_id else "0",
        "init_setl_id": f'"{bill.init_setl_id}"' if bill.init_setl_id else "null",
        "year": iso[:4],
        "begndate": iso,
        "day": iso,
        "rows": ",".join([_row(code, paid, scope, token) for code, paid in bill.rows]),
    }
    return dialect.template % fields
