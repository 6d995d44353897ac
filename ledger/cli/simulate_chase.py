"""Simulated answers that do not come: overdue orders become unknown, and the bank is asked by the very same file again."""

from __future__ import annotations

from datetime import date

from adapters.banks.ports import OutgoingFile
from ledger.cli.simulate_town import Town
from ledger.payments.ask import ask


def chase(town: Town, day: date) -> None:
    """Ask for what is overdue; a bank that gets bytes it has answered gives its status again, and pays nothing twice."""
    maker = town.staff.maker
    overdue = ask(maker.engine, maker.user, town.asked.region, day)
    silent = sorted(one.order_no for one in overdue if one.state == "unknown")
    if not silent:
        return
    town.count("orders_unknown", len(silent))
    with town.tx("cashier") as tx:
        files = tx.rows(
            "SELECT f.account, f.name, f.content, f.orders, f.total_fen FROM payments.bank_file f"
            " WHERE f.region = %(region)s AND f.file_id IN (SELECT o.file_id FROM payments.pay_order o"
            "   WHERE o.region = %(region)s AND o.order_no = ANY(%(orders)s)) ORDER BY f.file_id",
            region=tx.region,
            orders=silent,
        )
    for account, name, content, orders, total_fen in files:
        channel = town.banks("cashier")(account).channel
        channel.deliver(OutgoingFile(name, bytes(content)), count=orders, total_fen=total_fen)
        town.count("files_asked_again")
