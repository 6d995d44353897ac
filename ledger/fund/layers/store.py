"""The split of bills where records are taken in, in the same transaction; and reading it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.layers.bill import COLUMNS, LayeredBill, Layers, split
from ledger.fund.layers.map import read_map
from ledger.fund.record.fields import MONEY_NAMES
from ledger.fund.record.record import Amounts


def read_bill(tx: Transaction, setl_id: str) -> Layers:
    """One bill as it is split, with its fund rows.

    Raises NotFound `layers.unknown_record`; what `split` raises where a row of the map was lost.
    """
    row = tx.row(
        """SELECT s.basic_310, s.basic_390, s.large, s.civil, s.assistance, s.commercial, s.other_fund, s.outside, s.account,
                  s.mutual_aid, s.wallet, s.cash, s.hospital, to_jsonb(r), s.day
             FROM fund.bill_share s JOIN fund.record r ON r.region = s.region AND r.setl_id = s.setl_id
            WHERE s.region = %(region)s AND s.setl_id = %(setl_id)s""",
        region=tx.region,
        setl_id=setl_id,
    )
    if row is None:
        raise NotFound("layers.unknown_record", f"没有结算{setl_id[:40]}", setl_id=setl_id[:40])
    *shares, said, day = row
    bill = LayeredBill(
        setl_id, day, Amounts._make(said[name] for name in MONEY_NAMES), said["details"], ours=True
    )
    rows = split(bill, read_map(tx)).rows
    return Layers(setl_id, day, bill.amounts.medfee_sumamt, dict(zip(COLUMNS, shares, strict=True)), rows)


def totals(tx: Transaction, first: date, last: date) -> list[tuple[date, Mapping[str, int], int]]:
    """Per settlement day from `first` to `last`: fen by payer, and the sum of the bills."""
    rows = tx.rows(
        """SELECT day, sum(basic_310)::bigint, sum(basic_390)::bigint, sum(large)::bigint, sum(civil)::bigint,
                  sum(assistance)::bigint, sum(commercial)::bigint, sum(other_fund)::bigint, sum(outside)::bigint,
                  sum(account)::bigint, sum(mutual_aid)::bigint, sum(wallet)::bigint, sum(cash)::bigint, sum(hospital)::bigint,
                  sum(medfee_sumamt)::bigint
             FROM fund.bill_share WHERE region = %(region)s AND day BETWEEN %(first)s AND %(last)s GROUP BY day ORDER BY day""",
        region=tx.region,
        first=first,
        last=last,
    )
    return [(row[0], dict(zip(COLUMNS, row[1:-1], strict=True)), row[-1]) for row in rows]
