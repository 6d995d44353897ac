"""INV-12: a refused line that was sealed anew (`data reseal`) holds inside what was first sealed, to the byte: some trace of the row says so.

Whoever seals anew writes through the service, so the trace of it tells only that it was done. What lies inside tells the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from psycopg import sql

from ledger.control.breach import Breach
from ledger.control.checks.house.writers import key_of
from ledger.control.snapshot import Snapshot
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.safekeeping.region_keys import as_sealed_before

_TABLE: Final = "fund.quarantine"
_AT_ONCE: Final = 100  # of up to 64 KiB each
_ROWS: Final = """
    SELECT r.region, {key}, r.raw, to_jsonb(r.*) FROM fund.quarantine r
     WHERE substring(r.raw FROM 1 FOR 16) = 'FUNDLEDGER-SEAL4'::bytea ORDER BY r.region, r.load_id, r.line
"""
_TRACED: Final = """
    SELECT EXISTS (
        SELECT FROM access.trace t CROSS JOIN LATERAL unnest(t.keys) WITH ORDINALITY AS k (key, n)
         WHERE t.region = %(region)s AND t.noun = 'fund.quarantine' AND k.key = %(key)s AND t.op <> 'mark'
           AND substr(t.digests, (32 * (k.n - 1) + 1)::integer, 32) IN (
               SELECT sha256(convert_to(jsonb_strip_nulls(v.row || jsonb_build_object('state', s))::text, 'UTF8'))
                 FROM (SELECT %(row)s::jsonb AS row) v CROSS JOIN unnest('{open,resolved}'::text[]) AS s))
"""


def check_lines(snapshot: Snapshot) -> Iterator[Breach]:
    """Every line sealed anew; one whose key is not in the home is passed over."""
    with snapshot.connection.cursor(name="lines") as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(sql.SQL(_ROWS).format(key=key_of(_TABLE)))
        for region, key, raw, row in cursor:
            try:
                row["raw"] = "\\x" + as_sealed_before(snapshot.fields.home or snapshot.home, bytes(raw)).hex()
            except NotFound as problem:
                snapshot.miss(problem)
                continue
            except InvalidInput:  # nothing opens it: no trace has it so
                row["raw"] = ""
            if not snapshot.rows(_TRACED, region=region, key=key, row=json.dumps(row))[0][0]:
                said = f"隔离的记录{key}重新加密后的内容不是当初隔离的：被改动"
                yield Breach("INV-12", str(region or ""), f"{_TABLE} {key}", said, "trace.line_changed")
