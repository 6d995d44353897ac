"""What a region says to records that come in: asked once per transaction, as it begins, and never kept."""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import NamedTuple

from psycopg import sql

from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import Transaction, array_of, compose


class Enrolled(NamedTuple):
    """Which institution is paid daily for which day, by what ratio in ten-thousandths: three arrays in PostgreSQL's text."""

    institutions: str
    days: str
    ratios: str


class Context(NamedTuple):
    """What a region says to the records of some institutions and 期号."""

    mapped: bool
    """It maps fund_pay_types of its own (fund.layer_map)."""
    unknown: Set[str]
    """The institutions it has no agreement with."""
    enrolled: Enrolled
    settled: Set[tuple[int, str, int]]
    """(fund, institution, 期号) whose monthly settlement is approved."""


def context_question(
    region: int, of_days: Collection[tuple[str, str]], terms: Collection[int]
) -> sql.Composed:
    """What `context_of` reads, to be asked as the transaction begins; `of_days`: institutions and days (ISO) of the records."""
    return compose(
        "SELECT * FROM fund.intake_context({region}, {institutions}::text[], {days}::date[], {terms}::integer[])",
        region=region,
        institutions=array_of([institution for institution, _ in of_days]),
        days=array_of([day for _, day in of_days]),
        terms=array_of(terms),
    )


def context_of(tx: Transaction) -> Context:
    """What the transaction's region says.

    Raises Forbidden `region.not_allowed` when the user may not bring records in there.
    """
    allowed, mapped, unknown, *enrolled, settled = tx.opening[0]
    if not allowed:
        raise Forbidden("region.not_allowed", f"用户{tx.user}不能向统筹区{tx.region}上传结算记录")
    return Context(mapped, frozenset(unknown), Enrolled(*enrolled), frozenset(map(tuple, settled or ())))
