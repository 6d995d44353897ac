"""`evidence export`: the signatures over one act on one thing, what was signed where it can be told, and the list of persons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.core.digests import OrderHead, order_text
from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction

FORMAT: Final = "fundledger-evidence"
_ORDERS: Final = """
    SELECT o.order_no, o.fund, o.batch_id, o.institution, o.amount_fen, o.account, o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps,
           o.purpose, o.replaces, o.first_payment,
           ARRAY(SELECT concat_ws('|', i.n, i.source, i.subfund, i.service_year, i.term, i.category, i.amount_fen) FROM payments.order_item i
                  WHERE i.region = o.region AND i.order_no = o.order_no ORDER BY i.n),
           ARRAY(SELECT concat_ws('|', r.fund, r.setl_id, r.subfund, r.fen) FROM (
                     SELECT p.fund, p.setl_id, p.subfund, p.daily_fen AS fen FROM payments.order_payable p
                      WHERE p.region = o.region AND p.order_no = o.order_no
                     UNION ALL
                     SELECT x.fund, x.setl_id, 'outregion', x.amount_fen FROM payments.order_outregion x
                      WHERE x.region = o.region AND x.order_no = o.order_no) r ORDER BY r.setl_id COLLATE "C", r.subfund)
      FROM payments.pay_order o WHERE o.region = %(region)s AND o.batch_id = %(batch)s ORDER BY o.order_no COLLATE "C"
"""


def evidence_of(tx: Transaction, act: str, subject: str, persons: Mapping[str, Any]) -> dict[str, Any]:
    """Everything signed as `act` on `subject`, as a document. Raises NotFound `signature.none`."""
    rows = tx.rows(
        "SELECT statement, signature, content FROM access.signature WHERE region = %(region)s AND act = %(act)s"
        " AND object = %(object)s ORDER BY recorded_at",
        region=tx.region,
        act=act,
        object=subject,
    )
    if not rows:
        raise NotFound("signature.none", f"{act} {subject}没有签名", act=act[:40], object=subject[:80])
    orders: list[str] = []
    if act == "payments.approve":
        for *head, items, payables in tx.rows(_ORDERS, region=tx.region, batch=subject):
            orders.append(
                order_text(OrderHead(*head), ((text,) for text in items), ((text,) for text in payables))
            )
    return {
        "format": FORMAT,
        "version": 1,
        "region": tx.region,
        "act": act,
        "object": subject,
        "content": rows[-1][2],
        "orders": orders,
        "signatures": [
            {"statement": statement, "signature": signature} | ({"content": content} if n < len(rows) else {})
            for n, (statement, signature, content) in enumerate(rows, 1)
        ],
        "persons": dict(persons),
    }
