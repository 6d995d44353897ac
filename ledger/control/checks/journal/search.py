"""INV-06: what the search knows of the journal is what its entries say: nothing asked for is missed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# Runs follow one another without gap, none beyond the chain.
_GAPS: Final = """
    SELECT r.region, r.fund, r.run FROM (
        SELECT s.*, lag(s.last_seq, 1, 0::bigint) OVER w AS before, lag(s.run, 1, 0) OVER w AS before_run
          FROM books.search_run s WINDOW w AS (PARTITION BY s.region, s.fund ORDER BY s.first_seq)) r
      JOIN books.head h ON h.region = r.region AND h.fund = r.fund
     WHERE r.first_seq <> r.before + 1 OR r.run <> r.before_run + 1 OR r.last_seq > h.seq ORDER BY 1, 2, 3
"""
# Digests of the pages against those of the entries: their words in order; their amounts in order, with where they are.
_WORDS: Final = """
    SELECT coalesce(k.run, e.run), coalesce(k.period, e.period) FROM (
        SELECT t.run, t.period, sha256(convert_to(string_agg(t.words, E'\\n' ORDER BY t.page), 'UTF8')) AS words, sum(cardinality(t.offs)) AS entries,
               bool_and(cardinality(t.grams) > 0 AND cardinality(t.papers) > 0) AS grams
          FROM books.search_text t WHERE t.region = %(region)s AND t.fund = %(fund)s GROUP BY 1, 2) k
      FULL JOIN (
        SELECT r.run, e.period, sha256(convert_to(string_agg(e.summary, E'\\n' ORDER BY e.seq), 'UTF8')) AS words, count(*) AS entries
          FROM books.search_run r JOIN books.entry e ON e.region = r.region AND e.fund = r.fund AND e.seq BETWEEN r.first_seq AND r.last_seq
         WHERE r.region = %(region)s AND r.fund = %(fund)s GROUP BY 1, 2) e ON e.run = k.run AND e.period = k.period
     WHERE k.words IS DISTINCT FROM e.words OR k.entries IS DISTINCT FROM e.entries OR NOT k.grams ORDER BY 1, 2
"""
_AMOUNTS: Final = """
    SELECT coalesce(k.run, e.run), coalesce(k.period, e.period) FROM (
        SELECT t.run, t.period, count(*) AS lines, sum(u.fen) AS fen, sum(u.fen::numeric * (u.off + 1)) AS placed,
               bool_and(u.fen BETWEEN t.least AND t.most) AS within
          FROM books.search_amount t CROSS JOIN LATERAL unnest(t.fens, t.offs) AS u (fen, off)
         WHERE t.region = %(region)s AND t.fund = %(fund)s GROUP BY 1, 2) k
      FULL JOIN (
        SELECT d.run, d.period, count(*) AS lines, sum(d.fen) AS fen, sum(d.fen::numeric * d.place) AS placed FROM (
            SELECT DISTINCT r.run, e.period, e.seq - r.first_seq + 1 AS place, abs(unnest(e.amounts)) AS fen
              FROM books.search_run r JOIN books.entry e ON e.region = r.region AND e.fund = r.fund AND e.seq BETWEEN r.first_seq AND r.last_seq
             WHERE r.region = %(region)s AND r.fund = %(fund)s) d GROUP BY 1, 2) e ON e.run = k.run AND e.period = k.period
     WHERE (k.lines, k.fen, k.placed) IS DISTINCT FROM (e.lines, e.fen, e.placed) OR NOT k.within ORDER BY 1, 2
"""


def check_search(snapshot: Snapshot) -> Iterator[Breach]:
    """Runs without gap, their words and amounts against the entries."""
    for region, fund, run in snapshot.rows(_GAPS):
        message = f"凭证检索第{run}段与前一段不相接，或超出账链：会计可执行 fundledger book index --anew --book {region}-{fund}"
        yield Breach("INV-06", f"{region}-{fund}", f"search {run}", message)
    for book in snapshot.books():
        for what, question in (("摘要", _WORDS), ("金额", _AMOUNTS)):
            for run, period in snapshot.rows(question, region=book.region, fund=book.fund):
                message = (
                    f"凭证检索第{run}段的{what}与凭证不符，查找可能漏列；凭证本身未变：会计可执行"
                    f" fundledger book index --anew --book {book}"
                )
                yield Breach("INV-06", str(book), f"search {run} {period}", message)
