"""Institutions as intake needs them: who is enrolled how on which day. Read once per batch, never kept."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from psycopg import sql

from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import Transaction, array_of, compose


@dataclass(frozen=True, slots=True)
class Enrolment:
    """How an institution is paid from `from_day` to `to_day`; ratio in ten-thousandths."""

    from_day: date
    to_day: date
    daily: bool
    ratio: int


@dataclass(frozen=True, slots=True)
class Directory:
    """Institution code → its enrolments, newest first."""

    enrolments: dict[str, tuple[Enrolment, ...]]

    def knows(self, institution: str) -> bool:
        """Whether the region has an agreement with the institution."""
        return institution in self.enrolments

    def on(self, institution: str, day: date) -> Enrolment | None:
        """The enrolment in force that day; None where there is none."""
        for enrolment in self.enrolments[institution]:
            if enrolment.from_day <= day <= enrolment.to_day:
                return enrolment
        return None


class Context(NamedTuple):
    """What a region says to records that come in."""

    directory: Directory
    settled: Set[tuple[int, str, int]]
    """(fund, institution, 期号) whose monthly settlement is approved."""
    mapped: bool
    """It maps fund_pay_types of its own (fund.layer_map)."""


def context_question(region: int, institutions: Collection[str], terms: Collection[int]) -> sql.Composed:
    """What `context_of` reads, to be asked as the transaction begins."""
    return compose(
        "SELECT * FROM fund.intake_context({region}, {institutions}::text[], {terms}::integer[])",
        region=region,
        institutions=array_of(institutions),
        terms=array_of(terms),
    )


def context_of(tx: Transaction) -> Context:
    """What the transaction's region says about these institutions and 期号, as far as it has an agreement with them.

    Raises Forbidden `region.not_allowed` when the user may not bring records in there.
    """
    row = tx.opening[0]
    if not row[0]:
        raise Forbidden("region.not_allowed", f"用户{tx.user}不能向统筹区{tx.region}上传结算记录")
    _, mapped, enrolments, settled = row
    found: dict[str, list[Enrolment]] = {}
    for code, from_day, to_day, mode, ratio in enrolments or ():
        enrolled = found.setdefault(code, [])
        if from_day is not None:
            days = date.fromisoformat(from_day), date.fromisoformat(to_day)
            enrolled.append(Enrolment(*days, mode == "daily", ratio))
    directory = Directory({code: tuple(enrolled) for code, enrolled in found.items()})
    return Context(directory, frozenset(map(tuple, settled or ())), mapped)
