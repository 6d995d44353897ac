"""Institutions in words: how each stands, what waits for a second person, what to type next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ledger.core.money import ratio_text
from ledger.core.words import words_of
from ledger.fund.institutions.load import Loaded
from ledger.fund.institutions.payees import Proposed
from ledger.fund.institutions.proposals import OpenProposal, Waiting
from ledger.fund.institutions.read import PayeeAccount, Standing, TermsVersion

STATE_NAMES: Final = words_of("institution.state")
MODE_NAMES: Final = words_of("enrolment.mode")
CYCLE_NAMES: Final = words_of("enrolment.cycle")
TYPE_NAMES: Final = words_of("institution.type")
_ACCOUNT_STATES: Final = words_of("payee.state")
KINDS: Final = words_of("terms.kind")
_TERMS_STATES: Final = words_of("terms.state")
_NAMED: Final = {"agreement": "机构名称", "payee": "户名"}
_FIELDS: Final = {
    "name": "名称",
    "type": "类型",
    "level": "级别",
    "agreement_state": "协议状态",
    "agreement_from": "协议起",
    "agreement_to": "协议止",
    "mode": "结算方式",
    "cycle": "周期",
    "ratio": "日比例",
    "month_ratio": "月比例（其余为质量保证金）",
    "number": "账号",
    "bank_name": "开户行",
    "cnaps": "行号",
}
_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "type": TYPE_NAMES,
    "agreement_state": STATE_NAMES,
    "mode": MODE_NAMES,
    "cycle": CYCLE_NAMES,
}


def standing_line(one: Standing) -> str:
    """One institution in one line."""
    how = "未参加日拨付"
    if (
        one.mode is not None
        and one.cycle is not None
        and one.ratio is not None
        and one.month_ratio is not None
    ):
        how = f"{MODE_NAMES[one.mode]}、{CYCLE_NAMES[one.cycle]}、日比例{ratio_text(one.ratio)}、月比例{ratio_text(one.month_ratio)}"
    payee = (
        "无在用账户"
        if one.payee_number is None
        else f"{one.payee_number}（{one.payee_name}，{one.payee_bank}）"
    )
    waiting = f"；待确认{one.waiting}项" if one.waiting else ""
    return f"{one.institution} {one.name}：协议{STATE_NAMES[one.agreement_state]}，{how}；{payee}{waiting}"


def open_lines(waiting: Waiting, failed: Mapping[str, PayeeAccount]) -> list[str]:
    """Each proposal: what changes from what to what, from when, by whom, why; an account instead of the one that `failed`."""
    return [line for one in waiting.proposals for line in _open(one, failed.get(one.institution))]


def _open(one: OpenProposal, failed: PayeeAccount | None) -> list[str]:
    when = "确认之日" if one.from_day is None else str(one.from_day)
    by = f"{one.proposed_by}于{one.proposed_on}提出" if one.proposed_on else f"{one.proposed_by}提出"
    why = f"，理由：{one.why}" if one.why else ""
    head = f"{one.institution} {one.name}：{KINDS[one.kind]}（第{one.version}版{'，更正' if one.proposed.get('correction') else ''}）自{when}起，{by}{why}"
    before: Mapping[str, object] = one.in_force or {}
    rows = []
    if one.kind == "payee" and not before and failed is not None:
        before = {field: getattr(failed, field) for field in ("name", "number", "bank_name", "cnaps")}
        rows.append(f"    现行为被银行退拒的账户，已停用{_on(failed.ended_on)}")
    for field in _FIELDS:
        if field not in one.proposed:
            continue
        new, old = _word(field, one.proposed[field]), _word(field, before.get(field))
        title = _title(one.kind, field)
        rows.append(f"    {title}：{new}（不变）" if new == old else f"    {title}：{old} → {new}")
    return [head, *rows]


def _title(kind: str, field: str) -> str:
    return _NAMED[kind] if field == "name" else _FIELDS[field]


def _word(field: str, value: object) -> str:
    if value is None:
        return "（无）"
    if field.endswith("ratio"):
        return ratio_text(int(str(value)))
    return _VALUES.get(field, {}).get(str(value), str(value))


def next_lines(waiting: Waiting, region: int, institution: str = "") -> list[str]:
    """The digest and what another person types, once they have checked it."""
    if not waiting.digest:
        return ["没有待另一人确认的事项"]
    place = f"{institution} " if institution else ""
    lines = [
        f"待确认{len(waiting.proposals)}项，摘要 {waiting.digest}",
        f"核对无误后，由另一人：fundledger institution confirm {place}--region {region} --digest {waiting.digest}",
    ]
    if institution:
        lines.append(
            f"有误则退回：fundledger institution refuse {institution} --region {region} --digest {waiting.digest} --reason 理由"
        )
    return lines


def account_line(one: PayeeAccount) -> str:
    """One account of an institution's history."""
    who = f"{one.proposed_by}提出{_on(one.proposed_on)}"
    if one.why:
        who += f"（{one.why}）"
    if one.confirmed_by:
        who += f"，{one.confirmed_by}{'退回' if one.state == 'refused' else '确认'}{_on(one.decided_on)}"
    ended = f"；{one.reason}{_on(one.ended_on)}" if one.reason else ""
    return f"    第{one.version}版 {_ACCOUNT_STATES[one.state]}：{one.number} {one.name} {one.bank_name} {one.cnaps}，{who}{ended}"


def terms_line(one: TermsVersion) -> str:
    """One version of what an institution agreed to or is paid by."""
    what = "、".join(
        f"{_title(one.kind, field)}{_word(field, value)}"
        for field in _FIELDS
        if (value := getattr(one, field, None)) is not None
    )
    who = f"{one.proposed_by}提出{_on(one.proposed_on)}" if one.proposed_by else "0.2版一人设定"
    if one.why:
        who += f"（{one.why}）"
    if one.confirmed_by and one.proposed_by:
        who += f"，{one.confirmed_by}{'退回' if one.state == 'refused' else '确认'}{_on(one.decided_on)}"
    since = f"自{one.from_day}起" if one.from_day else ""
    ended = f"；{one.reason}" if one.reason else ""
    return f"    {KINDS[one.kind]}第{one.version}版 {_TERMS_STATES[one.state]}：{since}{what}，{who}{ended}"


def confirmed_line(decided: Mapping[str, int]) -> str:
    """How many of each kind."""
    return "、".join(f"{KINDS[kind]}{count}项" for kind, count in decided.items())


def _on(day: object) -> str:
    return "" if day is None else f"（{day}）"


def payee_lines(done: Proposed, institution: str) -> list[str]:
    """What became of one account proposed."""
    if done.in_force:
        return [f"机构{institution}的这一账户已在用，没有再提出"]
    if done.waiting:
        return [f"机构{institution}的这一账户已在待另一人确认，没有再提出"]
    return [f"机构{institution}的新收款账户已提出，待另一人确认，自确认之日起用"]


def loaded_lines(done: Loaded) -> list[str]:
    """What a load did, kind by kind."""
    payees, terms = done.payees, done.terms
    lines = [
        f"新增机构{len(done.new)}家，提出更名{len(done.names)}家，协议即时中止或终止{len(terms.stopped)}家",
        f"协议：提出{len(terms.agreements)}项；参加方式：提出{len(terms.enrolments)}项，更正{len(terms.corrections)}项；"
        f"已在待确认{len(terms.waiting)}项",
        f"收款账户：提出{len(payees.proposed)}个，已在待确认{len(payees.waiting)}个，已在用而未再提出{len(payees.in_force)}个",
    ]
    lines += _named("曾停用的账户，未写明理由而未提出（在payee中写reason，或用--reason）", payees.came_back)
    if done.waits:
        lines.append("待另一人确认：fundledger institution list --open")
    return lines


def _named(what: str, codes: Sequence[str]) -> list[str]:
    return [f"{what}：{'、'.join(codes)}"] if codes else []
