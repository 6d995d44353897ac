"""Simulated answers that do not come: overdue orders become unknown, and somebody takes the very same file to the bank.

By the wire it cannot be asked: the channel sees that the bank has the file, and delivers nothing twice.
"""

from __future__ import annotations

from datetime import date

from adapters.banks.wire.control import CONTROL_SUFFIX, describe, encode_control
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.payments.out.ask import ask
from ledger.simulation.town import Town


def chase(town: Town, day: date) -> None:
    """Ask for what is overdue; a bank that gets bytes it has answered gives its status again, and pays nothing twice."""
    maker = town.staff.maker
    overdue = ask(maker.engine, maker.user, town.asked.region, day)
    silent = sorted(one.order_no for one in overdue if one.state == "unknown")
    if not silent:
        return
    town.count("orders_unknown", len(silent))
    with town.tx("cashier") as tx:
        opener = fields(tx)
        files = tx.rows(
            "SELECT f.file_id, f.name, f.content, f.orders, f.total_fen FROM payments.bank_file f"
            " WHERE f.region = %(region)s AND f.file_id IN (SELECT o.file_id FROM payments.pay_order o"
            "   WHERE o.region = %(region)s AND o.order_no = ANY(%(orders)s)) ORDER BY f.file_id",
            region=tx.region,
            orders=silent,
        )
    inbox = town.home / "demo" / "bank" / "inbox"
    for file_id, name, sealed, orders, total_fen in files:
        content = opener.open_bytes(
            bytes(sealed), place("payments.bank_file.content", town.asked.region, file_id)
        )
        (inbox / name).write_bytes(content)
        control = describe(name, content, count=orders, total_fen=total_fen)
        (inbox / f"{name}{CONTROL_SUFFIX}").write_bytes(encode_control(control))
        town.count("files_asked_again")
