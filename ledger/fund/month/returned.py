"""Returned money 退汇 that a settlement ate: it lies in 2001-退汇待付 and nobody is owed it any more (docs/adr/0013).

A daily payment that came back is owed again. If deductions, offsets or an older overpayment leave less to pay for its
key than lies there, the difference was paid to nobody and stays with nobody: it comes off the advance it was paid as,
or off the expense that booked it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ledger.db.unit_of_work import Transaction
from ledger.fund.month.sheet import Key
from ledger.payments.orders.returned import off_advance, read_positions


class Eaten(NamedTuple):
    """What a settlement releases from 2001 for one key, in fen, signed like the money that lies there."""

    expense_fen: int
    """Off 5001, or into 4501 where the service year is an earlier one."""
    advance_fen: int
    """Off 1101-日拨付 that was never expensed."""


def eaten(
    tx: Transaction,
    fund: int,
    institution: str,
    owed_after: Mapping[tuple[int, Key], int],
    advance_left: Mapping[Key, int],
    closing: Sequence[str] = (),
) -> dict[Key, Eaten]:
    """What the settlement about to be booked releases, per key; keys without any left out.

    `owed_after` is what it leaves in 9103 or 9106 per account and key (what it does not touch stays as it is),
    `advance_left` what it leaves in 1101-日拨付. Records it settles must be marked so, or be named as `closing`.
    """
    positions = read_positions(tx, [fund], [institution], closing=closing)
    for (account, key), fen in owed_after.items():
        positions[fund, key.dims(institution)].owed_fen[account] = fen
    found = {}
    for (_, dims), position in positions.items():
        surplus, key = position.release(), Key(*dims[1:])
        if surplus:
            advance = off_advance(surplus, advance_left.get(key, 0))
            found[key] = Eaten(surplus - advance, advance)
    return found
