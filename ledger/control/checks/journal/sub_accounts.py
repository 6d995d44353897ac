"""INV-11, INV-12: a book's accounts are the mandated chart and what two persons added below it; every code is within its parent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ledger.books.chart import chart
from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.entries import Book
from ledger.core.errors import NotFound

_STORED: Final = """
SELECT account, name, class, normal_side, leaf, dims FROM books.account WHERE region = %(region)s AND fund = %(fund)s
"""
_CHANGES: Final = """
SELECT account, act, name, dims FROM books.account_change
 WHERE region = %(region)s AND fund = %(fund)s AND state = 'confirmed' ORDER BY account::text COLLATE "C", n
"""
_UNSIGNED: Final = """
SELECT c.region, c.fund, c.account,
       CASE WHEN c.digest <> sha256(convert_to(concat_ws('|', 'account', c.region, c.fund, c.account, c.n, c.act, c.name, c.dims,
                 c.proposed_by, to_char(c.proposed_on, 'YYYY-MM-DD')), 'UTF8')) THEN '内容与所确认的摘要不符'
            ELSE '没有由另一人确认' END
  FROM books.account_change c
  LEFT JOIN access.app_user m ON m.user_name = c.proposed_by
  LEFT JOIN access.app_user k ON k.user_name = c.decided_by
 WHERE c.digest <> sha256(convert_to(concat_ws('|', 'account', c.region, c.fund, c.account, c.n, c.act, c.name, c.dims, c.proposed_by,
                          to_char(c.proposed_on, 'YYYY-MM-DD')), 'UTF8'))
    OR m.user_name IS NULL OR c.state <> 'proposed' AND (k.user_name IS NULL OR m.person = k.person)
 ORDER BY 1, 2, 3
"""
# The balance of every account of the first level, from its leaves by their parents up, and from the entries by their code.
_TIED: Final = """
WITH RECURSIVE sums AS (
    SELECT account, sum(debit)::bigint AS debit, sum(credit)::bigint AS credit FROM books.balance
     WHERE region = %(region)s AND fund = %(fund)s GROUP BY account
), up AS (
    SELECT a.account AS leaf, a.account FROM books.account a WHERE a.region = %(region)s AND a.fund = %(fund)s
    UNION ALL
    SELECT u.leaf, p.account FROM up u JOIN books.account p
        ON p.region = %(region)s AND p.fund = %(fund)s AND p.account = u.account / 100
), parents AS (
    SELECT u.account, sum(s.debit) AS debit, sum(s.credit) AS credit FROM sums s JOIN up u ON u.leaf = s.account
     WHERE u.account < 10000 GROUP BY 1
), codes AS (
    SELECT left(account::text, 4)::integer AS account, sum(debit) AS debit, sum(credit) AS credit FROM sums GROUP BY 1
)
SELECT account, coalesce(p.debit, 0) - coalesce(p.credit, 0), coalesce(c.debit, 0) - coalesce(c.credit, 0)
  FROM parents p FULL JOIN codes c USING (account)
 WHERE (p.debit, p.credit) IS DISTINCT FROM (c.debit, c.credit) ORDER BY 1
"""
# Accounts on which lines stand that came before 4101 was divided by the chart: whole, until two persons divide them.
_WHOLE: Final = """
SELECT DISTINCT account FROM books.balance
 WHERE region = %(region)s AND fund = %(fund)s AND account IN (4101, 410101, 410102, 410103)
"""
Stored = tuple[str, str, int, bool, int]


def check_chart(snapshot: Snapshot) -> Iterator[Breach]:
    """Every account against the shipped chart and the confirmed additions, by themselves and within their parents."""
    for region, fund, code, message in snapshot.rows(_UNSIGNED):
        yield Breach("INV-11", f"{region}-{fund}", f"account {code}", f"科目的增设或停用{message}")
    for book in snapshot.books():
        where = {"region": book.region, "fund": book.fund}
        stored: dict[int, Stored] = {row[0]: tuple(row[1:]) for row in snapshot.rows(_STORED, **where)}
        try:
            expected = _expected(snapshot, book)
        except NotFound as unknown:
            yield Breach("INV-12", str(book), "", unknown.message)
            continue
        for code in sorted(stored.keys() | expected.keys(), key=str):
            if stored.get(code) != expected.get(code):
                message = "账套的科目与规定的科目表及经两人确认的增设不同，已被改动"
                yield Breach("INV-12", str(book), f"account {code}", message)
        for code, above, below in snapshot.rows(_TIED, **where):
            message = f"上级科目余额{above}分，其下各末级合计{below}分：有科目不在其上级之下"
            yield Breach("INV-12", str(book), f"account {code}", message)


def _expected(snapshot: Snapshot, book: Book) -> dict[int, Stored]:
    """What the book's accounts must be; raises NotFound `fund.unknown`."""
    where = {"region": book.region, "fund": book.fund}
    whole = tuple(str(row[0]) for row in snapshot.rows(_WHOLE, **where))
    expected: dict[int, Stored] = {
        one.account: (one.name, one.class_, int(one.normal_side), True, one.dims)
        for one in chart(book.fund)
        if not (str(one.account).startswith(whole) and str(one.account) not in whole)
    }
    closed = _add(expected, snapshot.rows(_CHANGES, **where))
    parents = {code // 100 for code in expected}
    return {
        code: (name, class_, side, code not in parents and code not in closed, dims)
        for code, (name, class_, side, _, dims) in expected.items()
    }


def _add(expected: dict[int, Stored], changes: Iterable[Sequence[Any]]) -> set[int]:
    """Puts the confirmed additions below their parents; returns the closed ones."""
    closed = set()
    for account, act, name, dims in changes:
        if act == "close":
            closed.add(account)
        elif (parent := expected.get(account // 100)) is not None:
            expected[account] = (f"{parent[0]}—{name}", parent[1], parent[2], True, dims)
    return closed
