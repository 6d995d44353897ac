"""Which alarms stand in a region now: asked of the state of things, so that each goes by itself when its cause goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, LiteralString

from ledger.access.alarms import Seen, seen_alarms
from ledger.control.alarms.deadlines import open_terms
from ledger.control.alarms.table import table
from ledger.control.checks.payments.debited import DEBITED, said_of
from ledger.core.dates import SHANGHAI
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.payments.out.ask import receipt_days

_NEVER: Final = 10**9
"""Seconds of age of what has no known beginning: older than any threshold."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm. `key` names it, also to who has seen it; one that went and came back has another key."""

    key: str
    kind: str
    severity: str
    subject: str
    since: str
    detail: str
    age_seconds: int | None = None
    """How long it has stood, where its beginning is known."""
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """When is asked: the business day and time of day, and this machine's own clock in seconds since 1970."""

    now: datetime
    machine: float


@dataclass(frozen=True, slots=True)
class _Found:
    subject: str
    since: str
    measure: float
    """What the kind's threshold is compared with: seconds of age, or times."""
    detail: str
    age: float | None = None
    """Seconds, where they are counted by the machine's clock; else they follow from `since` and the business day."""


def standing(tx: Transaction, moment: Moment) -> list[Alarm]:
    """Every alarm of the transaction's region and of the installation, the gravest first; asks, changes nothing."""
    seen = seen_alarms(tx)
    found = []
    for kind, row in table().items():
        for one in _KINDS[kind](tx, moment):
            if one.measure >= row.threshold:
                key = f"{kind}:{one.subject}:{one.since}"[:200]
                age = _age(one.since, moment) if one.age is None else max(0, int(one.age))
                found.append(
                    Alarm(key, kind, row.severity, one.subject, one.since, one.detail, age, seen.get(key))
                )
    return sorted(found, key=lambda alarm: (alarm.severity, alarm.since, alarm.key))


def told(alarm: Alarm) -> dict[str, Any]:
    """An alarm for machines, with what its kind says: what it is, what to do, the posts it concerns."""
    row = table()[alarm.kind]
    return dataclasses.asdict(alarm) | {"what": row.what, "ask": row.ask, "whom": list(row.whom)}


def _age(since: str, moment: Moment) -> int | None:
    try:
        began = datetime.fromisoformat(since)
    except ValueError:
        return None
    if began.tzinfo is None:
        began = began.replace(tzinfo=SHANGHAI)
    return max(0, int((moment.now - began).total_seconds()))


_SUSPENSE: Final[LiteralString] = """
SELECT e.account || '/' || e.receipt_no, e.booking_date::text, e.outcome_code FROM payments.evidence e
 WHERE e.region = %(region)s AND e.outcome = 'suspense' AND NOT EXISTS (SELECT 1 FROM payments.resolution r
   WHERE (r.region, r.account, r.kind, r.receipt_no) = (e.region, e.account, e.kind, e.receipt_no) AND r.state = 'approved')
 ORDER BY 2, 1"""
_OVERDUE: Final[LiteralString] = """
SELECT o.order_no, o.sent_on::text, o.state FROM payments.pay_order o
 WHERE o.region = %(region)s AND o.sent_on IS NOT NULL AND o.sent_on < %(limit)s
   AND EXISTS (SELECT 1 FROM payments.transition t WHERE t.from_state = o.state AND t.event = 'pay')
 ORDER BY o.sent_on, o.order_no"""
_BANK_FILE: Final[LiteralString] = """
SELECT f.account || '/' || f.name, f.received_on::text, f.code FROM payments.inbound_file f
 WHERE f.region = %(region)s AND f.outcome = 'quarantined' AND NOT EXISTS (SELECT 1 FROM payments.read_again a
   WHERE a.region = f.region AND a.account = f.account AND a.sha256 = f.sha256 AND a.outcome = 'read')
 ORDER BY 2, 1"""
_QUARANTINE: Final[LiteralString] = """
SELECT l.load_id::text, l.file_name, count(*), (l.begun_at AT TIME ZONE 'Asia/Shanghai')::date::text,
       extract(epoch FROM l.begun_at)::float8 FROM fund.quarantine q
  JOIN fund.intake_load l ON l.region IN (0, %(region)s) AND l.load_id = q.load_id
 WHERE q.region IN (0, %(region)s)
   AND NOT (q.setl_id <> '' AND EXISTS (SELECT 1 FROM fund.record r WHERE r.region = %(region)s AND r.setl_id = q.setl_id))
   AND 'load ' || q.load_id || ' line ' || q.line NOT IN (SELECT p.item FROM fund.passed_lines(%(region)s) p)
 GROUP BY l.load_id, l.file_name, l.begun_at ORDER BY l.load_id"""
_LAST_RUNS: Final[LiteralString] = """
SELECT DISTINCT ON (job, substring(slot FROM ' ([0-9]{3})$')) job, slot, state,
       CASE WHEN state = 'running' THEN '运行中断，等待接续' ELSE message END
  FROM jobs.job_run WHERE region = %(region)s AND (state <> 'running' OR lease_until < clock_timestamp())
 ORDER BY job, substring(slot FROM ' ([0-9]{3})$'), left(slot, 10) DESC, started_at DESC NULLS LAST, slot DESC"""
_LAST_CHECK: Final[LiteralString] = """
SELECT max(slot) FROM jobs.job_run WHERE region = %(region)s AND job = 'check' AND state = 'done'"""
_FROZEN: Final[LiteralString] = """
SELECT f.code, f.found_on::text, f.detail FROM payments.freezing f WHERE f.region = %(region)s AND f.state <> 'lifted' ORDER BY f.n"""
_RISK: Final[LiteralString] = """
SELECT c.n::text, c.found_on::text, c.rule FROM fund.risk_case c
 WHERE c.region = %(region)s AND (EXISTS (SELECT 1 FROM fund.risk_step s WHERE s.region = c.region AND s.case_n = c.n AND s.state = 'proposed')
       OR NOT EXISTS (SELECT 1 FROM fund.risk_step s WHERE s.region = c.region AND s.case_n = c.n AND s.state = 'confirmed'))
 ORDER BY c.n"""
# The last word on a file, or on the filing of a batch, that still waits (index operator_log_held).
_HELD: Final[LiteralString] = """
SELECT w.object, (l.recorded_at AT TIME ZONE 'Asia/Shanghai')::date::text, substring(l.detail FROM '：(.*)$'),
       extract(epoch FROM l.recorded_at)::float8 FROM (
    SELECT f.region, f.file_id AS object, 'payments.set_out' AS action FROM payments.bank_file f WHERE f.state IN ('filed', 'sending', 'unknown')
    UNION ALL SELECT b.region, b.batch_id, 'payments.file' FROM payments.batch b WHERE EXISTS (
        SELECT 1 FROM payments.pay_order p WHERE p.region = b.region AND p.batch_id = b.batch_id AND p.state = 'approved')) w
 CROSS JOIN LATERAL (SELECT o.recorded_at, o.detail FROM access.operator_log o
        WHERE o.region = w.region AND o.object = w.object AND o.outcome = 'refused' AND o.action IN ('payments.set_out', 'payments.file')
          AND o.action = w.action ORDER BY o.id DESC LIMIT 1) l
 WHERE w.region = %(region)s AND starts_with(l.detail, """
_ALTERED: Final[LiteralString] = _HELD + "'file.altered') ORDER BY 2, 1"
_UNPROVEN: Final[LiteralString] = _HELD + "'approval.unproven') ORDER BY 2, 1"
_PERSONS: Final[LiteralString] = """
SELECT a.payment_id, a.failed_on::text, a.state FROM fund.person_account a
  JOIN fund.person_payment p ON p.region = a.region AND p.payment_id = a.payment_id AND p.order_no = a.order_no
  LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
 WHERE a.region = %(region)s AND a.state <> 'approved' AND o.state IS DISTINCT FROM 'paid' ORDER BY 2, 1"""
# The account a bank said is wrong, as long as none is in force; a proposal that waits for its second person is said.
_INSTITUTIONS: Final[LiteralString] = """
SELECT a.institution, coalesce(max(a.ended_on), max(a.decided_on), max(a.proposed_on))::text,
       CASE WHEN EXISTS (SELECT 1 FROM fund.payee_account p WHERE p.region = a.region AND p.institution = a.institution
                            AND p.state = 'proposed') THEN 'proposed' ELSE 'failed' END
  FROM fund.payee_account a
 WHERE a.region = %(region)s AND a.state = 'failed' AND NOT EXISTS (
    SELECT 1 FROM fund.payee_account k WHERE k.region = a.region AND k.institution = a.institution AND k.state = 'confirmed')
 GROUP BY a.region, a.institution ORDER BY 2, 1"""
_UNSIGNED: Final[LiteralString] = """
SELECT b.region::text, min(b.opened_on)::text, coalesce(max(d.asked_by) || '已提出，待另一人确认', '')
  FROM books.book b LEFT JOIN access.signing_demand d ON d.region = b.region
 WHERE b.region = %(region)s AND d.confirmed_at IS NULL GROUP BY 1"""
_REFUSED: Final[LiteralString] = """
SELECT address, to_char(hour AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:00'), sum(attempts)::float8, string_agg(code, '、' ORDER BY code),
       extract(epoch FROM min(first_at))::float8
  FROM access.refused_login WHERE last_at > clock_timestamp() - interval '24 hours' GROUP BY 1, 2 ORDER BY 2, 1"""
_NOTICES: Final[LiteralString] = """
SELECT channel, max(tries)::float8, count(*), max(problem) FROM access.alarm_notice
 WHERE region IN (0, %(region)s) AND sent_at IS NULL GROUP BY 1 ORDER BY 1"""


def _aged(query: LiteralString) -> Callable[[Transaction, Moment], Iterator[_Found]]:
    """What a query finds by subject, day and detail; its age runs from that day; without one it is as old as can be."""

    def ask(tx: Transaction, moment: Moment) -> Iterator[_Found]:
        for subject, day, detail in tx.rows(query, region=tx.region):
            if day is None:
                yield _Found(subject, "", _NEVER, detail)
                continue
            began = datetime.combine(datetime.fromisoformat(day).date(), time(), SHANGHAI)
            yield _Found(subject, day, (moment.now - began).total_seconds(), detail)

    return ask


def _held_back(query: LiteralString) -> Callable[[Transaction, Moment], Iterator[_Found]]:
    """What the log's last line keeps back; its age runs from that line, by the machine's clock."""

    def ask(tx: Transaction, moment: Moment) -> Iterator[_Found]:
        for subject, day, detail, began in tx.rows(query, region=tx.region):
            yield _Found(subject, day, 0, detail, max(0.0, moment.machine - began))

    return ask


def _overdue(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    day = moment.now.date()
    limit = day - timedelta(days=receipt_days(tx, day))
    for order, sent, state in tx.rows(_OVERDUE, region=tx.region, limit=limit):
        yield _Found(order, sent, 0, state)


def _quarantine(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    """Its age runs from the moment its load began; what came in before that was kept is as old as can be."""
    for load, file, count, day, began in tx.rows(_QUARANTINE, region=tx.region):
        age = None if began is None else max(0.0, moment.machine - began)
        yield _Found(load, day or "", _NEVER if age is None else age, f"{file} {count}条", age)


def _debited(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    """Since the order was sent: the statement may be taken in much later than the day it tells of."""
    for _, _, order, shown, again, sent in tx.rows(DEBITED, region=tx.region):
        yield _Found(order, sent or f"{moment.now:%Y-%m-%d}", 0, said_of(shown, again))


def _failed(tx: Transaction, _moment: Moment) -> Iterator[_Found]:
    for job, slot, state, message in tx.rows(_LAST_RUNS, region=tx.region):
        if state != "done" and not message.startswith("verify.findings"):
            yield _Found(job, slot, 0, message)


def _findings(tx: Transaction, _moment: Moment) -> Iterator[_Found]:
    for job, slot, state, message in tx.rows(_LAST_RUNS, region=tx.region):
        if state == "failed" and message.startswith("verify.findings"):
            yield _Found(job, slot, 0, message)


def _deadline(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    """Terms that end soon, or today."""
    day = moment.now.date()
    for one in open_terms(tx, day):
        if one.last >= day:
            yield _Found(f"{said('deadline', one.kind)} {one.subject}", one.last.isoformat(), 0, one.detail)


def _deadline_past(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    """Terms that are over and not met."""
    day = moment.now.date()
    for one in open_terms(tx, day):
        if one.last < day:
            yield _Found(f"{said('deadline', one.kind)} {one.subject}", one.last.isoformat(), 0, one.detail)


def _silent(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    slot = tx.value(_LAST_CHECK, region=tx.region)
    if slot is None:
        yield _Found("check", "", _NEVER, "从未完成")
        return
    # the slot is the day of the check, which runs before midnight
    began = datetime.combine(datetime.fromisoformat(slot[:10]).date(), time(23, 15), SHANGHAI)
    yield _Found("check", slot, (moment.now - began).total_seconds(), slot)


def _refused(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    for address, hour, attempts, codes, began in tx.rows(_REFUSED):
        yield _Found(
            address or "*", hour, attempts, f"{attempts:.0f}次：{codes}", max(0.0, moment.machine - began)
        )


def _clock(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    theirs = tx.value("SELECT extract(epoch FROM clock_timestamp())::float8")
    skew = float(theirs) - moment.machine
    yield _Found("database", f"{moment.now:%Y-%m-%d}", abs(skew), f"相差{skew:.0f}秒")


def _notices(tx: Transaction, moment: Moment) -> Iterator[_Found]:
    for channel, tries, count, problem in tx.rows(_NOTICES, region=tx.region):
        yield _Found(channel, f"{moment.now:%Y-%m-%d}", tries, f"{count}件未送达：{problem}")


_KINDS: Final[Mapping[str, Callable[[Transaction, Moment], Iterator[_Found]]]] = {
    "suspense": _aged(_SUSPENSE),
    "suspense_old": _aged(_SUSPENSE),
    "overdue": _overdue,
    "debited": _debited,
    "file_altered": _held_back(_ALTERED),
    "approval_unproven": _held_back(_UNPROVEN),
    "payee_failed": _aged(_PERSONS),
    "institution_payee": _aged(_INSTITUTIONS),
    "bank_file": _aged(_BANK_FILE),
    "quarantine": _quarantine,
    "quarantine_old": _quarantine,
    "job_failed": _failed,
    "job_silent": _silent,
    "findings": _findings,
    "deadline": _deadline,
    "deadline_past": _deadline_past,
    "risk": _aged(_RISK),
    "frozen": _aged(_FROZEN),
    "login_refused": _refused,
    "unsigned": _aged(_UNSIGNED),
    "clock": _clock,
    "notice": _notices,
}
