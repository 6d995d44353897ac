"""Prepayments between regions: their dated quotas, how far they are used, and the alerts at 70 % and 90 % (accounting.md 3a)."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.signed.request import require_text


class Usage(NamedTuple):
    """How far a prepayment is used up. `direction`: `paid` by us, or `received` by us. Fen; `percent` rounded down."""

    direction: str
    counterparty: int
    quota_fen: int
    prepaid_fen: int
    used_fen: int
    percent: int
    level: str
    """`none`, `yellow` from 70 %, `red` from 90 %."""


def set_quota(
    tx: Transaction,
    fund: int,
    counterparty: int,
    direction: str,
    from_day: date,
    quota_fen: int,
    document: str,
) -> None:
    """Set a quota from a day on, as accountant. Raises InvalidInput `outregion.direction`, `request.*`; Conflict `db.duplicate`."""
    if direction not in ("paid", "received"):
        raise InvalidInput("outregion.direction", f"方向“{direction[:20]}”应为paid或received")
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{accountant}')",
        region=tx.region,
        fund=fund,
    )
    tx.run(
        """INSERT INTO fund.outregion_quota VALUES (%(region)s, %(fund)s, %(party)s, %(direction)s, %(day)s, %(quota)s,
               %(document)s, %(user)s)""",
        region=tx.region,
        fund=fund,
        party=counterparty,
        direction=direction,
        day=from_day,
        quota=quota_fen,
        document=require_text(document, "文号"),
        user=tx.user,
    )


def usage(tx: Transaction, fund: int, day: date) -> list[Usage]:
    """How far each prepayment is used on `day`, with its alert.

    Received: what care here came to, less the clearing money that came in. Paid: bills not yet paid, and records of our
    patients of months without a bill.
    """
    rows = tx.rows(
        """SELECT d.direction, c.counterparty,
                  coalesce((SELECT q.quota_fen FROM fund.outregion_quota q
                             WHERE q.region = c.region AND q.fund = %(fund)s AND q.counterparty = c.counterparty
                               AND q.direction = d.direction AND q.from_day <= %(day)s ORDER BY q.from_day DESC LIMIT 1), 0),
                  coalesce((SELECT sum(CASE WHEN m.kind = d.plus THEN m.amount_fen ELSE -m.amount_fen END)
                              FROM fund.outregion_moved m WHERE m.region = c.region AND m.fund = %(fund)s
                               AND m.counterparty = c.counterparty AND m.kind IN (d.plus, d.minus)), 0)::bigint,
                  (CASE d.direction WHEN 'received' THEN
                       coalesce((SELECT sum(r.amount_fen) FROM fund.outregion_record r WHERE r.region = c.region
                                    AND r.fund = %(fund)s AND r.counterparty = c.counterparty AND r.side = 'care'), 0)
                       - coalesce((SELECT sum(m.amount_fen) FROM fund.outregion_move m WHERE m.region = c.region
                                      AND m.fund = %(fund)s AND m.counterparty = c.counterparty AND m.kind = 'received'
                                      AND m.state = 'done'), 0)
                   ELSE
                       coalesce((SELECT sum(b.amount_fen) FROM fund.outregion_bill b
                                   LEFT JOIN payments.pay_order o ON o.region = b.region AND o.order_no = b.order_no
                                  WHERE b.region = c.region AND b.fund = %(fund)s AND b.counterparty = c.counterparty
                                    AND b.side = 'insured' AND o.state IS DISTINCT FROM 'paid'), 0)
                       + coalesce((SELECT sum(r.amount_fen) FROM fund.outregion_record r WHERE r.region = c.region
                                      AND r.fund = %(fund)s AND r.counterparty = c.counterparty AND r.side = 'insured'
                                      AND NOT EXISTS (SELECT 1 FROM fund.outregion_bill b WHERE b.region = r.region
                                          AND b.fund = r.fund AND b.counterparty = r.counterparty AND b.side = 'insured'
                                          AND b.term = r.term)), 0)
                   END)::bigint
             FROM fund.outregion_counterparty c
             CROSS JOIN (VALUES ('paid', 'prepaid', 'prepaid_back'), ('received', 'prepaid_in', 'prepaid_out'))
                  AS d (direction, plus, minus)
            WHERE c.region = %(region)s ORDER BY c.counterparty, d.direction""",
        region=tx.region,
        fund=fund,
        day=day,
    )
    return [_alert(*row) for row in rows]


def _alert(direction: str, counterparty: int, quota: int, prepaid: int, used: int) -> Usage:
    percent = used * 100 // prepaid if prepaid > 0 else (100 if used > 0 else 0)
    level = "red" if percent >= 90 else "yellow" if percent >= 70 else "none"
    return Usage(direction, counterparty, quota, prepaid, used, percent, level)
