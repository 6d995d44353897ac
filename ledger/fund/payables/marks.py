"""What happens to payables after they came in: recognised by an entry, settled by a sheet or a letter, 期号 closed.

Each mark is set once, by whose paper it is (the database holds it); this room writes it for daily, month and clearing.
"""

from __future__ import annotations

from datetime import date

from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


def mark_recognised(tx: Transaction, book: Book) -> None:
    """Each payable of the staged table `due` (setl_id, subfund, source_key) is recognised by the entry of that key."""
    tx.run(
        "UPDATE fund.payable p SET recognised_by = d.source_key FROM due d"
        " WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.setl_id = d.setl_id AND p.subfund = d.subfund",
        region=book.region,
        fund=book.fund,
    )


def settle_declared(
    tx: Transaction, sheet_id: str, fund: int, institution: str, term: int, audited: str
) -> int:
    """What an institution's audited declarations of a 期号 list is settled by the sheet; how many payables that were."""
    return tx.run(
        """UPDATE fund.payable p SET settled_by = %(sheet)s FROM fund.declaration d, fund.declared c
            WHERE d.region = %(region)s AND d.fund = %(fund)s AND d.institution = %(institution)s AND d.term = %(term)s
              AND NOT d.withdrawn AND d.state = %(audited)s AND c.region = d.region AND c.declaration_id = d.declaration_id
              AND p.region = c.region AND p.fund = c.fund AND p.setl_id = c.setl_id AND p.institution = d.institution
              AND p.settled_by = '' AND p.recognised_by <> ''""",
        region=tx.region,
        sheet=sheet_id,
        fund=fund,
        institution=institution,
        term=term,
        audited=audited,
    )


def settle_late(tx: Transaction, letter_id: str) -> None:
    """The late records a letter lists are settled by it."""
    tx.run(
        "UPDATE fund.payable p SET settled_by = %(letter)s FROM fund.letter_late t"
        " WHERE t.region = %(region)s AND t.letter_id = %(letter)s AND p.region = t.region AND p.fund = t.fund"
        " AND p.setl_id = t.setl_id AND p.subfund = t.subfund AND p.settled_by = ''",
        region=tx.region,
        letter=letter_id,
    )


def close_terms(tx: Transaction, letter_id: str, fund: int, institution: str, terms: list[int]) -> None:
    """These 期号 of an institution take no records any more."""
    tx.run(
        "INSERT INTO fund.settled_term (region, fund, institution, term, settled_by)"
        " SELECT %(region)s, %(fund)s, %(institution)s, t, %(letter)s"
        " FROM unnest(%(terms)s::int[]) AS t ON CONFLICT DO NOTHING",
        region=tx.region,
        fund=fund,
        institution=institution,
        letter=letter_id,
        terms=terms,
    )


def close_term_if_settled(
    tx: Transaction, sheet_id: str, fund: int, institution: str, term: int, days: tuple[date, date]
) -> None:
    """A 期号 takes no more records once nothing of it waits: a record declared late keeps it open for itself."""
    tx.run(
        """INSERT INTO fund.settled_term (region, fund, institution, term, settled_by)
           SELECT %(region)s, %(fund)s, %(institution)s, %(term)s, %(sheet)s
            WHERE NOT EXISTS (SELECT 1 FROM fund.payable p
                               WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.institution = %(institution)s
                                 AND p.term = %(term)s AND p.day BETWEEN %(first)s AND %(last)s AND p.settled_by = '')
           ON CONFLICT DO NOTHING""",
        region=tx.region,
        sheet=sheet_id,
        fund=fund,
        institution=institution,
        term=term,
        first=days[0],
        last=days[1],
    )
