"""Which files may be given in at a page: the act of the command line that takes each, who brings it, what is asked beside it."""

from __future__ import annotations

from typing import Final, NamedTuple

from ledger.books.templates.file_rows import KINDS
from ledger.core.entries import FUND_NAMES
from ledger.core.words import said


class Field(NamedTuple):
    """A value beside the file: its name in the act, its label, the choices it has, whether it must be given, how it is typed."""

    name: str
    label: str
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    kind: str = "text"


class Upload(NamedTuple):
    """A file that may be given in. `dated`: under the business date. `file` is what the act calls it, `beside` a second one."""

    act: str
    title: str
    note: str
    roles: tuple[str, ...]
    place: str
    fields: tuple[Field, ...] = ()
    dated: bool = False
    file: str = "file"
    beside: str = ""
    """What the act calls a second file, which may be left out; empty where there is none."""


_CLEARING: Final = (("21", "21 住院"), ("11", "11 门诊"), ("41", "41 药店"), ("99", "99 其他"))
_FUND: Final = Field(
    "fund", "基金", True, tuple((str(code), f"{code} {name}") for code, name in FUND_NAMES.items())
)
_ACCOUNT: Final = Field("account", "自有账户", True)
_INSTITUTION: Final = Field("institution", "定点机构", True)
_YEAR: Final = Field("year", "服务年度", True)
UPLOADS: Final = {
    "statement": Upload(
        "bank-statement load", "银行对账单", "camt.053、bkrs（XML或OFD）或表格；表格须连同其格式文件（TOML或JSON）。有一处不符即整份拒收。",
        ("accountant",), "region",
        (_ACCOUNT, Field("first", "起日", kind="date"), Field("last", "止日", kind="date"), Field("opening", "期初余额（元）"),
         Field("closing", "期末余额（元）"), Field("number", "对账单编号")), beside="profile"),
    "paper-statement": Upload(
        "bank-statement enter", "按纸质录入的对账单", "表格（CSV），列名固定；待另一人核对后按摘要复核，在此之前不算数。", ("accountant",), "region",
        (_ACCOUNT, Field("first", "起日", True, kind="date"), Field("last", "止日", True, kind="date"),
         Field("opening", "期初余额（元）", True), Field("closing", "期末余额（元）", True), Field("number", "对账单编号")), dated=True),
    "handed": Upload(
        "payments handed in", "人工送来的银行文件", "原样保存，不入账，待另一人向银行核实后复核。", ("accountant",), "region",
        (_ACCOUNT, Field("brought_by", "送来人（银行经办人或出纳以外的同事）", True), Field("document", "依据（银行函件、查询查复书）", True)),
        dated=True),
    "records": Upload(
        "intake load", "结算记录（2304）", "JSON行，一行一笔；好的入库，坏的隔离并列明原因，合计相符。", ("intake",), "region",
        file="files"),
    "totals": Upload(
        "reconcile totals", "月度对总账文件（3201）", "3201的data节点，JSON；平或不平，列明双方数字。", ("maker",), "region", (_INSTITUTION,),
        dated=True),
    "details": Upload(
        "reconcile details", "月度对明细账文件（3202）", "机构明细文件，ZIP；逐笔列出差异。", ("maker",), "region",
        (_INSTITUTION, Field("term", "期号 YYYYMM", True), _FUND, Field("clr_type", "清算类别", True, _CLEARING)), dated=True),
    "lists": Upload(
        "declare lists", "已上传的结算清单", "setl_id、setl_list_id、上传日期，TAB分隔。", ("maker",), "region"),
    "findings": Upload(
        "audit load", "审核结果（3101）", "JSON行；高级别的当即拦截。", ("maker",), "region", dated=True),
    "evidence": Upload(
        "audit attach", "审核结果的证据", "原样保存，不得更改。", ("maker",), "region", (Field("finding", "审核结果编号", True),), dated=True),
    "codes": Upload(
        "audit trace", "药品耗材追溯码", "同一码两次支付即成审核结果。", ("maker",), "region", dated=True),
    "institutions": Upload(
        "institution load", "定点机构", "JSON行；与在用不同的协议、参加方式、收款账户待另一人确认后生效，中止、终止即时生效。", ("maker",), "region",
        (Field("reason", "曾停用的账户重新启用的理由"), Field("correction", "更正同一起始日参加方式的理由"))),
    "holidays": Upload(
        "calendar import", "一年的节假日表", "CSV：year,day,working,source；待另一人复核后生效。", ("maker",), "region"),
    "budget": Upload(
        "clear budget", "清算方案", "JSON：预算、分段、考核等级与个案；待另一人凭摘要复核。", ("maker",), "region", (_FUND, _YEAR), dated=True),
    "rates": Upload(
        "clear rates", "费率、点值", "JSON：一个类别的DRG权重与费率或DIP分值与点值；与可分配预算不符的拒绝。方案待另一人在清算页复核。",
        ("maker",), "region", (_FUND, _YEAR)),
    "vouchers": Upload(
        "book voucher import", "税务、财政文件（逐行制单）", "CSV（UTF-8）或一张工作表的xlsx；合规的行制单，不合规的逐行列明。",
        ("accountant", "maker"), "book",
        (Field("kind", "文件种类", True, tuple((one, said("voucher_file.kind", one)) for one in KINDS)),)),
    "template": Upload(
        "book voucher templates propose", "凭证模板的新一版", "一段[[template]]的TOML；待另一人确认。", ("accountant",), "book",
        (Field("from_day", "自何日起", True, kind="date"),), dated=True),
}  # fmt: skip
"""By the name in the address."""
BY_LINE: Final = frozenset({"records", "lists", "findings", "codes", "institutions"})
"""Files whose lines each stand for themselves: a long one may come as several."""
