"""Institutions as intake needs them: who is enrolled how on which day. Read once per batch, never kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.db.unit_of_work import Transaction


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


def read_directory(tx: Transaction, institutions: Iterable[str]) -> Directory:
    """These institutions, as far as the transaction's region has an agreement with them."""
    found: dict[str, list[Enrolment]] = {}
    for code, from_day, to_day, mode, ratio in tx.rows(
        """SELECT i.institution, e.from_day, e.to_day, e.mode, e.ratio FROM fund.institution i
             LEFT JOIN fund.enrolment e ON e.region = i.region AND e.institution = i.institution
            WHERE i.region = %(region)s AND i.institution = ANY(%(institutions)s)
            ORDER BY i.institution, e.from_day DESC""",
        region=tx.region,
        institutions=list(institutions),
    ):
        enrolments = found.setdefault(code, [])
        if from_day is not None:
            enrolments.append(Enrolment(from_day, to_day, mode == "daily", ratio))
    return Directory({code: tuple(enrolments) for code, enrolments in found.items()})
