"""Sending files: the same bytes under the same name as often as it takes, and never two files with one order.

What survives a kill at any point:
1. the file's name and bytes are stored since it was made;
2. `sending` is committed before the first byte leaves: from then on nobody can void the file, so its orders can
   never go into another one, whatever becomes of us;
3. delivery changes nothing when repeated (`ports.Channel.deliver`);
4. the outcome is written afterwards. Whoever finds a file `sending` cannot know how far the other one got: it becomes
   `unknown`, its orders too, and stays so until the bank holds the bytes.
Only the very attempt that wrote `sending` may take it back, when its file surely did not arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Final

from adapters.banks.ports import BankFormat, Channel, OutgoingFile
from ledger.access.operator_log import append_line
from ledger.core.errors import Conflict, InvalidInput, LedgerError, Unavailable
from ledger.db.connections import Engine
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.freeze.freeze import freeze, require_thawed
from ledger.payments.orders.order import Order, lock_file
from ledger.payments.orders.stale import REASONS, stale_orders
from ledger.payments.orders.states import OrderStep, move, transitions
from ledger.payments.out.bank import BankOf
from ledger.payments.out.files import own_account
from ledger.payments.out.proof import instructed, rendered, require_signed

MAY_HAVE_ARRIVED: Final = "bank.unknown"
NAME_TAKEN: Final = "bank.name_taken"
"""Other bytes lie at the bank under the name of ours: sent by a database that was brought back from before it (freeze.py)."""

HOLDING: Final = ("file.altered", "approval.unproven")
"""What keeps one file back and says that somebody's hand was in it; the others go."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What became of one file: `outcome` is `sent`, `unknown`, `filed` (surely not arrived), `stale`, or `held`: nobody approved it so."""

    file_id: str
    outcome: str
    orders: int
    total_fen: int
    code: str = ""
    """Why it is not sent."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A file to deliver; `first` if nobody set out to deliver it before."""

    file_id: str
    account: str
    content: OutgoingFile
    orders: int
    total_fen: int
    first: bool


def send(engine: Engine, user: str, region: int, bank_of: BankOf, day: date) -> list[Sending]:
    """Deliver every file of the region that is filed, or whose delivery is not known to have succeeded.

    The cashier sends. A file with an order that must not leave any more is left alone (`stale`): `file` rebuilds it.
    A bank that cannot be reached does not stop the files of others, nor does a file that is held: one that is not the one made of
    its approved orders (`file.altered`), or whose approval does not hold (`approval.unproven`); each raises its alarm till it is
    void or sent. Raises Forbidden `access.role_missing`, Conflict `payments.frozen`.
    """
    with unit_of_work(engine, user, region) as tx:
        tx.run("SELECT access.require_role(%(region)s, 0::smallint, '{cashier}')", region=region)
        require_thawed(tx)
        # Row security on the batch keeps a cashier of one fund to that fund's files.
        waiting = tx.rows(
            "SELECT f.file_id FROM payments.bank_file f"
            " JOIN payments.batch b ON b.region = f.region AND b.batch_id = f.batch_id"
            " WHERE f.region = %(region)s AND f.state IN ('filed', 'sending', 'unknown') ORDER BY f.file_id",
            region=region,
        )
    done = []
    for (file_id,) in waiting:
        try:
            with unit_of_work(engine, user, region) as tx:
                attempt = _set_out(tx, file_id, bank_of, day)
                if isinstance(attempt, _Attempt):
                    append_line(tx, "payments.set_out", file_id, "done", "开始发送")
        except Conflict as found:
            if found.code not in HOLDING:
                raise
            with unit_of_work(engine, user, region) as tx:
                done.append(_hold(tx, file_id, found))
            continue
        if attempt is None:
            continue
        if isinstance(attempt, Sending):
            done.append(attempt)
            continue
        refusal = _deliver(bank_of, attempt)
        with unit_of_work(engine, user, region) as tx:
            done.append(_conclude(tx, attempt, refusal, day))
            append_line(tx, "payments.sent", file_id, "done", f"{done[-1].outcome} {done[-1].code}".strip())
    return done


def _hold(tx: Transaction, file_id: str, refusal: Conflict) -> Sending:
    """Write down why a file is held: the alarm stands on this line while the file waits."""
    append_line(tx, "payments.set_out", file_id, "refused", f"{refusal.code}：{refusal.message}")
    [(orders, total_fen)] = tx.rows(
        "SELECT orders, total_fen FROM payments.bank_file WHERE region = %(region)s AND file_id = %(file)s",
        region=tx.region,
        file=file_id,
    )
    return Sending(file_id, "held", orders, total_fen, refusal.code, refusal.message)


def _set_out(tx: Transaction, file_id: str, bank_of: BankOf, day: date) -> _Attempt | Sending | None:
    """Write down that the file is on its way; None if somebody else has finished with it meanwhile."""
    row = tx.row(
        "SELECT state, account, name, content, orders, total_fen, sha256, created_at FROM payments.bank_file"
        " WHERE region = %(region)s AND file_id = %(file)s FOR UPDATE",
        region=tx.region,
        file=file_id,
    )
    if row is None or row[0] not in ("filed", "sending", "unknown"):
        return None
    state, account, name, content, orders, total_fen, digest, created_at = row
    where = place("payments.bank_file.content", tx.region, file_id)
    told = OutgoingFile(name, fields(tx).open_bytes(bytes(content), where))
    within = lock_file(tx, file_id)
    try:
        bank = bank_of(account).format
    except LedgerError as refusal:  # no bank to send it to: others' files go
        outcome = "filed" if state == "filed" else "unknown"
        return Sending(file_id, outcome, orders, total_fen, refusal.code, refusal.message)
    require_signed(tx, [order.batch_id for order in within])
    if sha256(told.content).digest() != bytes(digest):
        raise _altered(told, "与制盘时的摘要不符", file_id)
    if _made_anew(tx, bank, file_id, account, within, created_at) != told:
        raise _altered(told, "与其中已审批的拨付单不符", file_id)
    if state == "filed":
        stale = stale_orders(tx, [order.order_no for order in within], day)
        if stale:
            named = "、".join(f"{order_no}（{REASONS[why]}）" for order_no, why in sorted(stale.items()))
            return Sending(
                file_id,
                "stale",
                orders,
                total_fen,
                "file.stale",
                f"付款文件{name}含不得再拨付的拨付单{named}，请重新制盘",
            )
        _set_state(tx, file_id, "sending")
    elif state == "sending":
        _set_state(tx, file_id, "unknown")
        _move_file(tx, file_id, "lose", day)
    return _Attempt(
        file_id,
        account,
        told,
        orders,
        total_fen,
        state == "filed",
    )


def _made_anew(
    tx: Transaction,
    bank: BankFormat,
    file_id: str,
    account: str,
    within: Sequence[Order],
    created_at: datetime,
) -> OutgoingFile | None:
    """The file as its orders make it; None where they make none."""
    if not within:
        return None
    try:
        return rendered(
            bank, file_id, own_account(tx, account), within[0].pay_date, instructed(within), created_at
        )
    except InvalidInput:
        return None


def _altered(told: OutgoingFile, how: str, file_id: str) -> Conflict:
    """What is sealed the database cannot look into: the stored bytes are looked at before they leave."""
    words = f"付款文件{told.name}{how}，没有发送：请立即执行核验（fundledger verify）查明"
    return Conflict("file.altered", words, file=file_id)


def _deliver(bank_of: BankOf, attempt: _Attempt) -> LedgerError | None:
    """Ask, then deliver; what stopped it, or None."""
    try:
        channel: Channel = bank_of(attempt.account).channel
        if not channel.holds(attempt.content):
            channel.deliver(attempt.content, count=attempt.orders, total_fen=attempt.total_fen)
    except LedgerError as refusal:
        return refusal
    return None


def _conclude(tx: Transaction, attempt: _Attempt, refusal: LedgerError | None, day: date) -> Sending:
    state = tx.value(
        "SELECT state FROM payments.bank_file WHERE region = %(region)s AND file_id = %(file)s FOR UPDATE",
        region=tx.region,
        file=attempt.file_id,
    )
    if refusal is not None and refusal.code == NAME_TAKEN:
        freeze(tx, "file_name_taken", f"付款文件{attempt.content.name}", day)
    if refusal is None:
        if state != "sent":
            _set_state(tx, attempt.file_id, "sent")
            _move_file(tx, attempt.file_id, "send", day)
        return Sending(attempt.file_id, "sent", attempt.orders, attempt.total_fen)
    may_have_arrived = isinstance(refusal, Unavailable) and refusal.code == MAY_HAVE_ARRIVED
    if state == "sending" and attempt.first:
        if may_have_arrived:
            _set_state(tx, attempt.file_id, "unknown")
            _move_file(tx, attempt.file_id, "lose", day, refusal.code)
            state = "unknown"
        else:
            _set_state(tx, attempt.file_id, "filed")
            state = "filed"
    return Sending(attempt.file_id, state, attempt.orders, attempt.total_fen, refusal.code, refusal.message)


def _set_state(tx: Transaction, file_id: str, state: str) -> None:
    tx.run(
        "UPDATE payments.bank_file SET state = %(state)s WHERE region = %(region)s AND file_id = %(file)s",
        region=tx.region,
        file=file_id,
        state=state,
    )


def _move_file(tx: Transaction, file_id: str, event: str, day: date, reason: str = "") -> None:
    """Move those orders of the file that the event concerns: the bank may have answered for some already."""
    table = transitions(tx)
    orders = lock_file(tx, file_id)
    steps: Sequence[OrderStep] = [
        OrderStep(order.order_no, reason, file_id)
        for order in orders
        if table.next(order.state, event) is not None
    ]
    move(tx, event, steps, day)
