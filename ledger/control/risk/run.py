"""The rules asked of a day: each over all institutions at once; what is at its threshold or above becomes a case, once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.control.risk.catalogue import RULES
from ledger.control.risk.rule import MONEY, OFF, RiskRule
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.region.policy import choice

_KEEP: Final[LiteralString] = """
    INSERT INTO fund.risk_case (region, rule, institution, period, day, figure, threshold, terms, evidence, seq_310, seq_390, found_on)
    SELECT %(region)s, %(rule)s, %(institution)s, %(period)s, %(day)s, %(figure)s, %(threshold)s, %(terms)s::jsonb, %(evidence)s::jsonb,
           (%(seqs)s::bigint[])[1], (%(seqs)s::bigint[])[2], %(today)s
     WHERE NOT EXISTS (SELECT 1 FROM fund.risk_case c WHERE c.region = %(region)s AND c.rule = %(rule)s
                          AND c.institution = %(institution)s AND c.period = %(period)s)"""


class NewCase(NamedTuple):
    """What a run found anew."""

    rule: str
    institution: str
    period: str
    figure: int


def run_rules(tx: Transaction, day: date, today: date) -> list[NewCase]:
    """Ask every rule the region uses of `day`, on business date `today`; the new cases, in the order they were found.

    A case of the same rule, institution and period is there once: a second run finds nothing. Raises Forbidden
    `access.role_missing`, InvalidInput `risk.future` for a day that is not over.
    """
    if day >= today:
        raise InvalidInput("risk.future", f"{day}还没有过完，风险规则只看已过的日子", day=day.isoformat())
    tx.run("SELECT access.require_role(%(region)s, 0::smallint, '{system,accountant}')", region=tx.region)
    seqs = [
        int(tx.value("SELECT fund.risk_known(%(region)s, %(fund)s::smallint)", region=tx.region, fund=fund))
        for fund in FUND_NAMES
    ]
    found = []
    for rule in RULES.values():
        terms = terms_of(tx, rule, day)
        if terms is not None:
            found += _ask(tx, rule, day, today, terms, seqs)
    return found


def terms_of(tx: Transaction, rule: RiskRule, day: date) -> dict[str, int] | None:
    """The region's choices for the rule on a day, its threshold among them; None where it does not use the rule."""
    return terms_by(rule, lambda key, default: choice(tx, key, day, default))


def terms_by(rule: RiskRule, chosen: Callable[[LiteralString, str], str]) -> dict[str, int] | None:
    """The same from what the region chose: `chosen` answers a key's value, else the default given with it."""
    said = chosen(rule.key, rule.default)
    if said == OFF:
        return None
    terms = {name: int(chosen(f"risk_{name}", str(default))) for name, default in rule.asks.items()}
    if rule.measure == MONEY:
        terms[rule.key.removeprefix("risk_")] = int(said)
    return terms | {"threshold": rule.threshold(said)}


def asked_of(
    rule: RiskRule,
    region: int,
    day: date,
    terms: Mapping[str, int],
    seqs: Sequence[int],
    institution: str = "",
) -> dict[str, object]:
    """The parameters of the rule's query."""
    return {
        "region": region,
        "institution": institution,
        **rule.span(day, terms),
        **terms,
        "funds": list(FUND_NAMES),
        "seqs": list(seqs),
    }


def _ask(
    tx: Transaction, rule: RiskRule, day: date, today: date, terms: Mapping[str, int], seqs: Sequence[int]
) -> list[NewCase]:
    found = []
    for institution, figure, evidence in tx.rows(rule.query, **asked_of(rule, tx.region, day, terms, seqs)):
        made = tx.run(
            _KEEP, region=tx.region, rule=rule.code, institution=institution, period=rule.period(day), day=day, figure=figure,
            threshold=terms["threshold"], terms=json.dumps(terms), evidence=json.dumps(evidence), today=today, seqs=list(seqs),
        )  # fmt: skip
        if made:
            found.append(NewCase(rule.code, institution, rule.period(day), figure))
    return found
