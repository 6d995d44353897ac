"""The two writings of every business digest, in SQL and in Python, agree; free text cannot wander between fields."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.core.digests import EvidenceRow, OrderHead, batch_digest, evidence_digest, order_digest


def test_sql_and_python_agree_on_orders_and_batches(town: Any) -> None:
    orders = []
    for order_no in ("FL20261013-0001", "FL20261013-0002"):
        head = town.value(
            "SELECT array[order_no, fund::text, batch_id, institution, amount_fen::text, account, payee_name, payee_number,"
            f" payee_bank, payee_cnaps, purpose, replaces, first_payment::text] FROM payments.pay_order WHERE order_no = '{order_no}'"
        )
        head[-1] = head[-1] == "true"
        items = town.value(
            "SELECT array_agg(concat_ws('|', n, source, subfund, service_year, term, category, amount_fen))"
            f" FROM payments.order_item WHERE order_no = '{order_no}'"
        )
        payables = town.value(
            "SELECT array_agg(concat_ws('|', fund, setl_id, subfund, daily_fen) ORDER BY setl_id)"
            f" FROM payments.order_payable WHERE order_no = '{order_no}'"
        )
        digest = order_digest(
            OrderHead(*head), [[item] for item in items], [[payable] for payable in payables]
        )
        assert digest == town.value(f"SELECT payments.order_digest(420100, '{order_no}')")
        orders.append(digest)
    assert batch_digest("B1", orders) == town.value("SELECT payments.batch_digest(420100, 'B1')")


ROW = EvidenceRow("A", "bker", "R", b"\1", "debit", date(2026, 10, 13), 1, "", "", "", "", False, "", "")
TEXTS = st.lists(st.text(alphabet="a|\\\n", max_size=4), min_size=4, max_size=4)


@given(TEXTS, TEXTS)
def test_evidence_text_is_told_apart(one: list[str], other: list[str]) -> None:
    fields = ("other_account", "other_name", "bank_reference", "reason")
    digests = [
        evidence_digest(ROW._replace(**dict(zip(fields, texts, strict=True)))) for texts in (one, other)
    ]
    assert (digests[0] == digests[1]) == (one == other)


def test_evidence_text_is_as_documented() -> None:
    assert evidence_digest(ROW) == sha256(b"A|bker|R|01|debit|2026-10-13|1|||||0||").digest()
