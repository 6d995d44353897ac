"""Intake: validated records and their payables into the database, once; refusals into quarantine (design.md 3.1).

One call takes a chunk of lines. Each region of the chunk is one transaction; in it every line gets exactly one
outcome, so accepted + duplicate + quarantined is always what came in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Engine

from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import NO_REGION, Transaction, unit_of_work
from ledger.fund.directory import read_directory
from ledger.fund.outcome import QUARANTINED, Line, Load, Outcome, Tally
from ledger.fund.owed import owed_for_originals, owed_for_reversals, without_settled
from ledger.fund.record import Refusal, SettlementRecord
from ledger.fund.store import quarantine, store
from ledger.fund.validate import IntakeRules, validate_line

INTAKE_ROLES: Final = ["intake", "system", "maker"]


def take(engine: Engine, user: str, load: Load, lines: Sequence[Line], rules: IntakeRules) -> Tally:
    """Validate and store a chunk of lines; safe to repeat after a crash (the tally is then the same).

    Raises what `unit_of_work` raises; never for a bad line: that is an outcome.
    """
    by_region: dict[int, list[tuple[int, SettlementRecord]]] = {}
    unread: list[Refusal] = []
    for number, raw in lines:
        result = validate_line(raw, number, rules)
        if isinstance(result, Refusal):
            unread.append(result)
        else:
            by_region.setdefault(result.region, []).append((number, result))
    raws = dict(lines)
    tally = Tally()
    for region in sorted(by_region):
        _merge(tally, _take_region(engine, user, region, load, by_region[region], raws))
    if unread:
        with unit_of_work(engine, user) as tx:
            quarantine(tx, NO_REGION, load, unread, raws)
        _merge(tally, _refused(unread))
    tally.outcomes.sort()
    return tally


def _merge(total: Tally, part: Tally) -> None:
    total.add(part)
    total.outcomes += part.outcomes


def _refused(refusals: Sequence[Refusal]) -> Tally:
    outcomes = [Outcome(r.line, r.setl_id, QUARANTINED, r.code, r.field, r.message) for r in refusals]
    return Tally(quarantined=len(outcomes), outcomes=outcomes)


def _take_region(
    engine: Engine,
    user: str,
    region: int,
    load: Load,
    records: Sequence[tuple[int, SettlementRecord]],
    raws: Mapping[int, bytes],
) -> Tally:
    """One region's records of the chunk in one transaction: originals first, so that a reversal may come beside its original."""
    try:
        with unit_of_work(engine, user, region) as tx:
            _require_intake(tx)
            directory = read_directory(tx)
            refused: list[Refusal] = []
            tally = Tally()
            originals = [pair for pair in records if not pair[1].is_reversal]
            reversals = [pair for pair in records if pair[1].is_reversal]
            owed = list(owed_for_originals(originals, directory, refused))
            _merge(tally, store(tx, load, without_settled(tx, owed, refused), refused))
            owed = list(owed_for_reversals(tx, reversals, directory, refused))
            _merge(tally, store(tx, load, without_settled(tx, owed, refused), refused))
            quarantine(tx, region, load, refused, raws)
            _merge(tally, _refused(refused))
            return tally
    except Forbidden as error:
        refused = [
            Refusal(n, r.setl_id, "poolarea_no", "region.not_allowed", f"第{n}行：{error.message}")
            for n, r in records
        ]
        with unit_of_work(engine, user) as tx:
            quarantine(tx, NO_REGION, load, refused, raws)
        return _refused(refused)


def _require_intake(tx: Transaction) -> None:
    if not tx.value(
        "SELECT access.has_role(%(region)s, 0::smallint, %(user)s, %(roles)s)",
        region=tx.region,
        user=tx.user,
        roles=INTAKE_ROLES,
    ):
        raise Forbidden("region.not_allowed", f"用户{tx.user}不能向统筹区{tx.region}上传结算记录")
