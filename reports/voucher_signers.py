"""Who signs a voucher beside those its entry names: 会计主管 who closed its month, 出纳 who sent the order the bank paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction
from reports.books.bank_journal import MONEY

_SENT: Final = """
    SELECT DISTINCT ON (e.seq) e.seq, v.user_name
      FROM books.entry e
      JOIN payments.order_event v ON v.region = e.region AND v.order_no = split_part(e.source_key, ':', 2) AND v.event = 'send'
     WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = %(period)s AND e.event IN ('RCV', 'RTN')
       AND (%(seq)s = 0 OR e.seq = %(seq)s)
     ORDER BY e.seq, v.n DESC
"""


def is_bank(accounts: Sequence[int]) -> bool:
    """Whether a voucher with these accounts (their sign does not matter) moves cash or a bank account: the cashier signs it
    (会计基础工作规范 art. 51).
    """
    return any(str(abs(account)).startswith(MONEY) for account in accounts)


def chief_of(tx: Transaction, book: Book, period: int) -> str:
    """The user who closed the month as 会计主管; "" while nobody did: he signs by hand."""
    found = tx.value(
        "SELECT closed_by FROM books.closing WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
        " AND state = 'closed'",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    return str(found or "")


def senders(tx: Transaction, book: Book, period: int, seq: int = 0) -> dict[int, str]:
    """By seq the cashier who sent the order that a voucher books the bank's answer of; of one voucher or of the month."""
    return dict(tx.rows(_SENT, region=book.region, fund=book.fund, period=period, seq=seq))
