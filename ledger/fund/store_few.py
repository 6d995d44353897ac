"""A few records at once, as requests bring them: one statement, no staging tables, whose upkeep would cost more than the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from ledger.db.unit_of_work import Transaction
from ledger.fund.layers import Layers
from ledger.fund.layers_store import layer_rows
from ledger.fund.outcome import Good, Load

FEW: Final = 1_000
"""Above this COPY is faster."""


def insert_few(tx: Transaction, load: Load, goods: Sequence[Good], splits: Mapping[int, Layers]) -> set[int]:
    """Insert the records that are new with their payables and splits; the lines of those that were."""
    rows = tx.rows(
        """WITH kept AS (INSERT INTO fund.record SELECT * FROM unnest(%(records)s::fund.record[]) AS r
                          ORDER BY r.setl_id, r.line ON CONFLICT DO NOTHING RETURNING line),
                owed AS (INSERT INTO fund.payable (region, fund, setl_id, subfund, institution, service_year, term,
                                                   category, day, fund_fen, daily_fen, ratio)
                         SELECT p.region, p.fund, p.setl_id, p.subfund, p.institution, p.service_year, p.term,
                                p.category, p.day, p.fund_fen, p.daily_fen, p.ratio
                           FROM unnest(%(owed)s::fund.owed_line[]) AS p JOIN kept ON kept.line = p.line),
                layers AS (INSERT INTO fund.bill_layer SELECT (s.split).* FROM (
                                  SELECT unnest(%(layers)s::fund.bill_layer[]) AS split, unnest(%(lines)s::bigint[]) AS line) s
                             JOIN kept ON kept.line = s.line)
           SELECT line FROM kept""",
        layers=layer_rows(tx.region, splits.values()),
        lines=list(splits),
        records="{" + ",".join([_element(tx.region, load.load_id, good) for good in goods]) + "}",
        owed="{" + ",".join([_owed(row) for good in goods for row in good.owed.splitlines()]) + "}",
    )
    return {line for (line,) in rows}


def _element(region: int, load_id: int, good: Good) -> str:
    """A row of fund.record as PostgreSQL reads it within an array: quotes and backslashes escaped for both readers.

    The canonical text has neither. Written here and not by the driver, whose escaping costs more than the insert.
    """
    quoted = good.record.canonical.replace("|", '\\",\\"')
    digest = good.record.content_digest.hex()
    return f'"({region},\\"{quoted}\\",\\"\\\\\\\\x{digest}\\",{load_id},{good.line})"'


def _owed(row: str) -> str:
    """A row of COPY text as PostgreSQL reads it within an array: codes, numbers and ids without quotes or backslashes."""
    quoted = row.replace("\t", '\\",\\"')
    return f'"(\\"{quoted}\\")"'
