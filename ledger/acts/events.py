"""What happened and may be told outside: money paid, failed, returned, unknown; findings; sheets, letters and months decided.

Read from what is recorded anyway, so that no path of money waits for a notice and none can forget one: an event is noted with
the next `tell`, once, under a key made of what it is of; what was recorded within a day of the last noting is asked again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, LiteralString, NamedTuple

from ledger.db.unit_of_work import Transaction

_ORDERS: Final[LiteralString] = """
    WITH x (key, subject, fund, institution, fen, day, at) AS (
    SELECT e.order_no || ':' || e.n, e.order_no, o.fund, o.institution, o.amount_fen, e.business_date, e.recorded_at::text
      FROM payments.order_event e JOIN payments.pay_order o ON o.region = e.region AND o.order_no = e.order_no
     WHERE e.region = %(region)s AND e.recorded_at >= %(since)s AND e.to_state = %(state)s AND e.from_state <> e.to_state
       AND e.recorded_at >= coalesce((SELECT max(made_at) - interval '1 day' FROM access.alarm_notice
            WHERE region = %(region)s AND starts_with(alarm, %(kind)s || ':')), '-infinity')
"""
_FINDINGS: Final[LiteralString] = """
    WITH x (key, subject, fund, institution, fen, day, at) AS (
    SELECT e.finding_id || ':' || e.n, e.finding_id, f.fund, f.institution, e.amount_fen, e.business_date, e.recorded_at::text
      FROM fund.finding_event e JOIN fund.finding f ON f.region = e.region AND f.finding_id = e.finding_id
     WHERE e.region = %(region)s AND e.recorded_at >= %(since)s AND e.to_state = %(state)s AND e.from_state <> e.to_state
"""
_SHEETS: Final[LiteralString] = """
    WITH x (key, subject, fund, institution, fen, day, at) AS (
    SELECT s.sheet_id, s.sheet_id, s.fund, s.institution, s.result_fen, s.approved_on, '' FROM fund.sheet s
     WHERE s.region = %(region)s AND s.approved_on >= %(since)s::date AND s.state = %(state)s
"""
_LETTERS: Final[LiteralString] = """
    WITH x (key, subject, fund, institution, fen, day, at) AS (
    SELECT l.letter_id, l.letter_id, l.fund, l.institution, l.row9_fen, l.confirmed_on, '' FROM fund.letter l
     WHERE l.region = %(region)s AND l.confirmed_on >= %(since)s::date AND l.state = %(state)s
"""
_MONTHS: Final[LiteralString] = """
    WITH x (key, subject, fund, institution, fen, day, at) AS (
    SELECT c.fund || ':' || c.period || ':' || c.n, c.fund || '-' || c.period, c.fund, '', NULL::bigint, c.closed_on, ''
      FROM books.closing c WHERE c.region = %(region)s AND c.closed_on >= %(since)s::date AND c.state IN (%(state)s, 'reopened')
"""

_NEW: Final[LiteralString] = """)
    SELECT * FROM x
     WHERE NOT EXISTS (SELECT 1 FROM access.alarm_notice a WHERE a.region = %(region)s AND a.alarm = %(kind)s || ':' || x.key)
     ORDER BY day, at, key LIMIT %(most)s
"""


class _Kind(NamedTuple):
    asks: LiteralString
    state: str


KINDS: Final[Mapping[str, _Kind]] = {
    "order.paid": _Kind(_ORDERS, "paid"),
    "order.rejected": _Kind(_ORDERS, "rejected"),
    "order.returned": _Kind(_ORDERS, "returned"),
    "order.unknown": _Kind(_ORDERS, "unknown"),
    "finding.first": _Kind(_FINDINGS, "first"),
    "finding.final": _Kind(_FINDINGS, "final"),
    "sheet.approved": _Kind(_SHEETS, "approved"),
    "letter.confirmed": _Kind(_LETTERS, "confirmed"),
    "month.closed": _Kind(_MONTHS, "closed"),
}
"""Every kind there is: what notices.toml may name."""
_AT_ONCE: Final = 5_000


class Happened(NamedTuple):
    """One event: `key` is its own for ever, `content` what is told, money as text of fen, nothing personal."""

    key: str
    content: Mapping[str, Any]


def happened(tx: Transaction, kinds: Sequence[str], since: date) -> list[Happened]:
    """What of these kinds was recorded since a day (Beijing) and not noted yet, in the order of recording, some thousands at most."""
    found: list[tuple[str, Happened]] = []
    for kind in kinds:
        rows = tx.rows(
            KINDS[kind].asks + _NEW,
            region=tx.region,
            since=f"{since} 00:00+08",
            kind=kind,
            state=KINDS[kind].state,
            most=_AT_ONCE,
        )
        for key, subject, fund, institution, fen, day, at in rows:
            content = {
                "event": kind, "subject": subject, "fund": fund, "institution": institution, "business_date": str(day),
                "amount_fen": None if fen is None else str(fen), "recorded_at": at,
            }  # fmt: skip
            found.append((f"{day} {at}", Happened(f"{kind}:{key}", content)))
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]
