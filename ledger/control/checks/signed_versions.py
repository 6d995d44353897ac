"""INV-11: where persons sign, each version of an account, of terms and of a choice in force stands in a list that its second person
signed that day, as it is there: a signature over another list of the day is none over this.

What is signed is one digest over all that waited; its text is kept with the signature, a line a version, and is of that digest
(`signatures` asks that of each).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# An agreement of before versions had a name may be signed with the one there was. What was decided before the demand was put down then, by institution or region (access.before_demand).
_OTHERS: Final = """
    WITH decided AS (
        SELECT p.region, 'institution.confirm' AS act, p.institution AS object, 'payee' AS kind, p.version, p.confirmed_by AS user_name, p.decided_on AS day,
               '' AS since, jsonb_build_object('name', p.name, 'number', p.number, 'bank_name', p.bank_name, 'cnaps', p.cnaps) AS said
          FROM fund.payee_account p WHERE p.state IN ('confirmed', 'replaced', 'failed') AND p.decided_on IS NOT NULL
        UNION ALL
        SELECT t.region, 'institution.confirm', t.institution, t.kind, t.version, t.confirmed_by, t.decided_on, coalesce(t.from_day::text, ''),
               CASE t.kind WHEN 'agreement' THEN jsonb_build_object('type', t.type, 'level', t.level, 'agreement_state', t.agreement_state,
                                                                    'agreement_from', t.agreement_from, 'agreement_to', t.agreement_to)
                                               || CASE WHEN t.name IS NULL THEN '{}' ELSE jsonb_build_object('name', t.name) END
                           ELSE jsonb_build_object('mode', t.mode, 'cycle', t.cycle, 'ratio', t.ratio, 'month_ratio', t.month_ratio,
                                                   'correction', t.correction) END
          FROM fund.terms t WHERE t.state IN ('confirmed', 'corrected') AND t.decided_on IS NOT NULL
        UNION ALL
        SELECT y.region, 'policy.confirm', y.region::text, y.key, y.version, y.decided_by, y.decided_on, y.from_day::text,
               jsonb_build_object('value', y.value, 'source', y.source)
          FROM fund.policy_proposal y WHERE y.state = 'confirmed'),
    lines AS (
        SELECT s.region, s.act, s.user_name, s.day, l.text::jsonb AS line FROM access.signature s
          CROSS JOIN LATERAL string_to_table(s.content, E'\\n') AS l (text)
         WHERE s.act IN ('institution.confirm', 'policy.confirm') AND l.text LIKE '{%'),
    signed AS (
        SELECT region, act, user_name, day, CASE act WHEN 'policy.confirm' THEN region::text ELSE line ->> 'institution' END AS object,
               CASE act WHEN 'policy.confirm' THEN line ->> 'key' ELSE line ->> 'kind' END AS kind, (line ->> 'version')::integer AS version,
               coalesce(line ->> 'from_day', '') AS since,
               CASE act WHEN 'policy.confirm' THEN jsonb_build_object('value', line -> 'value', 'source', line -> 'source')
                        ELSE line -> 'proposed' END AS said
          FROM lines)
    SELECT d.region, d.act, d.object, d.kind, d.version, d.user_name, d.day FROM decided d
      JOIN access.signing_demand m ON m.region = d.region AND m.confirmed_at IS NOT NULL
     WHERE NOT EXISTS (SELECT FROM signed s WHERE s.region = d.region AND s.act = d.act AND s.object = d.object AND s.kind = d.kind
                          AND s.version = d.version AND s.user_name = d.user_name AND s.day = d.day AND s.since = d.since
                          AND (s.said = d.said OR d.kind = 'agreement' AND NOT d.said ? 'name' AND s.said - 'name' = d.said))
       AND NOT EXISTS (SELECT FROM access.before_demand b WHERE b.region = d.region AND b.act = d.act AND b.object = d.object
                          AND b.user_name = d.user_name AND b.day = d.day)
     ORDER BY 1, 2, 3, 4, 5
"""


def check_signed_versions(snapshot: Snapshot) -> Iterator[Breach]:
    """Each version decided on under a demand of signatures against the lists signed."""
    for region, act, subject, kind, version, user, day in snapshot.rows(_OTHERS):
        message = f"{day}由{user}办理的{act} {subject}（{kind}第{version}版）不在其本人当日所签的清单内，或与所签的不同"
        yield Breach("INV-11", str(region), f"{act} {subject}", message, "signature.other_version")
