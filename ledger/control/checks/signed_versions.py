"""INV-11: where persons sign, each version of an account, of terms and of a choice in force stands in a list that its second person
signed that day, as it is there: a signature over another list of the day is none over this.

What is signed is one digest over all that waited; its text is kept with the signature, a line a version, and is of that digest
(`signatures` asks that of each).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# What was decided before the demand was put down then, by institution or region (access.before_demand).
_DECIDED: Final = """
    WITH decided AS (
        SELECT p.region, 'institution.confirm' AS act, p.institution AS object, 'payee' AS kind, p.version, p.confirmed_by AS user_name, p.decided_on AS day,
               '' AS since, jsonb_build_object('name', p.name, 'number', p.number, 'bank_name', p.bank_name, 'cnaps', p.cnaps) AS said
          FROM fund.payee_account p WHERE p.state IN ('confirmed', 'replaced', 'failed') AND p.decided_on IS NOT NULL
        UNION ALL
        SELECT t.region, 'institution.confirm', t.institution, t.kind, t.version, t.confirmed_by, t.decided_on, coalesce(t.from_day::text, ''),
               CASE t.kind WHEN 'agreement' THEN jsonb_build_object('name', t.name, 'type', t.type, 'level', t.level, 'agreement_state', t.agreement_state,
                                                                    'agreement_from', t.agreement_from, 'agreement_to', t.agreement_to)
                           ELSE jsonb_build_object('mode', t.mode, 'cycle', t.cycle, 'ratio', t.ratio, 'month_ratio', t.month_ratio,
                                                   'correction', t.correction) END
          FROM fund.terms t WHERE t.state IN ('confirmed', 'corrected') AND t.decided_on IS NOT NULL
        UNION ALL
        SELECT y.region, 'policy.confirm', y.region::text, y.key, y.version, y.decided_by, y.decided_on, y.from_day::text,
               jsonb_build_object('value', y.value, 'source', y.source)
          FROM fund.policy_proposal y WHERE y.state = 'confirmed')
    SELECT d.region, d.act, d.object, d.kind, d.version, d.user_name, d.day, d.since, d.said FROM decided d
      JOIN access.signing_demand m ON m.region = d.region AND m.confirmed_at IS NOT NULL
     WHERE NOT EXISTS (SELECT FROM access.before_demand b WHERE b.region = d.region AND b.act = d.act AND b.object = d.object
                          AND b.user_name = d.user_name AND b.day = d.day)
     ORDER BY 1, 2, 3, 4, 5
"""
_LISTS: Final = """
    SELECT s.region, s.act, s.user_name, s.day, s.content FROM access.signature s WHERE s.act IN ('institution.confirm', 'policy.confirm')
"""
Version = tuple[str, ...]
"""Region, act, object, kind, number, who decided and when, and from which day it counts: as text, whatever a list says."""


def check_signed_versions(snapshot: Snapshot) -> Iterator[Breach]:
    """Each version decided on under a demand of signatures against the lists signed."""
    decided = snapshot.rows(_DECIDED)
    signed = _signed(snapshot) if decided else {}
    for *version, said in decided:
        if any(_is_said(said, listed) for listed in signed.get(tuple(map(str, version)), ())):
            continue
        region, act, subject, kind, number, user, day, _ = version
        message = f"{day}由{user}办理的{act} {subject}（{kind}第{number}版）不在其本人当日所签的清单内，或与所签的不同"
        yield Breach("INV-11", str(region), f"{act} {subject}", message, "signature.other_version")


def _signed(snapshot: Snapshot) -> Mapping[Version, list[object]]:
    """What the signed lists say of each version. A line that is no JSON says nothing of any."""
    found: dict[Version, list[object]] = defaultdict(list)
    for region, act, user, day, content in snapshot.rows(_LISTS):
        for text in content.split("\n"):
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if not isinstance(line, dict):
                continue
            chosen = act == "policy.confirm"
            subject, kind = (
                (region, line.get("key")) if chosen else (line.get("institution"), line.get("kind"))
            )
            said = (
                {"value": line.get("value"), "source": line.get("source")} if chosen else line.get("proposed")
            )
            since = line.get("from_day") or ""
            where = (region, act, subject, kind, line.get("version"), user, day, since)
            found[tuple(map(str, where))].append(said)
    return found


def _is_said(version: Mapping[str, object], listed: object) -> bool:
    """An agreement of before versions had a name may be signed with the one there was."""
    if "name" in version and version["name"] is None and isinstance(listed, dict):
        return {**listed, "name": None} == version
    return listed == version
