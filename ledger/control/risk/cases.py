"""Each case of risk 风险事项 as it is read: what a rule found, and the steps taken since, with the digest of the one that waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, LiteralString

from ledger.core.errors import NotFound
from ledger.core.money import ratio_text
from ledger.db.unit_of_work import Transaction

STEPS: Final = ("notice", "interview", "lower_ratio", "suspend", "withdraw")
ORDER: Final = STEPS[:-1]
"""In which they follow each other; a case is withdrawn at any time."""
FOUND: Final = "found"
"""Where a case stands on which nothing was confirmed yet."""


@dataclass(frozen=True, slots=True)
class RiskStep:
    """One step; `state` is proposed, confirmed or refused, `reason` why it was sent back; the ratio in ten-thousandths."""

    n: int
    step: str
    document: str
    ratio: int | None
    from_day: date | None
    state: str
    proposed_by: str
    proposed_on: date
    decided_by: str
    decided_on: date | None
    reason: str


@dataclass(frozen=True, slots=True)
class RiskCase:
    """One finding of a rule; figure and threshold in ten-thousandths, or fen (rule `payee`)."""

    n: int
    rule: str
    institution: str
    name: str
    period: str
    day: date
    figure: int
    threshold: int
    terms: dict[str, int]
    evidence: list[dict[str, Any]]
    found_by: str
    found_on: date
    state: str
    """The last step confirmed; `found` before the first."""
    steps: Sequence[RiskStep]
    digest: str
    """Of the step that waits, in hex; "" where none does."""

    @property
    def waiting(self) -> RiskStep | None:
        """The step that waits for a second person."""
        return next((one for one in self.steps if one.state == "proposed"), None)

    @property
    def is_over(self) -> bool:
        """Suspended or withdrawn."""
        return self.state in ("suspend", "withdraw")

    def as_json(self) -> dict[str, Any]:
        """For machines: money in fen as text, days as ISO text, ratios as decimal text."""
        return {
            "case": self.n, "rule": self.rule, "institution": self.institution, "name": self.name, "period": self.period,
            "day": self.day.isoformat(), "figure": str(self.figure), "threshold": str(self.threshold), "terms": self.terms,
            "evidence": self.evidence, "found_by": self.found_by, "found_on": self.found_on.isoformat(), "state": self.state,
            "steps": [_plain(one) for one in self.steps], "digest": self.digest or None,
        }  # fmt: skip


_CASES: Final[LiteralString] = """
    SELECT c.n, c.rule, c.institution, i.name, c.period, c.day, c.figure, c.threshold, c.terms, c.evidence, c.found_by, c.found_on,
           coalesce((SELECT s.step FROM fund.risk_step s WHERE s.region = c.region AND s.case_n = c.n AND s.state = 'confirmed'
                      ORDER BY s.n DESC LIMIT 1), 'found') AS state
      FROM fund.risk_case c JOIN fund.institution i ON i.region = c.region AND i.institution = c.institution
     WHERE c.region = %(region)s AND %(n)s IN (0, c.n) AND %(rule)s IN ('', c.rule) AND %(institution)s IN ('', c.institution)"""
_STEPS: Final[LiteralString] = """
    SELECT s.case_n, s.n, s.step, s.document, s.ratio, s.from_day, s.state, s.proposed_by, s.proposed_on, s.decided_by, s.decided_on, s.reason
      FROM fund.risk_step s WHERE s.region = %(region)s AND s.case_n = ANY (%(cases)s) ORDER BY s.case_n, s.n"""
_DIGESTS: Final[LiteralString] = """
    SELECT s.case_n, d.digest FROM fund.risk_step s
     CROSS JOIN LATERAL access.to_sign(s.region, 'fund.risk_step', ARRAY[s.case_n::text, s.n::text]) d
     WHERE s.region = %(region)s AND s.case_n = ANY (%(cases)s) AND s.state = 'proposed'"""


def read_cases(
    tx: Transaction,
    *,
    rule: str = "",
    institution: str = "",
    state: str = "",
    number: int = 0,
    open_only: bool = False,
) -> list[RiskCase]:
    """The cases of the region, newest first; of a rule, an institution, a state, or one by its number."""
    rows = tx.rows(
        _CASES + " ORDER BY c.n DESC", region=tx.region, n=number, rule=rule, institution=institution
    )
    cases = [row[0] for row in rows]
    steps: dict[int, list[RiskStep]] = {n: [] for n in cases}
    for n, *step in tx.rows(_STEPS, region=tx.region, cases=cases):
        steps[n].append(RiskStep(*step))
    digests: dict[int, str] = dict(tx.rows(_DIGESTS, region=tx.region, cases=cases))
    found = [RiskCase(*(*row, steps[row[0]], digests.get(row[0], ""))) for row in rows]
    return [one for one in found if state in ("", one.state) and not (open_only and one.is_over)]


def read_case(tx: Transaction, number: int) -> RiskCase:
    """One case; raises NotFound `risk.unknown`."""
    found = read_cases(tx, number=number) if number > 0 else []
    if not found:
        raise NotFound("risk.unknown", f"没有风险事项{number}", case=number)
    return found[0]


def next_step(tx: Transaction, case: RiskCase, day: date) -> str:
    """The step that may be proposed on a day; "" while one waits or the case is over. Withdrawing may be proposed as well."""
    if case.is_over or case.waiting is not None:
        return ""
    done = {one.step for one in case.steps if one.state == "confirmed"}
    for step in ORDER:
        before = tx.value(
            "SELECT fund.risk_before(%(region)s, %(institution)s, %(step)s, %(day)s)",
            region=tx.region, institution=case.institution, step=step, day=day,
        )  # fmt: skip
        if (
            step not in done
            and before in ("", *done)
            and not (step == "lower_ratio" and _nothing_to_lower(tx, case, day))
        ):
            return step
    return ""


def _nothing_to_lower(tx: Transaction, case: RiskCase, day: date) -> bool:
    return bool(
        tx.value(
            "SELECT fund.risk_before(%(region)s, %(institution)s, 'suspend', %(day)s) = 'interview'",
            region=tx.region,
            institution=case.institution,
            day=day,
        )
    )


def _plain(step: RiskStep) -> dict[str, Any]:
    return {
        "n": step.n, "step": step.step, "document": step.document, "ratio": None if step.ratio is None else ratio_text(step.ratio),
        "from_day": step.from_day and step.from_day.isoformat(), "state": step.state, "proposed_by": step.proposed_by,
        "proposed_on": step.proposed_on.isoformat(), "decided_by": step.decided_by,
        "decided_on": step.decided_on and step.decided_on.isoformat(), "reason": step.reason,
    }  # fmt: skip
