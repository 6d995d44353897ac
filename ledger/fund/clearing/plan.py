"""The yearly clearing plan 年度清算方案 (art. 22): budgets by class, rates as data, bands and grades; a second person approves.

A plan can be corrected until it is approved, then never. Bands and grades are dated choices of the region: the rows
of the latest `from_year` not after the year hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from ledger.access.signing.signing import signed
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.rates import (
    Band,
    Method,
    Volume,
    check_bands,
    check_published,
    over_budget_text,
    rate_of,
    standards,
)


class Budget(NamedTuple):
    """A class's money of the year, and what of it is kept for 特例单议; fen."""

    institution_class: str
    amount_fen: int
    reserve_fen: int = 0


@dataclass(frozen=True, slots=True)
class ClearingPlan:
    """A plan as stored; `digest` is what its second person approves."""

    fund: int
    year: int
    document: str
    digest: bytes
    approved_by: str
    budgets: Sequence[Budget]
    standards: Mapping[str, int]
    """Institution to fen."""


def set_budget(
    tx: Transaction, fund: int, year: int, document: str, budgets: Sequence[Budget]
) -> ClearingPlan:
    """Store the year's budgets; the rates of a class whose budget changes have to be set again.

    Raises InvalidInput `clearing.budget`; Forbidden `clearing.plan_approved` once approved (the same budgets again are
    no change), `access.role_missing` (maker or system).
    """
    if not budgets or any(b.amount_fen <= 0 or not 0 <= b.reserve_fen < b.amount_fen for b in budgets):
        raise InvalidInput("clearing.budget", "预算应大于零，特例单议预留应小于预算")
    known = find_plan(tx, fund, year)
    if known is not None and (known.document, sorted(known.budgets)) == (document, sorted(budgets)):
        return known
    if known is None:
        tx.run(
            "INSERT INTO fund.clearing_plan (region, fund, year, document, prepared_by)"
            " VALUES (%(region)s, %(fund)s, %(year)s, %(document)s, %(user)s)",
            region=tx.region, fund=fund, year=year, document=document, user=tx.user,
        )  # fmt: skip
    elif known.document != document:
        raise Conflict(
            "clearing.plan_document", f"{year}年度清算方案已按{known.document}建立", document=known.document
        )
    for table_of in (_DROP_STANDARDS, _DROP_BUDGETS):
        tx.run(table_of, region=tx.region, fund=fund, year=year)
    tx.run_many(
        "INSERT INTO fund.clearing_budget (region, fund, year, class, amount_fen, reserve_fen)"
        " VALUES (%(region)s, %(fund)s, %(year)s, %(class)s, %(amount)s, %(reserve)s)",
        [
            {"region": tx.region, "fund": fund, "year": year, "class": b.institution_class, "amount": b.amount_fen, "reserve": b.reserve_fen}
            for b in budgets
        ],
    )  # fmt: skip
    return read_plan(tx, fund, year)


_DROP_STANDARDS = (
    "DELETE FROM fund.clearing_standard WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s"
)
_DROP_BUDGETS = (
    "DELETE FROM fund.clearing_budget WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s"
)


def set_rates(
    tx: Transaction,
    fund: int,
    year: int,
    institution_class: str,
    method: Method,
    volumes: Sequence[Volume],
    *,
    published: str = "",
    shares: Mapping[str, int] | None = None,
) -> Fraction:
    """Store the class's weights or points and every institution's standard; returns the exact rate (fen per unit).

    `published` is the rate as printed (yuan), `shares` the standards as printed (fen): either is refused unless it is
    the budget's own. Raises InvalidInput `clearing.rate_budget`, `clearing.volumes`, `clearing.method`,
    `clearing.standard_negative`; NotFound `clearing.no_budget`; Forbidden `clearing.plan_approved`.
    """
    row = tx.row(
        "SELECT amount_fen - reserve_fen FROM fund.clearing_budget"
        " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s AND class = %(class)s",
        **{"region": tx.region, "fund": fund, "year": year, "class": institution_class},
    )
    if row is None:
        raise NotFound("clearing.no_budget", f"{year}年度没有类别{institution_class}的预算")
    distributable: int = row[0]
    if method not in ("DRG", "DIP") or (method == "DRG" and any(v.personal_fen for v in volumes)):
        raise InvalidInput("clearing.method", "付费方式应为DRG或DIP，DRG没有个人负担")
    rate = rate_of(distributable, volumes)
    if published:
        check_published(rate, published)
    found = standards(distributable, volumes)
    if shares is not None:
        if sum(shares.values()) != distributable:
            raise InvalidInput(
                "clearing.rate_budget", over_budget_text(sum(shares.values()), distributable), year=year
            )
        if set(shares) != set(found) or any(abs(found[code] - shares[code]) > 1 for code in found):
            raise InvalidInput("clearing.rate_budget", "各机构核定额不是其权重或分值乘费率或点值")
        found = dict(shares)
    _store_rates(tx, fund, year, institution_class, method, volumes, found, published)
    return rate


def _store_rates(
    tx: Transaction,
    fund: int,
    year: int,
    institution_class: str,
    method: Method,
    volumes: Sequence[Volume],
    found: Mapping[str, int],
    published: str,
) -> None:
    where = {"region": tx.region, "fund": fund, "year": year, "class": institution_class}
    tx.run(
        "DELETE FROM fund.clearing_standard WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s AND class = %(class)s",
        **where,
    )
    tx.run(
        "UPDATE fund.clearing_budget SET method = %(method)s, units = %(units)s, personal_fen = %(personal)s, published = %(published)s"
        " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s AND class = %(class)s",
        **where,
        method=method,
        units=sum(v.units for v in volumes),
        personal=sum(v.personal_fen for v in volumes),
        published=published,
    )
    tx.run_many(
        "INSERT INTO fund.clearing_standard (region, fund, year, institution, class, cases, units, personal_fen, standard_fen)"
        " VALUES (%(region)s, %(fund)s, %(year)s, %(institution)s, %(class)s, %(cases)s, %(units)s, %(personal)s, %(fen)s)",
        [
            where
            | {
                "institution": v.institution,
                "cases": v.cases,
                "units": v.units,
                "personal": v.personal_fen,
                "fen": found[v.institution],
            }
            for v in volumes
        ],
    )


def approve_plan(tx: Transaction, fund: int, year: int, digest: bytes, day: date) -> ClearingPlan:
    """Approve the plan as a second person, as digested; approving it again with the same digest changes nothing.

    Raises NotFound `clearing.no_plan`; Forbidden `clearing.same_person`, `access.role_missing`; Conflict
    `clearing.plan_changed`, `clearing.rate_budget`, `clearing.already_approved`.
    """
    known = read_plan(tx, fund, year)
    if known.approved_by == tx.user and known.digest == digest:
        return known
    signed(tx, "clear.plan", f"{fund} {year}", digest.hex(), day)
    tx.run(
        "UPDATE fund.clearing_plan SET approved_by = %(user)s, approved_on = %(day)s, digest = %(digest)s"
        " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s",
        user=tx.user, day=day, digest=digest, region=tx.region, fund=fund, year=year,
    )  # fmt: skip
    return read_plan(tx, fund, year)


def find_plan(tx: Transaction, fund: int, year: int) -> ClearingPlan | None:
    """The year's plan, None where there is none."""
    where = {"region": tx.region, "fund": fund, "year": year}
    row = tx.row(
        "SELECT document, fund.clearing_plan_digest(region, fund, year), approved_by FROM fund.clearing_plan"
        " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s",
        **where,
    )
    if row is None:
        return None
    budgets = tx.rows(
        "SELECT class, amount_fen, reserve_fen FROM fund.clearing_budget"
        " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s ORDER BY class",
        **where,
    )
    shares = tx.rows(
        "SELECT institution, standard_fen FROM fund.clearing_standard"
        " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s ORDER BY institution",
        **where,
    )
    return ClearingPlan(
        fund, year, row[0], bytes(row[1]), row[2], [Budget(*b) for b in budgets], dict(shares)
    )


class Priced(NamedTuple):
    """An institution's share of its class as the rates give it; money in fen, units in ten-thousandths."""

    institution: str
    institution_class: str
    cases: int
    units: int
    personal_fen: int
    standard_fen: int
    method: str
    published: str


def priced(tx: Transaction, fund: int, year: int) -> list[Priced]:
    """Every institution's share with what it is made of, by class: what the plan's digest is over."""
    rows = tx.rows(
        "SELECT s.institution, s.class, s.cases, s.units, s.personal_fen, s.standard_fen, b.method, b.published FROM fund.clearing_standard s"
        " JOIN fund.clearing_budget b USING (region, fund, year, class)"
        " WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.year = %(year)s ORDER BY s.class, s.institution",
        region=tx.region, fund=fund, year=year,
    )  # fmt: skip
    return [Priced(*row) for row in rows]


def read_plan(tx: Transaction, fund: int, year: int) -> ClearingPlan:
    """The year's plan; raises NotFound `clearing.no_plan`."""
    found = find_plan(tx, fund, year)
    if found is None:
        raise NotFound("clearing.no_plan", f"没有{year}年度的清算方案", year=year)
    return found


def set_bands(
    tx: Transaction, fund: int, from_year: int, kind: str, bands: Sequence[Band], source: str
) -> None:
    """Dated bands of `surplus` or `overspend`; a second set of the same year is refused (`db.duplicate`)."""
    check_bands(kind, bands)
    tx.run_many(
        "INSERT INTO fund.clearing_band VALUES (%(region)s, %(fund)s, %(year)s, %(kind)s, %(low)s, %(high)s, %(share)s, %(source)s, %(user)s)",
        [
            {"region": tx.region, "fund": fund, "year": from_year, "kind": kind, "low": b.from_ratio, "high": b.to_ratio, "share": b.share, "source": source, "user": tx.user}
            for b in bands
        ],
    )  # fmt: skip


def bands_of(tx: Transaction, fund: int, year: int, kind: str) -> list[Band]:
    """The bands in force for a year; raises Conflict `clearing.no_bands`."""
    rows = tx.rows(
        "SELECT from_ratio, to_ratio, share FROM fund.clearing_band b"
        " WHERE region = %(region)s AND fund = %(fund)s AND kind = %(kind)s AND from_year = ("
        "   SELECT max(from_year) FROM fund.clearing_band c WHERE c.region = b.region AND c.fund = b.fund AND c.kind = b.kind"
        "      AND c.from_year <= %(year)s) ORDER BY from_ratio",
        region=tx.region, fund=fund, kind=kind, year=year,
    )  # fmt: skip
    if not rows:
        raise Conflict(
            "clearing.no_bands", f"没有{year}年度的{'结余留用' if kind == 'surplus' else '超支分担'}分段"
        )
    return [Band(*row) for row in rows]


def set_grade(
    tx: Transaction, fund: int, from_year: int, grade: str, forfeit_ratio: int, source: str
) -> None:
    """What a grade forfeits of the retained deposit, from a year on (ten-thousandths)."""
    tx.run(
        "INSERT INTO fund.clearing_grade VALUES (%(region)s, %(fund)s, %(year)s, %(grade)s, %(ratio)s, %(source)s, %(user)s)",
        region=tx.region, fund=fund, year=from_year, grade=grade, ratio=forfeit_ratio, source=source, user=tx.user,
    )  # fmt: skip


def forfeit_ratio_of(tx: Transaction, fund: int, year: int, grade: str) -> int:
    """Ten-thousandths of the year's deposit; raises Conflict `clearing.no_grade`."""
    ratio: int | None = tx.value(
        "SELECT forfeit_ratio FROM fund.clearing_grade WHERE region = %(region)s AND fund = %(fund)s AND grade = %(grade)s"
        " AND from_year <= %(year)s ORDER BY from_year DESC LIMIT 1",
        region=tx.region, fund=fund, grade=grade, year=year,
    )  # fmt: skip
    if ratio is None:
        raise Conflict(
            "clearing.no_grade", f"考核等级“{grade[:20]}”在{year}年度没有扣减比例", grade=grade[:20]
        )
    return ratio
