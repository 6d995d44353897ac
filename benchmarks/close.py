"""Closing a month of vouchers: from the accountant's command to the chief's word, everything proven on the way."""

from __future__ import annotations

import time
from datetime import date
from typing import Final

from benchmarks.limit import BATCH
from benchmarks.measured import Measured, measured, say
from benchmarks.world import BOOK, World
from ledger.books.bulk import post_batches
from ledger.closing.close import close, confirm, verifier
from ledger.core.dates import period_of
from ledger.core.entries import Dimensions, EntryDraft, credit, debit
from ledger.db.unit_of_work import unit_of_work

MILLION: Final = 1_000_000
LINES_PER_VOUCHER: Final = 4
PARTIES: Final = 2_000
DAY: Final = date(2026, 1, 15)
CLOSED_ON: Final = date(2026, 2, 2)

# Drafts as an accountant's import leaves them and a checker approved them: the digest is made by the writer's own function.
_DRAFT: Final = """
WITH made AS (
    SELECT g.n, 1 + (g.n * 2654435761) %% 1000000 AS fen, '93' || lpad(((g.n * 7919) %% %(parties)s)::text, 5, '0') AS party
      FROM generate_series(%(first)s::bigint, %(last)s) AS g (n)),
line AS (
    SELECT m.n, l.* FROM made m CROSS JOIN LATERAL (VALUES
        (1, 1, m.fen, 1005, ''), (2, 1, 2 * m.fen, 1201, m.party), (3, -1, 2 * m.fen, 400101, ''),
        (4, -1, m.fen, 400102, '')) AS l (no, side, fen, account, party)),
text AS (
    SELECT n, string_agg(concat_ws('|', no, side, fen, account, party, '', 0, 0, ''), E'\\n' ORDER BY no) AS lines
      FROM line GROUP BY n),
head AS (
    SELECT t.n, '保险费收入第' || t.n || '笔' AS summary, '税务回单' || t.n AS evidence,
           books.voucher_text_digest(%(region)s, %(fund)s::smallint, 1, %(day)s, 0, '保险费收入第' || t.n || '笔',
                                     '税务回单' || t.n, 1, 'li', t.lines) AS digest
      FROM text t),
voucher AS (
    INSERT INTO books.voucher
    SELECT %(region)s, %(fund)s, 'MV-' || left(encode(digest, 'hex'), 20), 1, %(day)s, 0, summary, evidence, 1, 'li', %(day)s, digest
      FROM head),
lines AS (
    INSERT INTO books.voucher_line
    SELECT %(region)s, %(fund)s, 'MV-' || left(encode(h.digest, 'hex'), 20), l.no, l.side, l.fen, l.account, l.party, '', 0, 0, ''
      FROM head h JOIN line l USING (n)),
decision AS (
    INSERT INTO books.voucher_decision
    SELECT %(region)s, %(fund)s, 'MV-' || left(encode(digest, 'hex'), 20), 'approved', digest, 'qian', %(day)s, '' FROM head)
SELECT h.summary, h.evidence, h.digest, m.fen, m.party FROM head h JOIN made m USING (n) ORDER BY n
"""


def fill(world: World, first: int, vouchers: int) -> None:
    """So many approved vouchers of four lines, drafted in the database and posted by the bulk door."""

    ends = first + vouchers
    drafts = (_drafts(world, start, min(BATCH, ends - start)) for start in range(first, ends, BATCH))
    for _ in post_batches(world.service, "xitong", BOOK, DAY, drafts):
        pass


def _drafts(world: World, first: int, count: int) -> list[EntryDraft]:
    with world.connect() as admin:
        admin.execute("SET session_replication_role = replica")
        keys = {"region": BOOK.region, "fund": BOOK.fund, "day": DAY, "parties": PARTIES}
        rows = admin.execute(_DRAFT, {**keys, "first": first, "last": first + count - 1}).fetchall()
    return [
        EntryDraft(
            event="MAN",
            source_key=f"MAN:MV-{digest.hex()[:20]}",
            business_date=DAY,
            summary=summary,
            legs=(
                debit(1005, fen),
                debit(1201, 2 * fen, Dimensions(party)),
                credit(400101, 2 * fen),
                credit(400102, fen),
            ),
            rule="manual",
            prepared_by="li",
            reviewed_by="qian",
            evidence_digest=digest,
            evidence=evidence,
            attachments=1,
        )
        for summary, evidence, digest, fen, party in rows
    ]


def _close(world: World) -> dict[str, float]:
    """Close the filled month and confirm it; seconds by step, slowest first, `close` and `confirm` among them."""
    laps: dict[str, float] = {}
    began = lapped = time.perf_counter()
    step = ""

    def progress(name: str) -> None:
        nonlocal step, lapped
        now = time.perf_counter()
        laps[step] = laps.get(step, 0.0) + now - lapped
        step, lapped = name, now

    period = period_of(DAY)
    digest = close(
        world.service, verifier(world.auditor, world.home), "li", BOOK, period, CLOSED_ON, progress
    )
    progress("")
    laps.pop("", None)
    seconds = time.perf_counter() - began
    with unit_of_work(world.service, "wu", BOOK.region) as tx:
        assert confirm(tx, BOOK, period, digest, CLOSED_ON), "nothing was carried"
    told = {"close": seconds, "confirm": time.perf_counter() - began - seconds}
    return told | dict(sorted(laps.items(), key=lambda lap: -lap[1]))


def _measure(world: World, name: str, millions: int) -> list[Measured]:
    started = time.perf_counter()
    vouchers = millions * MILLION // LINES_PER_VOUCHER
    fill(world, 1, vouchers)
    say(f"  {vouchers:,} vouchers in {time.perf_counter() - started:.0f} s")
    laps = _close(world)
    slowest = ", ".join(f"{step} {lap:.1f}" for step, lap in list(laps.items())[:8])
    say(f"  {millions} M lines: {slowest}")
    return [measured(name, "s", [laps["close"] + laps["confirm"]], started)]


def measure(world: World) -> list[Measured]:
    """`close.million_lines.s`: the accountant's close and the chief's word for a month of a million lines, to the carried balances."""
    return _measure(world, "close.million_lines.s", 1)


def growth(world: World) -> list[Measured]:
    """`growth.close.ten_million_lines.s`: the same for ten million."""
    return _measure(world, "growth.close.ten_million_lines.s", 10)
