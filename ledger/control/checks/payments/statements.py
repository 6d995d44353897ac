"""INV-09: the bank's statements tie from one to the next, and the books' balance is the bank's after the open items.

Everything is counted anew from rows: statements from their lines, sheets from the journal, the statements and the matches that
stood at their cut. What is late but not wrong (a month whose sheet says something else by now, a receipt nobody sent) is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from ledger.control.breach import Breach
from ledger.control.checks.payments.sheets import check_sheets
from ledger.control.snapshot import Snapshot
from ledger.db.safekeeping.places import place

_CHAIN: Final = """
    WITH line AS (
        SELECT l.region, l.account, l.statement, count(*) AS lines, max(l.n) AS top, min(l.booked_on) AS first, max(l.booked_on) AS last,
               sum(CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END) AS fen
          FROM payments.statement_line l WHERE l.statement > 0 GROUP BY 1, 2, 3),
    chain AS (
        SELECT s.*, lag(s.closing_fen) OVER own AS before, lag(s.last_day) OVER own AS until, lag(s.n, 1, 0) OVER own AS prior,
               lag(s.form) OVER own AS form_before
          FROM payments.bank_statement s WHERE s.n > 0 WINDOW own AS (PARTITION BY s.region, s.account ORDER BY s.n))
    SELECT c.region, c.account, c.n, CASE
               WHEN c.prior <> c.n - 1 THEN '前面缺一份'
               WHEN c.before <> c.opening_fen THEN '期初' || c.opening_fen || '分，上一份期末' || c.before || '分'
               WHEN c.until >= c.first_day AND (c.form, c.form_before) <> ('cutover', 'cutover') THEN '与上一份重叠'
               WHEN coalesce(l.lines, 0) <> c.lines OR coalesce(l.top, 0) <> c.lines THEN '应有' || c.lines || '行，实有' || coalesce(l.lines, 0) || '行'
               WHEN c.opening_fen + coalesce(l.fen, 0) <> c.closing_fen
                   THEN '期初加减各行得' || c.opening_fen + coalesce(l.fen, 0) || '分，期末' || c.closing_fen || '分'
               WHEN l.first < c.first_day OR l.last > c.last_day THEN '有行不在起止日之内' END AS wrong
      FROM chain c LEFT JOIN line l ON l.region = c.region AND l.account = c.account AND l.statement = c.n
     WHERE c.prior <> c.n - 1 OR c.before <> c.opening_fen OR c.until >= c.first_day AND (c.form, c.form_before) <> ('cutover', 'cutover') OR coalesce(l.lines, 0) <> c.lines
        OR coalesce(l.top, 0) <> c.lines OR c.opening_fen + coalesce(l.fen, 0) <> c.closing_fen OR l.first < c.first_day OR l.last > c.last_day
    UNION ALL
    SELECT l.region, l.account, l.statement, '有' || count(*) || '行不属于任何对账单' FROM payments.statement_line l
     WHERE NOT EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = l.region AND s.account = l.account AND s.n = l.statement)
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_RUNNING: Final = """
    SELECT region, account, statement, min(n) FROM (
        SELECT l.region, l.account, l.statement, l.n, l.balance_fen, s.opening_fen + sum(CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END)
                   OVER (PARTITION BY l.region, l.account, l.statement ORDER BY l.n) AS running
          FROM payments.statement_line l JOIN payments.bank_statement s ON s.region = l.region AND s.account = l.account AND s.n = l.statement) r
     WHERE balance_fen <> running GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_FILES: Final = """
    SELECT f.region, f.account, f.name, f.content, f.sha256, f.stated::text, f.digest,
           f.form = 'hand' AND f.state = 'taken' AND (a.person = b.person) IS DISTINCT FROM false
      FROM payments.statement_file f
      LEFT JOIN access.app_user a ON a.user_name = f.prepared_by LEFT JOIN access.app_user b ON b.user_name = f.approved_by
     ORDER BY 1, 2, 3
"""
# Pages of a statement are files that are kept, without a gap; a statement below nought was withdrawn by two persons.
_KEPT: Final = """
    SELECT s.region, s.account, s.n, CASE WHEN w.n IS NULL THEN '已收回而没有两人的收回记录' ELSE '各页与其文件不符' END
      FROM payments.bank_statement s
      LEFT JOIN payments.statement_withdrawal w ON w.region = s.region AND w.account = s.account AND w.state = 'approved'
           AND w.file_sha256 = s.file_sha256 AND s.n BETWEEN w.kept_as - (w.last_statement - w.first_statement) AND w.kept_as
      LEFT JOIN access.app_user a ON a.user_name = w.prepared_by LEFT JOIN access.app_user b ON b.user_name = w.approved_by
     WHERE s.n < 0 AND (w.n IS NULL OR (a.person = b.person) IS DISTINCT FROM false)
        OR EXISTS (SELECT 1 FROM payments.statement_page p
                     LEFT JOIN payments.statement_file f ON f.region = p.region AND f.account = p.account AND f.sha256 = p.file_sha256
                          AND f.state = CASE WHEN s.n > 0 THEN 'taken' ELSE 'withdrawn' END
                    WHERE p.region = s.region AND p.account = s.account AND p.statement = s.n
                   HAVING count(*) > 0 AND (max(p.page) <> count(*) OR count(f.sha256) < count(*) OR min(encode(p.file_sha256, 'hex')) FILTER (WHERE p.page = 1) IS DISTINCT FROM encode(s.file_sha256, 'hex')))
    UNION ALL
    SELECT p.region, p.account, p.statement, '的页不属于任何对账单' FROM payments.statement_page p
     WHERE NOT EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = p.region AND s.account = p.account AND s.n = p.statement)
     ORDER BY 1, 2, 3
"""
# A file taken back, with its statement or as a waiting page, as often as two persons agreed to it.
_GONE: Final = """
    WITH gone AS (
        SELECT region, account, sha256, min(name) AS name, count(*) AS times FROM payments.statement_file WHERE state = 'withdrawn' GROUP BY 1, 2, 3),
    agreed AS (
        SELECT region, account, sha256, count(*) AS times, bool_and(two) AS two FROM (
            SELECT w.region, w.account, w.n, f.sha256, (a.person <> b.person) IS TRUE AS two
              FROM payments.statement_withdrawal w
              LEFT JOIN access.app_user a ON a.user_name = w.prepared_by LEFT JOIN access.app_user b ON b.user_name = w.approved_by
             CROSS JOIN LATERAL (
                   SELECT w.file_sha256 AS sha256
                   UNION SELECT p.file_sha256 FROM payments.statement_page p WHERE p.region = w.region AND p.account = w.account
                      AND w.first_statement > 0 AND p.statement BETWEEN w.kept_as - (w.last_statement - w.first_statement) AND w.kept_as) f
             WHERE w.state = 'approved') x
         GROUP BY 1, 2, 3)
    SELECT coalesce(g.region, k.region), coalesce(g.account, k.account), coalesce(g.name, left(encode(k.sha256, 'hex'), 16))
      FROM gone g FULL JOIN agreed k ON (k.region, k.account, k.sha256) = (g.region, g.account, g.sha256)
     WHERE g.times IS DISTINCT FROM k.times OR NOT k.two ORDER BY 1, 2, 3
"""
_WAITING: Final = """
    SELECT region, account, count(*), min(prepared_on) FROM payments.statement_file WHERE state = 'waiting' GROUP BY 1, 2 ORDER BY 1, 2
"""
_MATCHES: Final = """
    WITH bank AS (
        SELECT m.region, m.account, m.match, bool_and(m.live) AS live, bool_or(m.live) AS alive, count(*) AS parts,
               sum(CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END) AS fen
          FROM payments.match_line m
          JOIN payments.statement_line l ON l.region = m.region AND l.account = m.account AND l.statement = m.statement AND l.n = m.n
         GROUP BY 1, 2, 3),
    book AS (
        SELECT g.region, g.account, g.match, bool_and(g.live) AS live, bool_or(g.live) AS alive, count(*) AS parts, sum(g.effect_fen) AS fen,
               bool_or(e.seq IS NULL OR abs(e.accounts[g.leg]) IS DISTINCT FROM a.kind::integer
                       OR sign(e.accounts[g.leg])::bigint * e.amounts[g.leg] IS DISTINCT FROM g.effect_fen
                       OR (a.kind <> '1005' AND d.counterparty IS DISTINCT FROM g.account)) AS odd
          FROM payments.match_leg g
          JOIN payments.bank_account a ON a.region = g.region AND a.account = g.account
          LEFT JOIN books.entry e ON e.region = g.region AND e.fund = g.fund AND e.period = g.period AND e.seq = g.seq
          LEFT JOIN books.dim d ON d.region = g.region AND d.dim = e.dims[g.leg]
         GROUP BY 1, 2, 3)
    SELECT m.region, m.account, m.n, coalesce(k.fen, 0), coalesce(j.fen, 0)
      FROM payments.statement_match m
      LEFT JOIN bank k ON k.region = m.region AND k.account = m.account AND k.match = m.n
      LEFT JOIN book j ON j.region = m.region AND j.account = m.account AND j.match = m.n
     WHERE coalesce(k.fen, 0) <> coalesce(j.fen, 0) OR coalesce(k.parts, 0) + coalesce(j.parts, 0) < 2 OR j.odd
        OR (m.undo_n IS NULL AND NOT (coalesce(k.live, true) AND coalesce(j.live, true)))
        OR (m.undo_n IS NOT NULL AND (coalesce(k.alive, false) OR coalesce(j.alive, false)))
     ORDER BY 1, 2, 3
"""
# A match is by a user there is; an opening one is of a cut-over's entry, and no other is; its parts belong to a match.
_MATCHED: Final = """
    SELECT m.region, m.account, m.n, CASE WHEN u.user_name IS NULL THEN '的勾对人' || m.made_by || '不是系统内的用户'
                                          ELSE '称为期初，而所指分录不是接转的' END
      FROM payments.statement_match m
      LEFT JOIN access.app_user u ON u.user_name = m.made_by
     WHERE u.user_name IS NULL OR m.why = 'opening' AND EXISTS (
           SELECT 1 FROM payments.match_leg g
             LEFT JOIN books.entry e ON e.region = g.region AND e.fund = g.fund AND e.period = g.period AND e.seq = g.seq
            WHERE g.region = m.region AND g.account = m.account AND g.match = m.n AND e.event IS DISTINCT FROM 'OPEN')
    UNION
    SELECT p.region, p.account, p.match, '的各行还在，勾对本身没有了'
      FROM (SELECT region, account, match FROM payments.match_line UNION SELECT region, account, match FROM payments.match_leg) p
      LEFT JOIN payments.statement_match m ON m.region = p.region AND m.account = p.account AND m.n = p.match
     WHERE m.n IS NULL
    UNION
    SELECT m.region, m.account, m.match, '所指的对账单行' || m.statement || ':' || m.n || '没有了'
      FROM payments.match_line m
      LEFT JOIN payments.statement_line l ON l.region = m.region AND l.account = m.account AND l.statement = m.statement AND l.n = m.n
     WHERE l.n IS NULL ORDER BY 1, 2, 3
"""


def check_statements(snapshot: Snapshot) -> Iterator[Breach]:
    """Chains, running balances and files; matches; every sheet that stands; then entries whose receipt no statement has."""
    yield from _of_files(snapshot)
    if not snapshot.rows("SELECT region FROM payments.bank_statement GROUP BY region"):
        return
    for region, account, n, wrong in snapshot.rows(_CHAIN):
        yield Breach("INV-09", str(region), f"statement {account} {n}", f"账户{account}第{n}份对账单{wrong}")
    for region, account, n, line in snapshot.rows(_RUNNING):
        yield Breach(
            "INV-09",
            str(region),
            f"statement {account} {n}",
            f"账户{account}第{n}份对账单第{line}行余额与上一行不相接",
        )
    for region, account, n, bank, book in snapshot.rows(_MATCHES):
        yield Breach(
            "INV-09",
            str(region),
            f"match {account} {n}",
            f"账户{account}勾对{n}：对账单{bank}分，账上{book}分，或所指分录不符",
        )
    for region, account, n, wrong in snapshot.rows(_MATCHED):
        yield Breach("INV-09", str(region), f"match {account} {n}", f"账户{account}勾对{n}{wrong}")
    yield from check_sheets(snapshot)


def _shown_as(content: bytes, stated: str) -> set[bytes]:
    """Digests of a file with what was stated of it: before bytes were sealed the database digested them itself."""
    return {sha256(told + stated.encode()).digest() for told in (content, sha256(content).digest())}


def _of_files(snapshot: Snapshot) -> Iterator[Breach]:
    """Files as they came: also of an account whose first statement still waits for a page."""
    for region, account, name, kept, digest, stated, shown, alone in snapshot.each(_FILES):
        content = snapshot.open_bytes(
            bytes(kept), place("payments.statement_file.content", region, account, digest)
        )
        wrong = "录入与复核不是系统内两个不同的人" if alone else ""
        if content is None:
            snapshot.pass_over()
        elif sha256(content).digest() != digest or shown not in _shown_as(content, stated):
            wrong = "内容与其摘要不符"
        if wrong:
            yield Breach(
                "INV-11", str(region), f"statement {name}", f"账户{account}的对账单文件{name}{wrong}"
            )
    for region, account, n, wrong in snapshot.rows(_KEPT):
        yield Breach("INV-09", str(region), f"statement {account} {n}", f"账户{account}第{n}份对账单{wrong}")
    for region, account, name in snapshot.rows(_GONE):
        message = f"账户{account}的对账单文件{name}的收回与两人的收回记录不符"
        yield Breach("INV-09", str(region), f"statement {name}", message)
    for region, account, count, since in snapshot.rows(_WAITING):
        snapshot.waiting[f"统筹区{region}账户{account}缺页而未收的对账单文件（{since}起）"] = count
