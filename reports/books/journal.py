"""序时账: every entry by day and number, every line of it; what an auditor exports first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from ledger.access.display import display_names
from ledger.books.entry_lines import EntryLine, entry_lines
from ledger.books.reading import Cut, cut
from ledger.books.selection import BEFORE_ALL, Cursor
from ledger.core.entries import Book, Section
from ledger.core.words import evidence_named, said
from ledger.db.unit_of_work import Transaction
from reports.books.heading import SIGNERS, facts, heads
from reports.render.grid import Column, Grid, Line
from reports.voucher import BY_MACHINE
from reports.wording import SECTION_NAMES, cut_text, dimension_text

PAGE: Final = 5_000
COLUMNS: Final = (
    Column("date", "日期", "day", 10),
    Column("voucher", "凭证", "text", 16),
    Column("kind", "类别", "text", 6),
    Column("summary", "摘要", "text", 30),
    Column("code", "科目编码", "text", 10),
    Column("name", "科目名称", "text", 30),
    Column("dimensions", "辅助核算", "text", 24),
    Column("debit", "借方", "money", 18),
    Column("credit", "贷方", "money", 18),
    Column("prepared", "制单", "text", 10),
    Column("reviewed", "复核", "text", 10),
    Column("evidence", "依据", "text", 20),
)
# Blocks are unfolded into entries one after the other, and no more of them than a page needs.
_PLACES: Final = """
WITH part AS (
    SELECT b.voucher_date, b.period, greatest(b.first_seq, CASE WHEN b.voucher_date = %(day)s THEN %(after)s::bigint + 1 ELSE 0 END) AS first_seq,
           b.last_seq
      FROM books.block b
     WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.block <= %(block)s
       AND b.voucher_date BETWEEN %(first)s AND %(last)s AND b.voucher_date >= %(day)s
       AND (b.voucher_date, b.last_seq) > (%(day)s, %(after)s)),
near AS (
    SELECT p.*, sum(p.last_seq - p.first_seq + 1) OVER (ORDER BY p.voucher_date, p.first_seq) AS upto FROM part p)
SELECT n.voucher_date, n.period, s.seq
  FROM near n CROSS JOIN LATERAL generate_series(n.first_seq, n.last_seq) AS s (seq)
 WHERE n.upto - (n.last_seq - n.first_seq + 1) < %(limit)s
 ORDER BY n.voucher_date, s.seq LIMIT %(limit)s
"""


def places(
    tx: Transaction, book: Book, known: Cut, days: tuple[date, date], after: Cursor, limit: int
) -> list[tuple[date, int, int]]:
    """(voucher date, period, seq) of the entries of some days after a cursor, in the order of the journal."""
    return tx.rows(
        _PLACES,
        region=book.region,
        fund=book.fund,
        block=known.block,
        first=days[0],
        last=days[1],
        day=after.voucher_date,
        after=after.seq,
        limit=limit,
    )


def journal_grid(
    tx: Transaction,
    book: Book,
    days: tuple[date, date],
    *,
    known_at: datetime | None = None,
    after: Cursor = BEFORE_ALL,
    entries: int = PAGE,
) -> Grid:
    """A page of the journal for voucher dates from-to; `next` in its facts continues. Raises NotFound `book.unknown`."""
    known = cut(tx, book, known_at)
    found = places(tx, book, known, days, after, entries + 1)
    shown = found[:entries]
    lines = entry_lines(tx, book, [(period, seq) for _, period, seq in shown])
    names = people_of(tx, lines)
    following = str(Cursor(shown[-1][0], shown[-1][2])) if len(found) > entries else None
    return Grid(
        f"{book}-{days[0]}-{days[1]}-序时账", "序时账", COLUMNS, [*(line_of(one, names) for one in lines), *sums_of(lines)],
        heads(tx, book, f"{days[0]}至{days[1]}"), [cut_text(known)], SIGNERS,
        facts(book, known, entries=len(shown), next=following), ("debit", "credit"),
    )  # fmt: skip


def people_of(tx: Transaction, lines: Iterable[EntryLine]) -> dict[str, str]:
    """The names of who prepared and reviewed these lines, by their logins."""
    return display_names(tx, [user for line in lines for user in (line.prepared_by, line.reviewed_by)])


def line_of(line: EntryLine, names: Mapping[str, str]) -> Line:
    """A line as the journal prints it."""
    return Line(
        (
            line.voucher_date, line.voucher, said("entry.kind", line.kind), line.summary, str(line.account), line.name,
            dimension_text(line.asked, line.dims), line.debit_fen or None, line.credit_fen or None, BY_MACHINE if line.prepared_by.startswith("rule:") else names.get(line.prepared_by, line.prepared_by),
            names.get(line.reviewed_by, line.reviewed_by), evidence_named(line.evidence),
        )
    )  # fmt: skip


def sums_of(lines: Sequence[EntryLine]) -> list[Line]:
    """Debit and credit of the page, a line a section: equal, or an entry does not balance."""
    sums = []
    for section in Section:
        of = [line for line in lines if line.section == section]
        if of:
            total = (sum(line.debit_fen for line in of), sum(line.credit_fen for line in of))
            blank = ("", "", "", "", "")
            sums.append(
                Line((None, "", f"{SECTION_NAMES[section]}合计", *blank[:4], *total, *blank[:3]), total=True)
            )
    return sums
