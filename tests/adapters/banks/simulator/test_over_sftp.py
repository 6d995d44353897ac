"""The whole way: our channel, the bank's server, the bank's books, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.ports import BankState
from adapters.banks.simulator.faults import Fault, FaultPlan
from adapters.banks.simulator.server import DemoServer
from adapters.banks.wire.sftp import SftpChannel, SftpConfig
from adapters.banks.wire.sftp.keys import ensure_ed25519_key
from ledger.core.errors import Unavailable

PAYER = "42010000000000000010"
ORDER = "FL20261102-000001"


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., SftpChannel]]:
    opened: list[SftpChannel | DemoServer] = []

    def make(folder: Path) -> SftpChannel:
        client = ensure_ed25519_key(tmp_path / "client")
        server = DemoServer(folder, tmp_path / "keys", "fund", client)
        server.__enter__()
        channel = SftpChannel(
            SftpConfig("127.0.0.1", server.port, "fund", tmp_path / "client", (server.host_key,))
        )
        opened.extend((server, channel))
        return channel

    yield make
    for one in reversed(opened):
        one.close()


def test_deliver_pay_fetch(
    world: Callable[..., Any], make_order: Callable[..., Any], connect: Callable[..., SftpChannel]
) -> None:
    bank = world()
    channel = connect(bank.folder)
    batch = bank.batch([make_order(1), make_order(2)])
    file = bank.decoder.encode(batch)
    channel.deliver(file, count=2, total_fen=3_000_00)
    assert channel.holds(file)
    bank.step()
    assert channel.holds(file)
    channel.deliver(file, count=2, total_fen=3_000_00)
    assert bank.step(1).taken == []
    files = channel.waiting()
    assert [one.size for one in files] == [len(channel.fetch(one.name)) for one in files]
    status, *receipts = [bank.decoder.decode(one.name, channel.fetch(one.name)) for one in files]
    assert {one.state for one in status.statuses} == {BankState.SETTLED}
    paid = {one.order_no: one.amount_fen for decoded in receipts for one in decoded.evidence}
    assert paid == {order: one.amount_fen for order, one in bank.bank.books.paid_orders(PAYER).items()}


def test_cut_file_is_seen_and_the_whole_one_taken(
    world: Callable[..., Any], make_order: Callable[..., Any], connect: Callable[..., SftpChannel]
) -> None:
    bank = world(FaultPlan(named={ORDER: frozenset({Fault.CUT_ON_WIRE})}))
    channel = connect(bank.folder)
    file = bank.decoder.encode(bank.batch([make_order(1)]))
    channel.deliver(file, count=1, total_fen=1_000_00)
    bank.run(3)
    _, cut, whole = channel.waiting()
    with pytest.raises(Unavailable) as refusal:
        channel.fetch(cut.name)
    assert refusal.value.code == "bank.truncated"
    (evidence,) = bank.decoder.decode(whole.name, channel.fetch(whole.name)).evidence
    assert evidence.order_no == ORDER
