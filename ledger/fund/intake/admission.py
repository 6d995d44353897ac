"""Which validated records the region takes: known institutions, reversals that fit their original, 期号 still open."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import NamedTuple

from ledger.core.accounts import coded
from ledger.db.unit_of_work import Transaction, array_of
from ledger.fund.intake.values import Gist, Load, refusal
from ledger.fund.record.record import Refusal


def of_known_institutions(
    records: Sequence[Gist], unknown: Set[str], refused: list[Refusal]
) -> Sequence[Gist]:
    """The records of institutions the region has an agreement with; the others are refused."""
    if not unknown:
        return records
    refused += [
        refusal(
            record,
            "fixmedins_code",
            "institution.unknown",
            f"{record.institution}不是本统筹区{record.region}的定点医药机构；"
            "参保人在外就医的，请先登记该就医地机构，再重新接入",
        )
        for record in records
        if record.institution in unknown
    ]
    return [record for record in records if record.institution not in unknown]


class _Original(NamedTuple):
    """What a reversal is held against."""

    reverses: str
    institution: str
    books: Set[int]
    pooled_fen: int
    account_fen: int
    day: str
    """ISO, of its settlement."""


def fitting_reversals(tx: Transaction, records: Sequence[Gist], refused: list[Refusal]) -> Sequence[Gist]:
    """The reversals whose original is stored, of the same institution and book, not dated before it, and of exactly the opposite money, pooled and account each."""
    originals = {
        setl_id: _Original(reverses, institution, frozenset(books), pooled_fen, account_fen, day)
        for setl_id, reverses, institution, books, pooled_fen, account_fen, day in tx.rows(
            # LATERAL and OFFSET as in `store`.
            coded("""SELECT r.setl_id, r.init_setl_id, r.fixmedins_code, p.books, p.pooled_fen, p.account_fen,
                        to_char(r.setl_time, 'YYYY-MM-DD')
                 FROM fund.record r CROSS JOIN LATERAL (
                      SELECT coalesce(array_agg(fund), '{}') AS books,
                             coalesce(sum(fund_fen) FILTER (WHERE subfund = 'pool'), 0)::bigint AS pooled_fen,
                             coalesce(sum(fund_fen) FILTER (WHERE subfund = 'acct'), 0)::bigint AS account_fen
                        FROM fund.payable
                       WHERE region = r.region AND fund IN ({FUNDS}) AND setl_id = r.setl_id OFFSET 0) p
                WHERE r.region = %(region)s AND r.setl_id = ANY(%(ids)s::text[])"""),
            region=tx.region,
            ids=array_of([record.init_setl_id for record in records]),
        )
    }
    good = []
    for record in records:
        problem = _problem(record, originals.get(record.init_setl_id))
        if problem is None:
            good.append(record)
        else:
            code, rule = problem
            refused.append(refusal(record, "init_setl_id", code, rule))
    return good


def _problem(record: Gist, original: _Original | None) -> tuple[str, str] | None:
    known = record.init_setl_id
    if original is None:
        return "reversal.unknown_original", f"没有收到过原结算{known}"
    if original.reverses:
        return "reversal.of_reversal", f"{known}本身是冲销记录，不能再冲销"
    if original.books and (original.institution != record.institution or original.books != {record.book}):
        return "reversal.other_party", f"与原结算{known}的机构或险种不同"
    if record.day < original.day:
        return "reversal.before_original", f"冲销日期{record.day}早于原结算{known}的日期{original.day}"
    pooled = record.pooled_fen
    if (-pooled, pooled - record.fund_fen) != (original.pooled_fen, original.account_fen):
        return "reversal.amount", f"冲销的基金金额不是原结算{known}的相反数"
    return None


def of_open_terms(
    tx: Transaction,
    load: Load,
    settled: Set[tuple[int, str, int]],
    records: Sequence[Gist],
    refused: list[Refusal],
) -> Sequence[Gist]:
    """Refuse what belongs to a 期号 whose monthly settlement is approved: it can only come through the clearing.

    What this very load stored before it was cut off, and before the approval, stays taken.
    """
    if not settled:
        return records
    late = {record.setl_id for record in records if (record.book, record.institution, record.term) in settled}
    if late:
        late -= {
            setl_id
            for (setl_id,) in tx.rows(
                """SELECT setl_id FROM fund.record
                    WHERE region = %(region)s AND setl_id = ANY(%(ids)s::text[]) AND load_id = %(load)s""",
                region=tx.region,
                ids=array_of(late),
                load=load.load_id,
            )
        }
    for record in records:
        if record.setl_id in late:
            rule = f"{record.institution}的{record.term}期月结算已审定，不再接收该期记录"
            refused.append(refusal(record, "setl_time", "record.term_settled", rule))
    return [record for record in records if record.setl_id not in late] if late else records
