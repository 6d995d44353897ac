"""Intake: validated records and their payables into the database, once; refusals into quarantine (design.md 3.1).

One call takes a chunk of lines. Each region of the chunk is one transaction; in it every line gets exactly one
outcome, so accepted + duplicate + quarantined is always what came in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from sqlalchemy import Engine

from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import NO_REGION, Transaction, unit_of_work
from ledger.fund.directory import context_of, context_question
from ledger.fund.layers_store import split_taken
from ledger.fund.outcome import QUARANTINED, Gist, Line, Load, Outcome, Tally
from ledger.fund.owed import owed_for_originals, owed_for_reversals, without_settled
from ledger.fund.record import Refusal
from ledger.fund.store import quarantine, store

Read: TypeAlias = tuple[Line, Gist | Refusal]
Also: TypeAlias = Callable[[Transaction, Tally], None]


def _nothing_else(_tx: Transaction, _done: Tally) -> None:
    """Nothing but the records themselves."""


def take_gists(
    engine: Engine,
    user: str,
    load: Load,
    read: Sequence[Read],
    *,
    home: int = NO_REGION,
    also: Also = _nothing_else,
    each: bool = True,
) -> Tally:
    """Store the gists of validated lines; safe to repeat after a crash (the tally is then the same).

    Raises what `unit_of_work` raises; never for a bad line: that is an outcome. `each`: the tally has every line's outcome.
    `also` is called at the end of each transaction, inside it, with what that transaction did. What belongs to no
    region of the user's is written in a transaction of the region `home`.
    """
    by_region: dict[int, list[tuple[int, Gist]]] = {}
    unread: list[Refusal] = []
    raws = dict([line for line, _ in read])
    for (number, _), result in read:
        if isinstance(result, Refusal):
            unread.append(result)
        else:
            by_region.setdefault(result.region, []).append((number, result))
    tally = Tally()
    for region in sorted(by_region):
        try:
            gists = [gist for _, gist in by_region[region]]
            question = context_question(region, {g.institution for g in gists}, {g.term for g in gists})
            with unit_of_work(engine, user, region, opening=question) as tx:
                part = _take_region(tx, load, by_region[region], raws, each=each)
                also(tx, part)
            _merge(tally, part)
        except Forbidden as error:
            unread += [
                Refusal(n, r.setl_id, "poolarea_no", "region.not_allowed", f"第{n}行：{error.message}")
                for n, r in by_region[region]
            ]
    if unread:
        with unit_of_work(engine, user, home) as tx:
            quarantine(tx, NO_REGION, load, unread, raws)
            part = _refused(unread)
            also(tx, part)
        _merge(tally, part)
    tally.outcomes.sort()
    return tally


def _merge(total: Tally, part: Tally) -> None:
    total.add(part)
    total.outcomes += part.outcomes


def _refused(refusals: Sequence[Refusal]) -> Tally:
    outcomes = [Outcome(r.line, r.setl_id, QUARANTINED, r.code, r.field, r.message) for r in refusals]
    return Tally(quarantined=len(outcomes), outcomes=outcomes)


def _take_region(
    tx: Transaction,
    load: Load,
    records: Sequence[tuple[int, Gist]],
    raws: Mapping[int, bytes],
    *,
    each: bool,
) -> Tally:
    """One region's records: originals first, so that a reversal may come beside its original."""
    context = context_of(tx)
    refused: list[Refusal] = []
    tally = Tally()
    records, splits = split_taken(tx, records, refused, mapped=context.mapped)
    originals = [pair for pair in records if not pair[1].init_setl_id]
    reversals = [pair for pair in records if pair[1].init_setl_id]
    goods = list(owed_for_originals(originals, context.directory, refused))
    goods = without_settled(context.settled, goods, refused)
    _merge(tally, store(tx, load, goods, splits, refused, each=each))
    if reversals:
        goods = list(owed_for_reversals(tx, reversals, context.directory, refused))
        goods = without_settled(context.settled, goods, refused)
        _merge(tally, store(tx, load, goods, splits, refused, each=each))
    quarantine(tx, tx.region, load, refused, raws)
    _merge(tally, _refused(refused))
    return tally
