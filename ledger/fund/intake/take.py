"""Intake: validated records and their payables into the database, once; refusals into quarantine (design.md 3.1).

One call takes a chunk of lines. Each region of the chunk is one transaction; in it every line gets exactly one
outcome, so accepted + duplicate + quarantined is always what came in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ledger.core.errors import Forbidden
from ledger.db.connections import Engine
from ledger.db.unit_of_work import NO_REGION, Transaction, unit_of_work
from ledger.fund.intake.admission import fitting_reversals, of_known_institutions, of_open_terms
from ledger.fund.intake.context import context_of, context_question
from ledger.fund.intake.split import split_taken
from ledger.fund.intake.store import quarantine, store
from ledger.fund.intake.values import QUARANTINED, Gist, LineOutcome, Load, Tally
from ledger.fund.record.record import Refusal

Read: TypeAlias = Gist | Refusal
RawOf: TypeAlias = Callable[[int], bytes]
"""The bytes of a line by its number, asked only of what is refused."""
Also: TypeAlias = Callable[[Transaction, Tally], None]


def _nothing_else(_tx: Transaction, _done: Tally) -> None:
    """Nothing but the records themselves."""


def take_gists(
    engine: Engine,
    user: str,
    load: Load,
    read: Sequence[Read],
    raw_of: RawOf,
    *,
    home: int = NO_REGION,
    also: Also = _nothing_else,
    last: Also = _nothing_else,
    each: bool = True,
) -> Tally:
    """Store validated lines; safe to repeat after a crash (the tally is then the same).

    Raises what `unit_of_work` raises; never for a bad line: that is an outcome. `each`: the tally has every line's outcome.
    `also` is called at the end of each transaction, inside it, with what that transaction did; `last` in the last one, with
    what all of them did. What belongs to no region of the user's is written in the last transaction. Without a `home` that is
    one of no region, so that no transaction is of two; with one, the last region's, or the home's where there is no other:
    the service answers a request by one COMMIT.
    """
    unread = [result for result in read if isinstance(result, Refusal)]
    records = [result for result in read if not isinstance(result, Refusal)]
    tally = Tally()
    regions = sorted({record.region for record in records})
    for region in regions:
        here = [record for record in records if record.region == region] if len(regions) > 1 else records
        try:
            question = context_question(
                region, {(r.institution, r.day) for r in here}, {r.term for r in here}
            )
            with unit_of_work(engine, user, region, opening=question) as tx:
                part = _take_region(tx, load, here, raw_of, each=each)
                if home and region == regions[-1]:
                    _merge(part, _keep(tx, NO_REGION, load, unread, raw_of))
                    unread = []
                also(tx, part)
                _merge(tally, part)
        except Forbidden as error:
            if error.code != "region.not_allowed":
                raise
            unread += [
                Refusal(
                    r.line, r.setl_id, "poolarea_no", "region.not_allowed", f"第{r.line}行：{error.message}"
                )
                for r in here
            ]
    if unread or not regions or not home:
        with unit_of_work(engine, user, home) as tx:
            part = _keep(tx, NO_REGION, load, unread, raw_of)
            also(tx, part)
            _merge(tally, part)
            last(tx, tally)
    tally.outcomes.sort()
    return tally


def _merge(total: Tally, part: Tally) -> None:
    total.add(part)
    total.outcomes += part.outcomes


def _keep(tx: Transaction, region: int, load: Load, refusals: Sequence[Refusal], raw_of: RawOf) -> Tally:
    """Into quarantine."""
    quarantine(tx, region, load, refusals, raw_of)
    outcomes = [LineOutcome(r.line, r.setl_id, QUARANTINED, r.code, r.field, r.message) for r in refusals]
    return Tally(quarantined=len(outcomes), outcomes=outcomes)


def _take_region(tx: Transaction, load: Load, records: Sequence[Gist], raw_of: RawOf, *, each: bool) -> Tally:
    """One region's records: originals first, so that a reversal may come beside its original."""
    context = context_of(tx)
    refused: list[Refusal] = []
    tally = Tally()
    records = of_known_institutions(records, context.unknown, refused)
    originals: Sequence[Gist] = [record for record in records if not record.init_setl_id]
    originals = split_taken(tx, originals, refused, mapped=context.mapped)
    originals = of_open_terms(tx, load, context.settled, originals, refused)
    _merge(tally, store(tx, load, originals, context.enrolled, refused, each=each))
    reversals: Sequence[Gist] = [record for record in records if record.init_setl_id]
    if reversals:
        reversals = split_taken(tx, reversals, refused, mapped=context.mapped)
        reversals = fitting_reversals(tx, reversals, refused)
        reversals = of_open_terms(tx, load, context.settled, reversals, refused)
        _merge(tally, store(tx, load, reversals, None, refused, each=each))
    _merge(tally, _keep(tx, tx.region, load, refused, raw_of))
    return tally
