"""Records with their payables and splits into their tables, once only, with an outcome for every line; refusals into theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

from ledger.core.accounts import coded
from ledger.core.masking import masked_numbers
from ledger.db.safekeeping.region_keys import seal
from ledger.db.unit_of_work import Transaction, array_of
from ledger.fund.intake.context import Enrolled
from ledger.fund.intake.payables import insert
from ledger.fund.intake.values import ACCEPTED, DUPLICATE, Gist, LineOutcome, Load, Tally, refusal
from ledger.fund.record.fields import LINE_BYTES_MAX
from ledger.fund.record.record import Refusal


class _Before(NamedTuple):
    """A record that was there already."""

    digest: bytes
    load_id: int
    line: int
    daily_fen: int


def store(
    tx: Transaction,
    load: Load,
    records: Sequence[Gist],
    enrolled: Enrolled | None,
    refused: list[Refusal],
    *,
    each: bool,
) -> Tally:
    """Insert what is new with its payables and splits, tell duplicates from other content.

    `enrolled` for originals, whose pooled money is owed daily by its ratios; None for reversals, which owe exactly the opposite
    of their originals, in their service year. `each`: the tally has every line's outcome.
    """
    tally = Tally()
    if not records:
        return tally
    stored = insert(tx, load, records, enrolled, each=each)
    tally.payable_fen = stored.sum_fen
    accepted, daily_fen = records, stored.daily_fen
    duplicates: Sequence[Gist] = ()
    if stored.not_new:
        accepted, duplicates, again = _told_apart(tx, load, records, stored.not_new, refused)
        tally.payable_fen += sum(again.values())
        daily_fen = {**daily_fen, **again}
    tally.accepted, tally.duplicate = len(accepted), len(duplicates)
    tally.accepted_fen = sum([record.medfee_fen for record in accepted])
    if each:
        tally.outcomes += [
            LineOutcome(r.line, r.setl_id, ACCEPTED, "", "", "", r.medfee_fen, daily_fen[r.line])
            for r in accepted
        ]
        tally.outcomes += [LineOutcome(record.line, record.setl_id, DUPLICATE) for record in duplicates]
    return tally


def _told_apart(
    tx: Transaction, load: Load, records: Sequence[Gist], not_new: frozenset[int], refused: list[Refusal]
) -> tuple[list[Gist], list[Gist], dict[int, int]]:
    """The accepted (new, or this very line before a crash, these with their daily fen) and the duplicates.

    Everything else is refused.
    """
    before = _already_stored(tx, [record.setl_id for record in records if record.line in not_new])
    accepted, duplicates, again = [], [], {}
    for record in records:
        if record.line not in not_new:
            accepted.append(record)
            continue
        known = before.get(record.setl_id)
        if known is None:
            rule = f"原结算{record.init_setl_id}已被冲销"
            refused.append(refusal(record, "init_setl_id", "reversal.already", rule))
        elif known.digest != record.content_digest:
            rule = f"结算{record.setl_id}已收到过，内容不同"
            refused.append(refusal(record, "setl_id", "record.other_content", rule))
        elif (known.load_id, known.line) == (load.load_id, record.line):
            accepted.append(record)
            again[record.line] = known.daily_fen
        else:
            duplicates.append(record)
    return accepted, duplicates, again


def _already_stored(tx: Transaction, setl_ids: list[str]) -> dict[str, _Before]:
    return {
        setl_id: _Before(bytes(digest), load_id, line, daily_fen)
        for setl_id, digest, load_id, line, daily_fen in tx.rows(
            # LATERAL and OFFSET: by key, record by record. As a plain join the planner, which knows no sizes, reads all payables.
            coded("""SELECT r.setl_id, r.content_digest, r.load_id, r.line, p.daily_fen
                 FROM fund.record r CROSS JOIN LATERAL (
                      SELECT coalesce(sum(daily_fen), 0)::bigint AS daily_fen FROM fund.payable
                       WHERE region = r.region AND fund IN ({FUNDS}) AND setl_id = r.setl_id OFFSET 0) p
                WHERE r.region = %(region)s AND r.setl_id = ANY(%(ids)s::text[])"""),
            region=tx.region,
            ids=array_of(setl_ids),
        )
    }


def quarantine(
    tx: Transaction, region: int, load: Load, refusals: Sequence[Refusal], raw_of: Callable[[int], bytes]
) -> None:
    """Keep refused lines with their reason, sealed for the region's key: the same line of the same file once, a document refused again once."""
    if not refusals:
        return
    public = bytes(
        tx.value(
            "SELECT public FROM fund.sealing_key WHERE region IN (0, %(region)s) ORDER BY region DESC, n DESC LIMIT 1",
            region=region,
        )
    )
    tx.run_many(
        """INSERT INTO fund.quarantine (region, file_sha256, line, setl_id, field, code, message, load_id, raw)
           SELECT %(region)s, %(sha256)s, %(line)s, %(setl_id)s, %(field)s, %(code)s, %(message)s, %(load_id)s, %(raw)s
            WHERE %(of_file)s OR NOT EXISTS (
                  SELECT 1 FROM fund.quarantine q
                   WHERE q.region = %(region)s AND q.file_sha256 = %(sha256)s AND q.code = %(code)s)
           ON CONFLICT DO NOTHING""",
        [
            {
                "region": region,
                "sha256": load.sha256 or sha256(raw_of(refusal.line)).digest(),
                "of_file": load.sha256 != b"",
                "line": refusal.line,
                "setl_id": refusal.setl_id,
                "field": refusal.field,
                "code": refusal.code,
                "message": masked_numbers(refusal.message),
                "load_id": load.load_id,
                "raw": seal(raw_of(refusal.line)[:LINE_BYTES_MAX], public),
            }
            for refusal in refusals
        ],
    )
