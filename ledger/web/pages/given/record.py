"""One settlement record typed in: what a file of one line would say, taken by the same act under the same rules."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.errors import InvalidInput, LedgerError
from ledger.fund.record.fields import STATE_MARKS, TEXT_FIELDS
from ledger.fund.record.record import Amounts
from ledger.web.fields import require_plain
from ledger.web.pages.acts import run_once, same_key
from ledger.web.show import address, page
from ledger.web.sitting import Desk

ROWS: Final = 6
"""Rows of `setldetail` that the form has room for; a record with more comes as a file."""
LABELS: Final[Mapping[str, str]] = {
    "setl_id": "结算ID", "mdtrt_id": "就诊ID", "psn_no": "人员编号", "fixmedins_code": "机构编码", "insutype": "险种类型", "med_type": "医疗类别",
    "clr_type": "清算类别", "setl_time": "结算时间", "poolarea_no": "统筹区编号", "clr_optins": "清算经办机构", "clr_way": "清算方式",
    "pay_loc": "支付地点类别", "out_flag": "异地标志", "insu_admdvs": "参保地区划", "fix_blng_admdvs": "机构所属区划", "setl_type": "结算类别",
    "hosp_lv": "医院等级", "year": "年度", "begndate": "开始日期", "enddate": "结束日期", "medins_setl_id": "机构结算ID",
    "init_setl_id": "原结算ID（冲正）", "refd_setl_flag": "退费结算标志",
    "medfee_sumamt": "医疗费总额", "fulamt_ownpay_amt": "全自费金额", "overlmt_selfpay": "超限价自费", "preselfpay_amt": "先行自付",
    "inscp_scp_amt": "符合政策范围金额", "act_pay_dedc": "实际支付起付线", "hifp_pay": "统筹基金支出", "cvlserv_pay": "公务员医疗补助支出",
    "hifes_pay": "企业补充医疗保险支出", "hifmi_pay": "居民大病保险支出", "hifob_pay": "职工大额补助支出", "maf_pay": "医疗救助支出",
    "hifdm_pay": "伤残人员医疗保障支出", "hi_agre_sumfee": "医保认可费用总额", "oth_pay": "其他支出", "fund_pay_sumamt": "基金支付总额", "hosp_part_amt": "医院负担", "psn_part_amt": "个人负担总额", "acct_pay": "个人账户支出",
    "psn_cash_pay": "个人现金支出", "acct_mulaid_pay": "个人账户共济支付", "balc": "个人账户余额",
}  # fmt: skip
"""What people call the platform's fields (2304); any other by its name."""
_TEXTS: Final = (*(one.name for one in TEXT_FIELDS[:-STATE_MARKS]), "refd_setl_flag")
_NEEDED: Final = frozenset(one.name for one in TEXT_FIELDS if one.required)
_RULES: Final = {one.name: one.rule for one in TEXT_FIELDS}


def form(desk: Desk, _request: Request) -> Response:
    """The empty form."""
    return _form(desk, {})


def take(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """Bring it in, once under the form's key; set aside, the form comes back with why."""
    typed = {name: value.strip() for name, value in form.items() if value.strip()}
    try:
        require_plain({f"v.{name}": typed.get(name, "") for name in (*_TEXTS, *Amounts._fields)}, _called)
        content = _line(typed)
        values: dict[str, Any] = {
            "files": [
                {"name": f"{typed.get('setl_id', 'record')[:30]}.jsonl".replace("/", "_"), "content": content}
            ],
            "region": str(desk.region),
        }
        done, found = run_once(desk, form, "intake load", values)
    except LedgerError as error:
        return _form(desk, typed, error, same_key(form, error))
    if found["quarantined"]:
        return _form(desk, typed, _why(desk, content))
    return page(
        desk, "acted.html", title="已收入", summary=f"结算记录{typed.get('setl_id', '')}", words=done.words, again=done.again,
        whole=done.whole, back=address("records/new", region=desk.region), warnings=[],
    )  # fmt: skip


def _line(typed: Mapping[str, str]) -> str:
    """The record as its line; an amount left empty is nought."""
    info = {name: typed[name] for name in _TEXTS if name in typed}
    info |= {name: typed.get(name, "0.00") for name in Amounts._fields}
    rows = [
        {"fund_pay_type": typed.get(f"type{n}", ""), "fund_payamt": typed.get(f"amount{n}", "0.00")}
        for n in range(ROWS)
        if f"type{n}" in typed or f"amount{n}" in typed
    ]
    return json.dumps({"setlinfo": info, "setldetail": rows}, ensure_ascii=False) + "\n"


def _why(desk: Desk, content: str) -> InvalidInput:
    """Why this line was set aside: field, code and words, as the intake keeps them."""
    with desk.tx() as tx:
        found = tx.rows(
            "SELECT field, code, message FROM fund.quarantine WHERE region IN (0, %(region)s) AND file_sha256 = %(sha)s"
            " ORDER BY load_id DESC LIMIT 1",
            region=desk.region,
            sha=hashlib.sha256(content.encode()).digest(),
        )
    field, rule, message = found[0] if found else ("", "", "记录未被接受")
    where = f"{_called(field)}：" if field else ""
    return InvalidInput("record.refused", f"{where}{message}（已隔离，未入账）", rule=rule)


def _called(name: str) -> str:
    return LABELS.get(name, name)


def _form(desk: Desk, typed: Mapping[str, str], error: LedgerError | None = None, key: str = "") -> Response:
    texts = [(name, _called(name), name in _NEEDED, _RULES[name]) for name in _TEXTS]
    amounts = [(name, _called(name)) for name in Amounts._fields]
    return page(
        desk, "record_form.html", error.status if error else 200, title="填写一笔结算记录", typed=typed, error=error, texts=texts,
        amounts=amounts, rows=ROWS, key=key,
    )  # fmt: skip
