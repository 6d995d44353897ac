"""INV-11, INV-12: users, roles, keys, payees, channels and choices are what two persons decided, whatever login their traces name.

A row that came by a trace with the service's login may be an administrator's who put that login on. So each is held against what was
proposed and confirmed (who, what, digest), and each that was proposed against the trace of its proposal: what no decision changes
stands as it was proposed. What the database dated is held against the time of its trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from psycopg import sql

from ledger.control.breach import Breach
from ledger.control.checks.house.writers import SERVED, key_of
from ledger.control.snapshot import Snapshot
from ledger.db.traced import TRACED


class _Begun(NamedTuple):
    """How a row of a table begins, and which columns say who proposed and who decided it ("": nobody)."""

    begins: str
    """JSON: the columns that change later, as they are at first."""
    proposer: str = ""
    decider: str = ""


BEGUN: Final = {
    "access.app_user": _Begun('{"active": true}'),
    "access.api_key": _Begun('{"revoked": false}'),
    "access.person_key": _Begun(
        '{"state": "proposed", "confirmed_by": "", "confirmed_on": null, "confirmed_at": null, "revoked_by": "", "revoked_on": null,'
        ' "revoked_at": null, "reason": ""}',
        "proposed_by",
        "confirmed_by",
    ),
    "access.proposal": _Begun(
        '{"state": "proposed", "decided_by": "", "decided_on": null, "reason": ""}',
        "proposed_by",
        "decided_by",
    ),
    "fund.payee_account": _Begun(
        '{"state": "proposed", "confirmed_by": "", "decided_on": null, "ended_on": null, "reason": ""}',
        "proposed_by",
        "confirmed_by",
    ),
    "fund.policy_proposal": _Begun(
        '{"state": "proposed", "decided_by": "", "decided_on": null, "reason": ""}',
        "proposed_by",
        "decided_by",
    ),
    "fund.terms": _Begun(
        '{"state": "proposed", "confirmed_by": "", "decided_on": null, "reason": ""}',
        "proposed_by",
        "confirmed_by",
    ),
    "payments.bank_channel": _Begun(
        '{"state": "proposed", "confirmed_by": "", "confirmed_at": null, "confirmed_on": null}',
        "proposed_by",
        "confirmed_by",
    ),
}

# The last time each row came in, and who changed it since; rows that were there before traces prove nothing.
_PROPOSED: Final = """
    WITH told AS (
        SELECT t.region, k.key, t.seq, t.op, t.login, t.actor, substr(t.digests, (32 * (k.n - 1) + 1)::integer, 32) AS was
          FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) WITH ORDINALITY AS k (key, n)
         WHERE t.noun = {noun} AND t.op IN ('insert', 'update')),
    came AS (SELECT DISTINCT ON (region, key) * FROM told WHERE op = 'insert' ORDER BY region, key, seq DESC),
    there AS (
        SELECT {region} AS region, {key} AS key, {proposer} AS proposer, {decider} AS decider, {now} AS now, {first} AS first FROM {table} r)
    SELECT h.region, h.key, c.was NOT IN (h.now, h.first), h.proposer <> '' AND h.proposer <> c.actor,
           h.decider NOT IN ('', c.actor) AND NOT EXISTS (
               SELECT FROM told o WHERE o.region = h.region AND o.key = h.key AND o.op = 'update' AND o.actor = h.decider)
           OR h.decider <> '' AND h.decider = c.actor
      FROM there h JOIN came c ON c.region = h.region AND c.key = h.key AND c.login = ANY ({served})
     ORDER BY 1, 2
"""
_DIGEST: Final = "sha256(convert_to((jsonb_strip_nulls(to_jsonb(r.*) || {begins}::jsonb) - {without}::text[])::text, 'UTF8'))"
# Each thing in force that only a confirmed proposal makes, as often as it came in: founders' come by another login.
_GRANTED: Final = """
    WITH came AS (
        SELECT t.noun, t.region, k.key, count(*) AS times FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) AS k (key)
         WHERE t.op IN ('insert', 'update') AND t.login = ANY (%(served)s)
           AND (t.noun = 'access.identity' OR t.op = 'insert' AND t.noun IN ('access.app_user', 'access.user_role', 'access.api_key'))
         GROUP BY 1, 2, 3),
    last AS (
        SELECT DISTINCT ON (t.noun, t.region, k.key) t.noun, t.region, k.key, t.login FROM access.trace t
          CROSS JOIN LATERAL unnest(t.keys) AS k (key)
         WHERE t.noun IN ('access.app_user', 'access.user_role', 'access.api_key', 'access.identity') AND t.op IN ('insert', 'begin')
         ORDER BY 1, 2, 3, t.seq DESC),
    said AS (
        SELECT p.* FROM access.proposal p JOIN access.app_user a ON a.user_name = p.proposed_by JOIN access.app_user b ON b.user_name = p.decided_by
         WHERE p.state = 'confirmed' AND a.person <> b.person AND p.digest = access.proposal_digest(p)),
    there AS (
        SELECT 'access.app_user' AS noun, 0 AS region, u.user_name AS key,
               (SELECT count(*) FROM said p WHERE p.act = 'add' AND (p.user_name, p.person, p.display_name) = (u.user_name, u.person, u.display_name)) AS granted
          FROM access.app_user u
        UNION ALL
        SELECT 'access.user_role', r.region, concat_ws('/', r.user_name, r.role, r.fund),
               (SELECT count(*) FROM said p WHERE p.act = 'grant' AND (p.region, p.user_name, p.role, p.fund) = (r.region, r.user_name, r.role, r.fund))
          FROM access.user_role r
        UNION ALL
        SELECT 'access.api_key', 0, k.key_hash::text,
               -- of a key in two halves the proposal has one: there are as many of its kind as were granted, and no more
               (SELECT CASE WHEN count(*) FILTER (WHERE p.key_hash = k.key_hash) > 0 OR count(*) >= (
                           SELECT count(*) FROM access.api_key o WHERE (o.issued_in, o.user_name, o.label, o.expires_on)
                                                                     = (k.issued_in, k.user_name, k.label, k.expires_on)) THEN 1 ELSE 0 END
                  FROM said p WHERE p.act = 'key' AND (p.region, p.user_name, p.label, p.expires_on)
                                                    = (k.issued_in, k.user_name, k.label, k.expires_on))
          FROM access.api_key k WHERE NOT k.revoked
        UNION ALL
        SELECT 'access.identity', 0, i.identity_hash::text,
               (SELECT CASE WHEN count(*) > 0 THEN 1000000 ELSE 0 END FROM said p
                 WHERE p.act = 'identity' AND (p.region, p.key_hash, p.user_name) = (i.given_in, i.identity_hash, i.user_name))
          FROM access.identity i WHERE NOT i.revoked)
    SELECT h.noun, h.region, h.key FROM there h
      JOIN last l ON l.noun = h.noun AND l.region = h.region AND l.key = h.key AND l.login = ANY (%(served)s)
      JOIN came c ON c.noun = h.noun AND c.region = h.region AND c.key = h.key
     WHERE c.times > h.granted ORDER BY 1, 2, 3
"""
# A key that is live again after it was made useless: nobody can do that.
_REVIVED: Final = """
    SELECT k.key_hash::text FROM access.api_key k WHERE NOT k.revoked AND EXISTS (
        SELECT FROM access.trace t WHERE t.region = 0 AND t.noun = 'access.api_key' AND t.op = 'update' AND k.key_hash::text = ANY (t.keys)) ORDER BY 1
"""
_DATED: Final = """
    WITH dated AS (
        SELECT 'access.operator_log' AS noun, region, id::text AS key, recorded_at AS at FROM access.operator_log
        UNION ALL SELECT 'jobs.asked', region, n::text, asked_at FROM jobs.asked
        UNION ALL SELECT 'jobs.job_run', region, job || '/' || slot, started_at FROM jobs.job_run WHERE epoch = 1),
    came AS (
        SELECT t.noun, t.region, k.key, max(t.recorded_at) AS at FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) AS k (key)
         WHERE t.op = 'insert' AND t.noun IN ('access.operator_log', 'jobs.asked', 'jobs.job_run') GROUP BY 1, 2, 3)
    SELECT d.noun, d.region, d.key, d.at, c.at FROM dated d JOIN came c ON c.noun = d.noun AND c.region = d.region AND c.key = d.key
     WHERE abs(extract(epoch FROM d.at - c.at)) > 3600 ORDER BY 1, 2, 3
"""


def check_decided(snapshot: Snapshot) -> Iterator[Breach]:
    """What was proposed as it was proposed, what was granted as it was confirmed, what was dated as it was traced."""
    for table in BEGUN:
        yield from check_proposed(snapshot, table)
    yield from check_granted(snapshot)
    for noun, region, key, at, traced in snapshot.rows(_DATED):
        message = f"{noun}的{key}写明{at}，而留痕于{traced}：时间被改动或倒填"
        yield Breach("INV-12", str(region or ""), f"{noun} {key}", message, "trace.time")


def check_proposed(snapshot: Snapshot, table: str) -> Iterator[Breach]:
    """Rows of a table of BEGUN against the trace by which they came."""
    one, begun = TRACED[table], BEGUN[table]
    without = sql.Literal(list(one.left_out))
    first, now = (
        sql.SQL(_DIGEST).format(begins=sql.Literal(text), without=without) for text in (begun.begins, "{}")
    )
    query = sql.SQL(_PROPOSED).format(
        noun=sql.Literal(table),
        table=sql.Identifier(*table.split(".")),
        region=sql.SQL("r.region" if one.region else "0"),
        key=key_of(table),
        proposer=sql.Identifier("r", begun.proposer) if begun.proposer else sql.Literal(""),
        decider=sql.Identifier("r", begun.decider) if begun.decider else sql.Literal(""),
        first=first,
        now=now,
        served=sql.Literal(sorted(SERVED)),
    )
    for region, key, changed, proposer, decider in snapshot.connection.execute(query).fetchall():
        for found, code, said in (
            (changed, "decided.changed", "不是提出时的内容：提出以后被改动"),
            (proposer, "decided.proposer", "的提出人不是留痕所记的人"),
            (decider, "decided.decider", "的确认人没有办理过它的留痕，或与提出的是同一人"),
        ):
            if found:
                yield Breach("INV-11", str(region or ""), f"{table} {key}", f"{table}的{key}{said}", code)


def check_granted(snapshot: Snapshot) -> Iterator[Breach]:
    """Users, roles, keys and identities in force against the proposals that two persons confirmed."""
    for noun, region, key in snapshot.rows(_GRANTED, served=sorted(SERVED)):
        message = f"{noun}的{key}没有两人提出并确认的用户变更与之相符"
        yield Breach("INV-11", str(region or ""), f"{noun} {key}", message, "decided.not_granted")
    for (key,) in snapshot.rows(_REVIVED):
        message = f"access.api_key的{key}曾经改动（停用）而现在又有效"
        yield Breach("INV-11", "", f"access.api_key {key}", message, "decided.revived")
