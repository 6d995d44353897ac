"""Random sampling 抽审 (art. 18): a list anyone can draw again from the recorded seed and frame.

Order: SHA-256 of `seed|setl_id`, lowest first. The draw needs no generator whose algorithm could change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import NamedTuple

from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.reconcile.scope import ReconcileScope, check_scope, collect_ours


class SampleAsk(NamedTuple):
    """Draw `size` of the scope's records that are neither reversal nor reversed."""

    sample_id: str
    scope: ReconcileScope
    seed: str
    size: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A drawn sample: `frame_digest` is over the setl_ids drawn from, in byte order, one a line."""

    sample_id: str
    scope: ReconcileScope
    seed: str
    frame_size: int
    frame_digest: bytes
    setl_ids: tuple[str, ...]


def draw(setl_ids: list[str], seed: str, size: int) -> tuple[str, ...]:
    """The `size` first by SHA-256 of `seed|setl_id`, lowest first."""
    return tuple(sorted(setl_ids, key=lambda setl_id: sha256(f"{seed}|{setl_id}".encode()).digest())[:size])


def draw_sample(tx: Transaction, ask: SampleAsk, on: date) -> Sample:
    """Draw and keep a sample; the same id again gives the first answer.

    Raises InvalidInput `sample.size`, `sample.seed`; Conflict `sample.other_content`; what `check_scope` raises.
    """
    check_scope(tx, ask.scope)
    if tx.value(
        "SELECT 1 FROM fund.sample WHERE region = %(region)s AND sample_id = %(id)s",
        region=tx.region,
        id=ask.sample_id,
    ):
        first = read_sample(tx, ask.sample_id)
        if (first.scope, first.seed, len(first.setl_ids)) != (ask.scope, ask.seed, ask.size):
            raise Conflict("sample.other_content", f"抽样{ask.sample_id}已抽取，条件不同")
        return first
    if not ask.seed or not ask.sample_id:
        raise InvalidInput("sample.seed", "抽样须有编号和随机种子")
    frame = _frame(tx, ask.scope)
    if not 1 <= ask.size <= len(frame):
        raise InvalidInput("sample.size", f"抽样{ask.size}笔，可抽{len(frame)}笔")
    chosen = draw(frame, ask.seed, ask.size)
    tx.run(
        """INSERT INTO fund.sample VALUES (%(region)s, %(id)s, %(fund)s, %(institution)s, %(term)s, %(clr_type)s, %(seed)s,
               %(size)s, %(frame_size)s, %(frame_digest)s, %(user)s, %(on)s)""",
        region=tx.region,
        id=ask.sample_id,
        seed=ask.seed,
        size=ask.size,
        frame_size=len(frame),
        frame_digest=_digest(frame),
        user=tx.user,
        on=on,
        **ask.scope._asdict(),
    )
    tx.run(
        """INSERT INTO fund.sample_record SELECT %(region)s, %(id)s, n, setl_id
             FROM unnest(%(setl_ids)s::text[]) WITH ORDINALITY AS c (setl_id, n)""",
        region=tx.region,
        id=ask.sample_id,
        setl_ids=list(chosen),
    )
    return read_sample(tx, ask.sample_id)


def read_sample(tx: Transaction, sample_id: str) -> Sample:
    """A sample as drawn; raises NotFound `sample.unknown`."""
    row = tx.row(
        """SELECT fund, institution, term, clr_type, seed, frame_size, frame_digest FROM fund.sample
            WHERE region = %(region)s AND sample_id = %(id)s""",
        region=tx.region,
        id=sample_id,
    )
    if row is None:
        raise NotFound("sample.unknown", f"没有抽样{sample_id[:60]}")
    chosen = tx.rows(
        "SELECT setl_id FROM fund.sample_record WHERE region = %(region)s AND sample_id = %(id)s ORDER BY n",
        region=tx.region,
        id=sample_id,
    )
    return Sample(
        sample_id,
        ReconcileScope(*row[:4]),
        row[4],
        row[5],
        bytes(row[6]),
        tuple(setl_id for (setl_id,) in chosen),
    )


def check_sample(tx: Transaction, sample_id: str) -> Sample:
    """Draw again from today's records; raises Conflict `sample.frame_changed` or `sample.not_reproduced`."""
    kept = read_sample(tx, sample_id)
    frame = _frame(tx, kept.scope)
    if _digest(frame) != kept.frame_digest:
        raise Conflict("sample.frame_changed", f"抽样{sample_id}之后可抽的结算有变化，不能复算")
    if draw(frame, kept.seed, len(kept.setl_ids)) != kept.setl_ids:
        raise Conflict("sample.not_reproduced", f"抽样{sample_id}的名单不是由其种子抽出的")
    return kept


def _frame(tx: Transaction, scope: ReconcileScope) -> list[str]:
    collect_ours(tx, scope)
    return [
        setl_id
        for (setl_id,) in tx.rows(
            'SELECT setl_id FROM ours WHERE NOT reversal AND NOT reversed ORDER BY setl_id COLLATE "C"'
        )
    ]


def _digest(frame: list[str]) -> bytes:
    return sha256("\n".join(frame).encode()).digest()
