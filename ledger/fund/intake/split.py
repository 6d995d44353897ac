"""The split of bills where records are taken in, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.intake.values import Gist, refusal
from ledger.fund.layers.bill import bill_of
from ledger.fund.layers.map import LayerMap, read_map
from ledger.fund.layers.row import NATIONAL, split_row
from ledger.fund.record.record import Refusal


def split_taken(
    tx: Transaction, records: Sequence[Gist], refused: list[Refusal], *, mapped: bool
) -> Sequence[Gist]:
    """The records with the splits their reader could not make; those that cannot be split are refused and left out.

    `mapped`: the region has rows of its own in fund.layer_map, which a reader does not ask.
    """
    if not mapped and not any(record.unsplit for record in records):
        return records
    layer_map = read_map(tx) if mapped else NATIONAL
    taken = []
    for record in records:
        try:
            taken.append(_split(record, layer_map))
        except InvalidInput as error:
            field = str(error.details.get("field", ""))
            refused.append(refusal(record, field, error.code, error.message))
    return taken


def _split(record: Gist, layer_map: LayerMap) -> Gist:
    fields = record.fields
    if not record.unsplit and not layer_map.touches(fields[-1]):
        return record
    bill = bill_of(fields)
    return record.with_split(split_row(record.region, bill, record.pooled_fen, layer_map))
