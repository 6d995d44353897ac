"""Drug trace codes 追溯码: which codes a record dispensed, and the code the fund would pay twice.

A code on two records, neither reversed, is a finding by itself: middle, on the later record, to a person. A pack that
is split (trdn_flag 1 拆零) lawfully serves several patients and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.core.accounts import coded
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of

RULE_ID: Final = "TRACE-TWICE"
RULE_NAME: Final = "同一追溯码重复支付"
_PRICE: Final = re.compile(r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?", re.ASCII)


class TraceCode(NamedTuple):
    """A line of the file: fields of 3505/3506; the price in fen."""

    setl_id: str
    drug_trac_codg: str
    drug_name: str
    finl_trns_fen: int
    trdn_flag: str


class LoadedCodes(NamedTuple):
    """What a file of codes did."""

    new: int
    known: int
    findings: tuple[str, ...]
    """The findings it made."""


def read_codes(name: str, content: bytes) -> list[TraceCode]:
    """TAB-separated UTF-8 lines: setl_id, drug_trac_codg, drug_name, finl_trns_pric, trdn_flag (0, 1 or null).

    Raises InvalidInput `trace.encoding`, `trace.format` naming file, line and field.
    """
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise InvalidInput("trace.encoding", f"{name}：应为UTF-8编码") from None
    return [_code(name, number, line) for number, line in enumerate(lines, 1)]


def _code(name: str, number: int, line: str) -> TraceCode:
    cells = line.split("\t")
    if len(cells) != len(TraceCode._fields):
        raise InvalidInput("trace.format", f"{name}第{number}行：应有5列，实有{len(cells)}列", line=number)
    setl_id, code, drug, price, flag = cells
    flag = "0" if flag == "null" else flag
    field = next(
        (
            field
            for field, bad in (
                ("setl_id", not 1 <= len(setl_id) <= 30),
                ("drug_trac_codg", not (1 <= len(code) <= 100 and code.isascii() and code.isalnum())),
                ("drug_name", not drug.strip() or len(drug) > 200),
                ("trdn_flag", flag not in {"0", "1"}),
            )
            if bad
        ),
        "",
    )
    if not _PRICE.fullmatch(price):
        field = "finl_trns_pric"
    if field:
        raise InvalidInput("trace.format", f"{name}第{number}行 {field}：不合规", line=number, field=field)
    # A price has six decimals (16,6); what a finding may take is whole fen.
    fen = int(Decimal(price).scaleb(2).quantize(Decimal(1), ROUND_HALF_UP))
    return TraceCode(setl_id, code, drug, fen, flag)


def load_codes(tx: Transaction, codes: Iterable[TraceCode], on: date) -> LoadedCodes:
    """Keep the codes (a record's code once) and make a finding of every code now paid twice.

    Raises InvalidInput `trace.unknown_record`; what `enter_finding` raises.
    """
    tx.run("DROP TABLE IF EXISTS codes_in")
    tx.run(
        """CREATE TEMP TABLE codes_in (setl_id text, drug_trac_codg text, drug_name text, finl_trns_fen bigint, trdn_flag text)
           ON COMMIT DROP"""
    )
    tx.copy("codes_in", codes)
    tx.run("ANALYZE codes_in")
    stranger = tx.row(
        """SELECT c.setl_id FROM codes_in c LEFT JOIN fund.record r ON r.region = %(region)s AND r.setl_id = c.setl_id
            WHERE r.setl_id IS NULL ORDER BY 1 LIMIT 1""",
        region=tx.region,
    )
    if stranger is not None:
        raise InvalidInput(
            "trace.unknown_record", f"追溯码所指的结算{stranger[0]}尚未收到", setl_id=stranger[0]
        )
    lines: int = tx.value("SELECT count(*) FROM codes_in")
    new = tx.run(
        """INSERT INTO fund.trace_code SELECT DISTINCT ON (setl_id, drug_trac_codg) %(region)s, setl_id, drug_trac_codg, drug_name,
                  finl_trns_fen, trdn_flag, %(user)s FROM codes_in ORDER BY setl_id, drug_trac_codg
           ON CONFLICT DO NOTHING""",
        region=tx.region,
        user=tx.user,
    )
    return LoadedCodes(new, lines - new, _find_repeats(tx, on))


def _find_repeats(tx: Transaction, on: date) -> tuple[str, ...]:
    """A finding for each later record that shares a code of this file with an earlier one."""
    twice = tx.rows(
        coded("""SELECT code, drug_name, setl_id, earlier, fen FROM (
               SELECT t.drug_trac_codg AS code, t.drug_name, t.setl_id, p.fund_fen,
                      lag(t.setl_id) OVER w AS earlier, least(t.finl_trns_fen, p.fund_fen) AS fen
                 FROM fund.trace_code t
                 JOIN fund.record r ON r.region = t.region AND r.setl_id = t.setl_id AND r.init_setl_id = ''
                 JOIN fund.payable p ON p.region = t.region AND p.fund IN ({FUNDS}) AND p.setl_id = t.setl_id
                                    AND p.subfund = 'pool' AND p.fund_fen > 0
                WHERE t.region = %(region)s AND t.trdn_flag = '0'
                  AND t.drug_trac_codg IN (SELECT drug_trac_codg FROM codes_in)
                  AND NOT EXISTS (SELECT 1 FROM fund.record v WHERE v.region = t.region AND v.init_setl_id = t.setl_id AND v.init_setl_id <> '')
               WINDOW w AS (PARTITION BY t.drug_trac_codg ORDER BY r.setl_time, t.setl_id COLLATE "C")) s
            WHERE earlier IS NOT NULL AND fen > 0 ORDER BY code COLLATE "C", setl_id COLLATE "C" """),
        region=tx.region,
    )
    made: list[str] = []
    for code, drug, setl_id, earlier, fen in twice:
        finding_id = f"TRC-{sha256(f'{code}|{setl_id}'.encode()).hexdigest()[:24]}"
        known = tx.value(
            "SELECT 1 FROM fund.finding WHERE region = %(region)s AND finding_id = %(id)s",
            region=tx.region,
            id=finding_id,
        )
        if known:
            continue
        draft = FindingDraft(
            finding_id=finding_id,
            target=target_of(tx, setl_id),
            amount_fen=fen,
            severity="middle",
            rule_id=RULE_ID,
            rule_name=RULE_NAME,
            content=f"追溯码{code}（{drug}）已在结算{earlier}支付，又在结算{setl_id}支付",
            source="trace",
        )
        enter_finding(tx, draft, on)
        made.append(finding_id)
    return tuple(made)
