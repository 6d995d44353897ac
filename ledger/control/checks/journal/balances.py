"""INV-06, INV-07: balances equal posting lists equal lines, and assets equal liabilities plus net assets."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label
from ledger.control.sums import sum_lines
from ledger.core.entries import Book


def check_balances(snapshot: Snapshot) -> Iterator[Breach]:
    """Posting rows against the lines they point to, their sums by block and the balances against them, then the equation."""
    for book in snapshot.books():
        for (period,) in snapshot.rows(
            "SELECT DISTINCT period FROM books.posting WHERE region = %(region)s AND fund = %(fund)s"
            " UNION SELECT DISTINCT period FROM books.balance WHERE region = %(region)s AND fund = %(fund)s"
            " UNION SELECT DISTINCT period FROM books.entry WHERE region = %(region)s AND fund = %(fund)s ORDER BY 1",
            region=book.region,
            fund=book.fund,
        ):
            yield from _postings(snapshot, book, period)
            yield from _blocks(snapshot, book, period)
            yield from _balances(snapshot, book, period)
    yield from _equation(snapshot)


def _balances(snapshot: Snapshot, book: Book, period: int) -> Iterator[Breach]:
    """Every balance is what its lines come to, and every line is in a balance."""
    summed = sum_lines(snapshot, book, period)
    kept = {
        (account, dim): (debit, credit)
        for account, dim, debit, credit in snapshot.rows(
            "SELECT account, dim, debit, credit FROM books.balance"
            " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s",
            region=book.region,
            fund=book.fund,
            period=period,
        )
    }
    if snapshot.rewritten & {(book, period), (book, 0)}:
        wrong = (
            "本月凭证与记账时的摘要不符（见INV-12等），被改动的是分录行，余额可能仍是对的，勿按分录行改余额"
        )
    else:
        wrong = (
            "本月凭证与区块的摘要都相符，分录行未被改动，有误的是余额，以分录行为准："
            f"会计可执行 fundledger book rebuild --book {book}"
        )
    for account, dim in sorted({(abs(account), dim) for account, dim in summed} | kept.keys()):
        key = account, dim
        sides = summed.get(key), summed.get((-account, dim))
        found = None if sides == (None, None) else tuple(0 if side is None else side.fen for side in sides)
        if kept.get(key) != found:
            balance, total = ("/".join(map(str, pair)) if pair else "无" for pair in (kept.get(key), found))
            message = f"余额（借/贷 {balance}分）不等于分录行合计（{total}分）：{wrong}"
            yield Breach("INV-06", str(book), f"balance {period} {key[0]} dim {key[1]}", message)


def _postings(snapshot: Snapshot, book: Book, period: int) -> Iterator[Breach]:
    """Every offset of a posting row leads to an entry of its block with such lines, and no lines are left over."""
    for account, dim, seq in snapshot.rows(
        """
        WITH refs AS (
            SELECT p.account, p.dim, p.block, b.first_seq + o.off AS seq, p.debit, p.credit,
                   o.off BETWEEN 0 AND b.last_seq - b.first_seq AS inside
              FROM books.posting p CROSS JOIN LATERAL unnest(p.offs) AS o (off)
              LEFT JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
             WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.period = %(period)s),
        held AS (
            SELECT abs(account) AS account, dim, seq, coalesce(sum(fen) FILTER (WHERE account > 0), 0) AS debit,
                   coalesce(sum(fen) FILTER (WHERE account < 0), 0) AS credit
              FROM (SELECT seq, unnest(accounts) AS account, unnest(dims) AS dim, unnest(amounts) AS fen FROM books.entry
                     WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s) lines
             GROUP BY abs(account), dim, seq)
        SELECT account, dim, min(seq)
          FROM refs FULL JOIN held USING (account, dim, seq)
         GROUP BY account, dim, refs.block
        HAVING refs.block IS NULL OR bool_or(held.debit IS NULL) OR count(*) <> count(DISTINCT seq)
            OR NOT bool_and(coalesce(refs.inside, false))
            OR sum(held.debit) <> min(refs.debit) OR sum(held.credit) <> min(refs.credit)
         ORDER BY 3, 1, 2
        """,
        region=book.region,
        fund=book.fund,
        period=period,
    ):
        message = f"科目{account}辅助{dim}的发生额索引与分录行不符"
        yield Breach("INV-06", str(book), seq_label(period, seq or "?"), message)
    for account, dim, block in snapshot.rows(
        "SELECT account, dim, block FROM books.posting WHERE region = %(region)s AND fund = %(fund)s"
        " AND period = %(period)s AND cardinality(offs) = 0 ORDER BY 3, 1, 2",
        region=book.region,
        fund=book.fund,
        period=period,
    ):
        message = f"区块{block}科目{account}辅助{dim}的发生额索引不指向任何凭证"
        yield Breach("INV-06", str(book), f"posting {period} {account} dim {dim}", message)


def _blocks(snapshot: Snapshot, book: Book, period: int) -> Iterator[Breach]:
    """What is kept of an account in a block is what its posting rows there come to."""
    for account, block in snapshot.rows(
        """
        SELECT account, block FROM (
            SELECT p.account, p.block, sum(p.debit) AS debit, sum(p.credit) AS credit, max(cardinality(p.offs)) AS longest
              FROM books.posting p WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.period = %(period)s GROUP BY 1, 2) p
          FULL JOIN (SELECT * FROM books.account_block
                      WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s) k USING (account, block)
         WHERE (p.debit, p.credit, p.longest) IS DISTINCT FROM (k.debit, k.credit, k.longest) ORDER BY 2, 1
        """,
        region=book.region,
        fund=book.fund,
        period=period,
    ):
        message = f"区块{block}科目{account}的发生额小计与其发生额索引不符：明细账续页的承前余额由它得出"
        yield Breach("INV-06", str(book), f"block {block} {account}", message)


def _equation(snapshot: Snapshot) -> Iterator[Breach]:
    for region, fund, period, difference in snapshot.rows(
        """
        SELECT b.region, b.fund, b.period,
               sum(CASE WHEN a.class IN ('资产', '支出') THEN b.debit - b.credit ELSE 0 END)
               - sum(CASE WHEN a.class IN ('负债', '净资产', '收入') THEN b.credit - b.debit ELSE 0 END)
          FROM books.balance b JOIN books.account a ON a.region = b.region AND a.fund = b.fund AND a.account = b.account
         WHERE a.section = 1
         GROUP BY b.region, b.fund, b.period
        HAVING sum(b.debit - b.credit) <> 0
            OR sum(CASE WHEN a.class IN ('资产', '支出') THEN b.debit - b.credit ELSE 0 END)
            <> sum(CASE WHEN a.class IN ('负债', '净资产', '收入') THEN b.credit - b.debit ELSE 0 END)
         ORDER BY 1, 2, 3
        """
    ):
        message = f"资产+支出与负债+净资产+收入相差{difference}分"
        yield Breach("INV-07", f"{region}-{fund}", f"period {period}", message)
