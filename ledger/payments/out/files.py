"""Files out: one deterministic payment file per paying account, its bytes and digests stored before anybody sends it.

Orders that must not leave any more (stale.py) are cancelled first; if one stands in a file not yet sent, that file
is void and its other orders go into a new one under a new id. They stay approved: nothing was added or changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.hashes import SM3, Hash

from adapters.banks.ports import BankAccount
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.words import said
from ledger.db.connections import Engine
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.orders.order import Order, lock_batch, lock_file, lock_orders, read_orders
from ledger.payments.orders.stale import maybe_paid, stale_orders
from ledger.payments.orders.states import OrderStep, Transitions, move, transitions
from ledger.payments.out.bank import BankOf
from ledger.payments.out.proof import instructed, rendered, require_signed

ORDERS_PER_FILE_MAX: Final = 1000
"""The largest batch that every bank we know of takes (banks.md 2.3)."""

FILERS: Final = "{maker,checker,system}"


@dataclass(frozen=True, slots=True)
class BankFile:
    """A stored payment file, ready to be sent."""

    file_id: str
    account: str
    name: str
    sha256: bytes
    sm3: bytes
    orders: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class Filing:
    """What one filing did to a batch."""

    batch_id: str
    files: Sequence[BankFile]
    """Made now."""
    voided: Sequence[str]
    cancelled: Sequence[tuple[str, str]]
    """(order, code of stale.REASONS)."""
    held: Sequence[tuple[str, str]] = ()
    """(order, `kind:receipt_no`): approved still, but a debit of before a restore may have been its money."""
    unbearable: Sequence[tuple[str, str]] = ()
    """(order, sentence): cancelled because its bank cannot write it, so that the others go."""


def file(engine: Engine, user: str, region: int, batch_id: str, bank_of: BankOf, now: datetime) -> Filing:
    """Put the batch's approved orders into files; `now` is written into them and its date in Shanghai is the day.

    An order that its bank's format cannot bear is cancelled with its reason, the others go. Doing it again makes nothing
    new unless something became stale. Raises NotFound `batch.unknown`; Conflict
    `batch.not_approved`, `approval.unproven`; Forbidden `access.role_missing`; InvalidInput `bankfile.*` if the bank's format refuses
    more than an order, and what posting the cancellations raises. One transaction.
    """
    with unit_of_work(engine, user, region) as tx:
        return file_in(tx, batch_id, bank_of, now)


def file_in(tx: Transaction, batch_id: str, bank_of: BankOf, now: datetime) -> Filing:
    """`file` within a transaction of its region."""
    moment = now.astimezone(SHANGHAI).replace(microsecond=0)
    day = moment.date()
    _require_batch(tx, batch_id)
    require_signed(tx, [batch_id])
    table = transitions(tx)
    unsent = _lock_unsent_files(tx, batch_id)
    orders = lock_batch(tx, batch_id)
    cancellable = [order for order in orders if table.next(order.state, "cancel") is not None]
    stale = stale_orders(tx, [order.order_no for order in cancellable], day)
    voided = sorted({o.file_id for o in cancellable if o.order_no in stale and o.file_id in unsent})
    under_way = {o.order_no for o in cancellable if o.file_id and o.file_id not in unsent}
    stale = {order_no: reason for order_no, reason in stale.items() if order_no not in under_way}
    for file_id in voided:
        void_file(tx, table, file_id, stale, day)
    loose = [
        OrderStep(o.order_no, stale[o.order_no]) for o in cancellable if o.order_no in stale and not o.file_id
    ]
    move(tx, "cancel", loose, day)
    ready = [order for order in lock_batch(tx, batch_id) if table.next(order.state, "file") is not None]
    held = maybe_paid(tx, ready)
    ready = [order for order in ready if order.order_no not in held]
    unbearable = {
        o.order_no: why for o in ready if (why := bank_of(o.account).format.can_bear(o.payee, o.purpose))
    }
    move(tx, "cancel", [OrderStep(order_no, why) for order_no, why in unbearable.items()], day)
    ready = [order for order in ready if order.order_no not in unbearable]
    files = [
        _make_file(tx, batch_id, chunk, bank_of, moment)
        for account in sorted({order.account for order in ready})
        for chunk in _chunks([order for order in ready if order.account == account])
    ]
    return Filing(
        batch_id, files, voided, sorted(stale.items()), sorted(held.items()), sorted(unbearable.items())
    )


def cancel(engine: Engine, user: str, region: int, order_no: str, reason: str, day: date) -> str:
    """Cancel one order that was not sent; returns the id of the file voided for it, '' if it was in none.

    The other orders of that file are approved again: `file` puts them into a new one. Raises NotFound
    `order.unknown`; Conflict `order.state` if it is not approved or filed, `file.state` once its file is on the way;
    Forbidden `access.role_missing`; InvalidInput `order.reason`.
    """
    with unit_of_work(engine, user, region) as tx:
        return cancel_in(tx, order_no, reason, day)


def cancel_in(tx: Transaction, order_no: str, reason: str, day: date) -> str:
    """`cancel` within a transaction of its region."""
    if not reason.strip():
        raise InvalidInput("order.reason", "取消拨付单须说明原因")
    seen = read_orders(tx, [order_no])
    if not seen:
        raise NotFound("order.unknown", f"没有拨付单{order_no}", order_no=order_no)
    _require_filer(tx, seen[0].fund)
    # The file before its orders, as everywhere, so that a sender and a canceller cannot wait for each other.
    tx.rows(
        "SELECT 1 FROM payments.bank_file WHERE region = %(region)s AND file_id = %(file)s FOR UPDATE",
        region=tx.region,
        file=seen[0].file_id,
    )
    [order] = lock_orders(tx, [order_no])
    if order.file_id != seen[0].file_id:
        raise Conflict("order.state", f"拨付单{order_no}刚被改动，请重试", order_no=order_no)
    if not order.file_id:
        move(tx, "cancel", [OrderStep(order_no, reason)], day)
    elif transitions(tx).next(order.state, "cancel") is None:
        raise Conflict(
            "order.state",
            f"拨付单{order_no}现为{said('order.state', order.state)}，不能取消",
            order_no=order_no,
            state=order.state,
        )
    else:
        void_file(tx, transitions(tx), order.file_id, {order_no: reason}, day)
    return order.file_id


def void_file(
    tx: Transaction, table: Transitions, file_id: str, cancelled: dict[str, str], day: date
) -> None:
    """Void a file nobody set out to send: the orders of `cancelled` (with reasons) end, the others are approved again.

    Raises Conflict `file.state` (by the database) if it is on its way, sent or void.
    """
    tx.run(
        "UPDATE payments.bank_file SET state = 'void' WHERE region = %(region)s AND file_id = %(file)s",
        region=tx.region,
        file=file_id,
    )
    orders = lock_file(tx, file_id)
    ending = [
        OrderStep(o.order_no, cancelled[o.order_no], file_id) for o in orders if o.order_no in cancelled
    ]
    others = [
        OrderStep(o.order_no, "file_voided", file_id)
        for o in orders
        if o.order_no not in cancelled and table.next(o.state, "unfile") is not None
    ]
    move(tx, "cancel", ending, day)
    move(tx, "unfile", others, day, file_id="")


def _require_batch(tx: Transaction, batch_id: str) -> None:
    row = tx.row(
        "SELECT b.fund, a.batch_id IS NOT NULL FROM payments.batch b"
        " LEFT JOIN payments.approval a ON a.region = b.region AND a.batch_id = b.batch_id"
        " WHERE b.region = %(region)s AND b.batch_id = %(batch)s",
        region=tx.region,
        batch=batch_id,
    )
    if row is None:
        raise NotFound("batch.unknown", f"没有拨付批次{batch_id}", batch=batch_id)
    fund, is_approved = row
    if not is_approved:
        raise Conflict("batch.not_approved", f"批次{batch_id}尚未审批，不能制盘", batch=batch_id)
    _require_filer(tx, fund)


def _require_filer(tx: Transaction, fund: int) -> None:
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, %(roles)s)",
        region=tx.region,
        fund=fund,
        roles=FILERS,
    )


def _lock_unsent_files(tx: Transaction, batch_id: str) -> frozenset[str]:
    rows = tx.rows(
        "SELECT file_id, state FROM payments.bank_file WHERE region = %(region)s AND batch_id = %(batch)s"
        " ORDER BY file_id FOR UPDATE",
        region=tx.region,
        batch=batch_id,
    )
    return frozenset(file_id for file_id, state in rows if state == "filed")


def _chunks(orders: Sequence[Order]) -> list[Sequence[Order]]:
    return [
        orders[start : start + ORDERS_PER_FILE_MAX] for start in range(0, len(orders), ORDERS_PER_FILE_MAX)
    ]


def _make_file(
    tx: Transaction, batch_id: str, orders: Sequence[Order], bank_of: BankOf, moment: datetime
) -> BankFile:
    """Encode, store and file: the file's number counts every file the batch ever had, void ones too."""
    number = 1 + tx.value(
        "SELECT count(*) FROM payments.bank_file WHERE region = %(region)s AND batch_id = %(batch)s",
        region=tx.region,
        batch=batch_id,
    )
    file_id, account = f"{batch_id}-{number}", orders[0].account
    payer, bank = own_account(tx, account), bank_of(account).format
    outgoing = rendered(bank, file_id, payer, orders[0].pay_date, instructed(orders), moment)
    made = BankFile(
        file_id=file_id,
        account=account,
        name=outgoing.name,
        sha256=sha256(outgoing.content).digest(),
        sm3=_sm3(outgoing.content),
        orders=len(orders),
        total_fen=sum(order.amount_fen for order in orders),
    )
    tx.run(
        "INSERT INTO payments.bank_file (region, file_id, batch_id, account, name, created_at, content, sha256, sm3,"
        " orders, total_fen, state) VALUES (%(region)s, %(file)s, %(batch)s, %(account)s, %(name)s, %(created)s,"
        " %(content)s, %(sha256)s, %(sm3)s, %(orders)s, %(total)s, 'filed')",
        region=tx.region,
        file=file_id,
        batch=batch_id,
        account=account,
        name=made.name,
        created=moment,
        content=fields(tx).seal_bytes(
            outgoing.content, place("payments.bank_file.content", tx.region, file_id)
        ),
        sha256=made.sha256,
        sm3=made.sm3,
        orders=made.orders,
        total=made.total_fen,
    )
    steps = [OrderStep(order.order_no, evidence=file_id) for order in orders]
    move(tx, "file", steps, moment.date(), file_id=file_id)
    return made


def own_account(tx: Transaction, account: str) -> BankAccount:
    """One of our accounts, as banks write it. Raises NotFound `account.unknown`."""
    row = tx.row(
        "SELECT name, account, bank_name, cnaps FROM payments.bank_account"
        " WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
    )
    if row is None:
        raise NotFound("account.unknown", f"没有付款账户{account}", account=account)
    return BankAccount(*row)


def _sm3(content: bytes) -> bytes:
    digest = Hash(SM3())
    digest.update(content)
    return digest.finalize()
