"""A load: the file or the day of the service that records came by, and how far it is. Kept under region 0 (NO_REGION).

A file is read before its regions are known, so what counts it belongs to none of them.
"""

from __future__ import annotations

from typing import Final, LiteralString

from ledger.db.unit_of_work import NO_REGION, Transaction
from ledger.fund.intake.values import Tally

COUNT: Final[
    LiteralString
] = """UPDATE fund.intake_load SET lines_done = lines_done + {lines}, bytes_done = bytes_done + {size},
              accepted = accepted + {accepted}, duplicate = duplicate + {duplicate},
              quarantined = quarantined + {quarantined}, accepted_fen = accepted_fen + {accepted_fen},
              payable_fen = payable_fen + {payable_fen}
        WHERE region = 0 AND load_id = {load_id}"""


def open_load(tx: Transaction, name: str, digest: bytes, size: int) -> int:
    """A new load of the transaction's user; its number."""
    load_id: int = tx.value(
        """INSERT INTO fund.intake_load (region, file_name, file_sha256, bytes, loaded_by)
           VALUES (%(region)s, %(name)s, %(digest)s, %(size)s, %(user)s) RETURNING load_id""",
        region=NO_REGION,
        name=name,
        digest=digest,
        size=size,
        user=tx.user,
    )
    return load_id


def complete_load(tx: Transaction, load_id: int) -> None:
    """Nothing more comes; the database counts what is stored and kept first (fund.prove_load)."""
    tx.run(
        "UPDATE fund.intake_load SET complete = true WHERE region = %(region)s AND load_id = %(id)s",
        region=NO_REGION,
        id=load_id,
    )


def count_at_commit(tx: Transaction, load_id: int, done: Tally, size: int) -> None:
    """Add what a request brought to the load's counts, together with COMMIT."""
    tx.at_commit(
        COUNT,
        lines=len(done.outcomes),
        size=size,
        accepted=done.accepted,
        duplicate=done.duplicate,
        quarantined=done.quarantined,
        accepted_fen=done.accepted_fen,
        payable_fen=done.payable_fen,
        load_id=load_id,
    )
