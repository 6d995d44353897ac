"""What a proposal about an institution says, in words: whoever confirms it reads neither codes nor ten-thousandths."""

from __future__ import annotations

from typing import Final

from ledger.core.words import said

FIELDS: Final = {
    "name": "户名", "agreement.name": "机构名称", "number": "账号", "bank_name": "开户行", "cnaps": "行号", "type": "类别", "level": "级别",
    "agreement_state": "协议状态", "agreement_from": "协议自", "agreement_to": "协议至", "from_day": "自", "mode": "参加方式", "cycle": "周期",
    "ratio": "日拨付比例", "month_ratio": "月结算比例", "correction": "更正同日起的一版",
}  # fmt: skip
"""What a proposal's values are called, where a word means different things by its kind."""
_WORDS: Final = {
    "type": "institution.type",
    "agreement_state": "institution.state",
    "mode": "enrolment.mode",
    "cycle": "enrolment.cycle",
}


def called(kind: str, name: str) -> str:
    """What a value of a proposal of this kind is called."""
    return FIELDS.get(f"{kind}.{name}", FIELDS.get(name, name))


def value_said(name: str, value: object) -> str:
    """A value in words: ratios, stored in ten-thousandths, as percent."""
    if value is None:
        return "—"
    if isinstance(value, bool):
        return "是" if value else "否"
    if name in ("ratio", "month_ratio") and isinstance(value, int):
        return f"{value // 100}.{value % 100:02d}%"
    return said(_WORDS[name], str(value)) if name in _WORDS else str(value)


def terms_said(values: dict[str, object]) -> str:
    """The values of one version of an agreement or of how an institution is paid, those that are there, on one line."""
    return "，".join(
        f"{called('agreement', name)} {value_said(name, value)}"
        for name, value in values.items()
        if name in FIELDS and value is not None and value is not False
    )
