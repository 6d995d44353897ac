"""Findings 审核结果 (art. 18): what audit says against a record or an institution, loaded or entered, once each.

A finding names the record's share of one book and sub-fund. high holds the record at once, low is a notice only.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, Final, NamedTuple

import psycopg

from ledger.core.accounts import coded
from ledger.core.errors import Conflict, InvalidInput, LedgerError, NotFound
from ledger.core.money import parse_fen
from ledger.db.unit_of_work import Transaction, translate

AUDIT: Final = "10"
"""det_type 审核扣款; "20" is 稽核扣款."""
LINE_BYTES_MAX: Final = 1 << 20
_REQUIRED: Final = ("jr_id", "rule_id", "rule_name", "vola_cont", "setl_id", "vola_amt", "sev_deg")


class FindingTarget(NamedTuple):
    """Whose money a finding speaks of: the key its deduction will be booked under."""

    fund: int
    institution: str
    setl_id: str
    """"" for a finding about the institution as a whole."""
    subfund: str
    service_year: int
    term: int
    category: str


@dataclass(frozen=True, slots=True)
class FindingDraft:
    """A finding as first made; money in fen. Names in brackets are interface 3101's."""

    finding_id: str
    """(jr_id)"""
    target: FindingTarget
    amount_fen: int
    """(vola_amt)"""
    severity: str
    """low notice, middle to a person, high blocked at once."""
    rule_id: str
    rule_name: str
    content: str
    """(vola_cont)"""
    basis: str = ""
    """(vola_evid)"""
    sev_deg: str = ""
    kind: str = AUDIT
    source: str = "entry"

    def digest(self) -> bytes:
        """SHA-256 over everything above as JSON in this order: a finding sent again is known by it."""
        texts = [
            self.finding_id, *self.target, self.amount_fen, self.severity, self.rule_id, self.rule_name, self.content,
            self.basis, self.sev_deg, self.kind, self.source,
        ]  # fmt: skip
        return sha256(json.dumps(texts, ensure_ascii=False).encode()).digest()


class LoadedFindings(NamedTuple):
    """What a file of findings did."""

    new: int
    known: int
    held: int
    """Records held by the new ones."""


@cache
def severities() -> Mapping[str, str]:
    """sev_deg → severity: `ledger/fund/data/sev_deg.csv` (the dictionary is unpublished; platform-fields.md 7)."""
    text = resources.files("ledger.fund").joinpath("data", "sev_deg.csv").read_text(encoding="utf-8")
    return {row["sev_deg"]: row["severity"] for row in csv.DictReader(text.splitlines())}


def target_of(tx: Transaction, setl_id: str, subfund: str = "pool") -> FindingTarget:
    """The share of a record that a finding can be about; raises NotFound `finding.no_record`."""
    row = tx.row(
        coded("""SELECT fund, institution, setl_id, subfund, service_year, term, category FROM fund.payable
            WHERE region = %(region)s AND fund IN ({FUNDS}) AND setl_id = %(setl_id)s AND subfund = %(subfund)s"""),
        region=tx.region,
        setl_id=setl_id,
        subfund=subfund,
    )
    if row is None:
        raise NotFound("finding.no_record", f"没有结算{setl_id[:40]}的基金支付，不能登记审核结果")
    return FindingTarget(*row)


def enter_finding(tx: Transaction, draft: FindingDraft, on: date) -> bool:
    """Keep a finding; False if it was there already with the same content.

    Raises Conflict `finding.other_content`, `finding.reversed`; InvalidInput `finding.over_record`,
    `calendar.unknown_year` (the time for appeal is counted in working days), `db.constraint`; NotFound
    `finding.no_record`; Forbidden `access.role_missing`.
    """
    known: bytes | None = tx.value(
        "SELECT digest FROM fund.finding WHERE region = %(region)s AND finding_id = %(id)s",
        region=tx.region,
        id=draft.finding_id,
    )
    digest = draft.digest()
    if known is not None:
        if bytes(known) != digest:
            raise Conflict("finding.other_content", f"审核结果{draft.finding_id}已登记，内容不同")
        return False
    tx.run(
        """INSERT INTO fund.finding (region, finding_id, fund, institution, setl_id, subfund, service_year, term, category, kind,
               severity, found_fen, amount_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on,
               appeal_until, digest)
           VALUES (%(region)s, %(finding_id)s, %(fund)s, %(institution)s, %(setl_id)s, %(subfund)s, %(service_year)s, %(term)s,
               %(category)s, %(kind)s, %(severity)s, %(fen)s, %(fen)s, %(source)s, %(rule_id)s, %(rule_name)s, %(content)s,
               %(basis)s, %(sev_deg)s, %(user)s, %(on)s, %(on)s, %(digest)s)""",
        region=tx.region,
        finding_id=draft.finding_id,
        kind=draft.kind,
        severity=draft.severity,
        fen=draft.amount_fen,
        source=draft.source,
        rule_id=draft.rule_id,
        rule_name=draft.rule_name,
        content=draft.content,
        basis=draft.basis,
        sev_deg=draft.sev_deg,
        user=tx.user,
        on=on,
        digest=digest,
        **draft.target._asdict(),
    )
    return True


def load_findings(tx: Transaction, name: str, content: bytes, on: date) -> LoadedFindings:
    """Load JSON lines of 3101's names: jr_id, rule_id, rule_name, vola_cont, setl_id, vola_amt, sev_deg
    [, vola_evid, det_type, subfund]. All of the file or nothing; the same file again adds nothing.

    Raises InvalidInput `findings.format` naming file, line and field, and what `enter_finding` raises, with the line.
    """
    new = known = held = 0
    for number, raw in enumerate(content.split(b"\n"), 1):
        if not raw.strip():
            continue
        try:
            draft = _draft(tx, raw)
            added = enter_finding(tx, draft, on)
        except _Field as bad:
            raise InvalidInput(
                "findings.format",
                f"{name}第{number}行 {bad.field}：{bad.rule}",
                file=name,
                line=number,
                field=bad.field,
            ) from None
        except LedgerError as error:
            raise _at_line(error, name, number) from error
        except psycopg.Error as error:  # the database's own refusals know nothing of the file
            known_refusal = translate(error)
            if not isinstance(known_refusal, LedgerError):
                raise
            raise _at_line(known_refusal, name, number) from error
        new += added
        known += not added
        held += added and draft.severity == "high"
    return LoadedFindings(new, known, held)


def _at_line(error: LedgerError, name: str, number: int) -> LedgerError:
    return type(error)(error.code, f"{name}第{number}行：{error.message}", file=name, line=number)


class _Field(Exception):
    def __init__(self, field: str, rule: str) -> None:
        super().__init__(field, rule)
        self.field = field
        self.rule = rule


def _draft(tx: Transaction, raw: bytes) -> FindingDraft:
    row = _object(raw)
    texts = {name: _text(row, name) for name in _REQUIRED}
    try:
        amount = parse_fen(texts["vola_amt"])
    except InvalidInput as error:
        raise _Field("vola_amt", error.message) from None
    if amount <= 0:
        raise _Field("vola_amt", "违规金额应大于零")
    severity = severities().get(texts["sev_deg"])
    if severity is None:
        raise _Field("sev_deg", f"严重程度“{texts['sev_deg'][:10]}”不在字典内")
    kind, subfund = str(row.get("det_type") or AUDIT), str(row.get("subfund") or "pool")
    if kind not in {"10", "20"}:
        raise _Field("det_type", "扣款类型应为10审核扣款或20稽核扣款")
    if subfund not in {"pool", "acct"}:
        raise _Field("subfund", "应为pool或acct")
    return FindingDraft(
        finding_id=texts["jr_id"],
        target=target_of(tx, texts["setl_id"], subfund),
        amount_fen=amount,
        severity=severity,
        rule_id=texts["rule_id"],
        rule_name=texts["rule_name"],
        content=texts["vola_cont"],
        basis=str(row.get("vola_evid") or ""),
        sev_deg=texts["sev_deg"],
        kind=kind,
        source="file",
    )


def _object(raw: bytes) -> dict[str, Any]:
    if len(raw) > LINE_BYTES_MAX:
        raise _Field("", f"一行超过{LINE_BYTES_MAX}字节")
    try:
        row = json.loads(raw.decode("utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise _Field("", "不是UTF-8编码的JSON") from None
    if not isinstance(row, dict):
        raise _Field("", "应为一个JSON对象")
    return row


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal) or str(value).strip() == "":
        raise _Field(name, "缺失或不是文本")
    text = str(value)
    if len(text) > 2000 or "\x00" in text:
        raise _Field(name, "过长或含有不可用字符")
    return text
