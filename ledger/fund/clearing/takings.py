"""What a letter itself takes and gives: findings and deductions left, the grade's part of the deposit, surplus, overspend,
and last of all the advances that the year's months could not bear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ledger.core.money import share
from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.offset import due_offsets
from ledger.fund.clearing.cases import standard_of
from ledger.fund.clearing.lines import LetterLine, LetterTaking
from ledger.fund.clearing.plan import bands_of
from ledger.fund.clearing.rates import borne_of_overspend, kept_of_surplus
from ledger.fund.clearing.scope import LetterScope
from ledger.fund.month.sheet import Key

INPATIENT: Final = "inpatient"
"""What DRG and DIP pay for: a standard is compared with the pooled inpatient money, audit deductions taken off."""

AFTER_THE_YEAR: Final = 13
"""The 期号 after December's, in which every advance of the year is due."""


def takings(tx: Transaction, scope: LetterScope, after: set[Key], out: set[str]) -> list[LetterTaking]:
    """What is left of final findings and of approved deductions, of the letter's keys and 期号.

    Not those of records that are borne or carried, nor of reversed ones.
    """
    first, last = scope.terms
    findings = tx.rows(
        "SELECT f.finding_id, f.setl_id, f.subfund, f.service_year, f.term, f.category, f.amount_fen - f.taken_fen"
        " FROM fund.finding f WHERE f.region = %(region)s AND f.fund = %(fund)s AND f.institution = %(institution)s"
        " AND f.state = 'final' AND f.taken_fen < f.amount_fen AND f.service_year <= %(year)s AND NOT EXISTS ("
        "   SELECT 1 FROM fund.record r WHERE r.region = f.region AND r.init_setl_id = f.setl_id AND r.init_setl_id <> '')",
        region=tx.region, fund=scope.fund, institution=scope.institution, year=scope.year,
    )  # fmt: skip
    found = [
        LetterTaking("finding", row[0], Key(*row[2:6]), row[6])
        for row in findings
        if scope.holds(Key(*row[2:6])) and Key(*row[2:6]) not in after and row[1] not in out
    ]
    others = tx.rows(
        "SELECT deduction_id, amount_fen - taken_fen FROM fund.other_deduction WHERE region = %(region)s AND fund = %(fund)s"
        " AND institution = %(institution)s AND approved_by <> '' AND taken_fen < amount_fen AND term <= %(last)s"
        " AND (term >= %(first)s OR %(whole)s)",
        region=tx.region, fund=scope.fund, institution=scope.institution, first=first, last=last,
        whole=scope.period == "year",
    )  # fmt: skip
    return found + [LetterTaking("other", reference, None, fen) for reference, fen in others]


def take(lines: dict[Key, LetterLine], takings: Sequence[LetterTaking], year: int) -> None:
    """Put findings on their own keys, deductions on the key with the most money; changes `lines`."""
    for taking in takings:
        key = _biggest(lines, year) if taking.key is None else taking.key
        line = lines.get(key, LetterLine(key))
        if taking.kind == "finding":
            lines[key] = replace(line, audit_fen=line.audit_fen + taking.amount_fen)
        else:
            lines[key] = replace(line, other_fen=line.other_fen + taking.amount_fen)


def _biggest(lines: Mapping[Key, LetterLine], year: int, category: str = "") -> Key:
    """The pooled key of the year with the most money: it bears what belongs to no record."""
    found = [
        key for key in lines
        if key.service_year == year and key.subfund == "pool" and (not category or key.category == category)
    ]  # fmt: skip
    return max(found or lines, key=lambda key: (lines[key].claimed_fen, key))


def forfeit(
    lines: dict[Key, LetterLine], retained: Mapping[Key, int], scope: LetterScope, ratio: int
) -> None:
    """The grade's part of all deposit retained in the year, quarters included; the biggest deposits bear it first."""
    own = {key for key in lines if key.service_year == scope.year}
    rest = share(sum(retained.get(key, 0) for key in own), ratio)
    rest -= sum(lines[key].forfeited_before for key in own)
    order = sorted(own, key=lambda key: (-retained.get(key, 0), key))
    for key in order:
        part = min(rest, max(0, retained.get(key, 0)))
        if part > 0:
            lines[key] = replace(lines[key], forfeited_fen=part)
            rest -= part


def surplus_or_overspend(tx: Transaction, lines: dict[Key, LetterLine], scope: LetterScope) -> None:
    """DRG/DIP: the year's pooled inpatient money after audit against the institution's standard, by band (art. 22)."""
    standard = standard_of(tx, scope.fund, scope.year, scope.institution)
    if standard is None:
        return
    own = [
        line for key, line in lines.items()
        if (key.service_year, key.subfund, key.category) == (scope.year, "pool", INPATIENT)
    ]  # fmt: skip
    actual = sum(line.row_fen[1] - line.row_fen[2] for line in own)
    key = _biggest(lines, scope.year, INPATIENT)
    if actual < standard:
        kept = kept_of_surplus(standard, actual, bands_of(tx, scope.fund, scope.year, "surplus"))
        lines[key] = replace(lines[key], surplus_fen=kept)
    elif actual > standard:
        borne = borne_of_overspend(standard, actual, bands_of(tx, scope.fund, scope.year, "overspend"))
        lines[key] = replace(lines[key], borne_fen=borne)


def offset_advances(tx: Transaction, lines: dict[Key, LetterLine], scope: LetterScope) -> list[LetterTaking]:
    """What is left of the year's advances, oldest first, as far as row 9 bears it (docs/adr/0013); changes `lines`.

    The pooled fund bears them, the lines with most to pay first. One to be given back in cash is due as well: its year
    is over (甘医保发〔2025〕11号: 冲减结算金额).
    """
    pooled = {key: line.row_fen[9] for key, line in lines.items() if key.subfund == "pool"}
    rest = min(sum(pooled.values()), sum(line.row_fen[9] for line in lines.values()))
    taken = []
    for due in due_offsets(tx, scope.fund, scope.institution, scope.year * 100 + AFTER_THE_YEAR):
        for key in sorted(pooled, key=lambda key: (-pooled[key], key)):
            part = min(due.amount_fen, rest, pooled[key])
            if part <= 0:
                break
            taken.append(LetterTaking(due.kind, due.advance_id, key, part))
            lines[key] = replace(lines[key], offset_fen=lines[key].offset_fen + part)
            due = due._replace(amount_fen=due.amount_fen - part)
            pooled[key] -= part
            rest -= part
    return taken
