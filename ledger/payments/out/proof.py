"""What must hold before money leaves, whoever wrote the rows: each approval is its checker's own signature, each file is its orders.

The database cannot check a signature nor look into a file; a login of the service that invents an approval or lays other bytes
in a file is found here, before anything is sent, and by `verify`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from adapters.banks.ports import BankAccount, BankFormat, Instruction, OutgoingFile, PaymentBatch
from ledger.access.signing.stored import STORED, StoredSignature, flaw_of
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.order import Order

# What is approved is what stands there now. An approval of before the sealing of persons (revision 0040) is of the same in clear.
_OTHER: Final = """
    SELECT a.batch_id, a.approved_by FROM payments.approval a JOIN payments.batch b ON b.region = a.region AND b.batch_id = a.batch_id
     WHERE a.region = %(region)s AND a.batch_id = ANY(%(batches)s)
       AND (b.digest <> payments.batch_digest(b.region, b.batch_id) OR a.digest <> b.digest AND b.kind <> 'person')
     ORDER BY 1
"""
# Approved since the region demands signatures; what had none when the demand came into force is noted there.
_TO_BE_SIGNED: Final = """
    SELECT a.batch_id, a.approved_by, a.approved_on, encode(a.digest, 'hex') FROM payments.approval a
     WHERE a.region = %(region)s AND a.batch_id = ANY(%(batches)s) AND access.demands_signatures(a.region)
       AND NOT EXISTS (SELECT 1 FROM access.before_demand b
                        WHERE b.region = a.region AND b.act = 'payments.approve' AND b.object = a.batch_id)
     ORDER BY 1
"""
_SIGNATURES: Final = STORED + (
    " WHERE s.region = %(region)s AND s.act = 'payments.approve' AND s.object = %(batch)s AND s.digest = %(digest)s"
    " AND s.user_name = %(user)s AND s.day = %(day)s ORDER BY s.n"
)


def require_signed(tx: Transaction, batches: Iterable[str]) -> None:
    """Raise Conflict `approval.unproven` where what was approved of these batches is not what they say now, or an approval is not
    its checker's own signature and the region demands it."""
    for batch, user in tx.rows(_OTHER, region=tx.region, batches=sorted(set(batches))):
        raise _unproven(batch, user, "其拨付单与所审批的摘要不符")
    wanted = tx.rows(_TO_BE_SIGNED, region=tx.region, batches=sorted(set(batches)))
    for batch, user, day, digest in wanted:
        found = [
            StoredSignature(*row)
            for row in tx.rows(_SIGNATURES, region=tx.region, batch=batch, user=user, day=day, digest=digest)
        ]
        flaws = [flaw_of(one) for one in found]
        if not flaws or all(flaws):
            raise _unproven(batch, user, f"签名：{flaws[0] if flaws else '没有签名'}")


def _unproven(batch: str, user: str, why: str) -> Conflict:
    return Conflict(
        "approval.unproven",
        f"批次{batch}由{user}所作的审批不成立（{why}），不得制盘、发送：请立即执行核验（fundledger verify）查明",
        batch=batch,
    )


def rendered(
    bank: BankFormat,
    file_id: str,
    payer: BankAccount,
    pay_date: date,
    instructions: Sequence[Instruction],
    created_at: datetime,
) -> OutgoingFile:
    """The payment file of these orders of one batch and account, by number: the same bytes each time it is asked for.

    Raises InvalidInput `bankfile.*`.
    """
    moment = created_at.astimezone(SHANGHAI)
    return bank.encode(PaymentBatch(file_id, moment, max(pay_date, moment.date()), payer, instructions))


def instructed(orders: Sequence[Order]) -> list[Instruction]:
    """What a file says of these orders."""
    return [Instruction(o.order_no, o.amount_fen, o.payee, o.purpose) for o in orders]
