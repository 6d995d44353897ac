"""The split of a bill as a row of fund.bill_layer, in PostgreSQL's own text of a row. Pure."""

from __future__ import annotations

from typing import Final

from ledger.core.errors import InvalidInput
from ledger.core.money import yuan
from ledger.fund.layers.bill import COLUMNS, LayeredBill, Layers, split
from ledger.fund.layers.map import LayerMap

NATIONAL: Final = LayerMap({})
"""What is split by the national table alone: a region that maps nothing itself."""


def split_row(region: int, bill: LayeredBill, pooled_fen: int, layer_map: LayerMap) -> str:
    """The row of a record's split, made sure that the basic share of our own settlement is what this book owes for it.

    The database refuses a row whose parts are not its bill (InvalidInput `db.constraint`), or not the record's
    (`layers.not_the_record`). Raises what `split` raises, and InvalidInput `layers.not_equal`.
    """
    made = split(bill, layer_map)
    basic = made.shares["basic_310"] + made.shares["basic_390"]
    if bill.ours and not made.shares["outside"] and pooled_fen != basic:
        raise InvalidInput(
            "layers.not_equal",
            f"结算{bill.setl_id}的基本医保分担{yuan(basic)}元与本账套应付统筹{yuan(pooled_fen)}元不等",
            field="setldetail",
        )
    return layer_row(region, made)


def national_split(region: int, bill: LayeredBill, pooled_fen: int) -> str:
    """The row by the national table alone; "" where it does not say, and the region's own must."""
    try:
        return split_row(region, bill, pooled_fen, NATIONAL)
    except InvalidInput:
        return ""


def layer_row(region: int, one: Layers) -> str:
    """A split as it is; an id may hold a comma or a bracket, hence its quotes."""
    shares = ",".join([str(one.shares[payer]) for payer in COLUMNS])
    return f'({region},"{one.setl_id}",{one.day},{one.medfee_fen},{shares},"\\\\x{one.map_digest.hex()}")'
