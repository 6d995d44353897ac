"""A home restored from an older dump pays nothing until two persons reconciled it with the bank (INV-10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.books.anchors import anchors_path, write_anchors
from ledger.bootstrap import App
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import Conflict, Forbidden, LedgerError
from ledger.db.safekeeping.backup import backup, restore
from ledger.fund.daily.run import run_daily
from ledger.fund.suspense.resolution import SuspensePaper
from ledger.fund.suspense.suspense import confirm, propose
from ledger.payments.freeze.freeze import decide_thaw, freezes, propose_thaw
from ledger.payments.incoming.receive import Received, receive
from ledger.payments.orders.approve import approve
from ledger.payments.orders.values import Batch
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.payments.statements.matching import match
from ledger.payments.statements.take import StatementFile, load
from ledger.settings import Settings
from ledger.simulation.people import DEMO_REGION
from tests.scenes.databases import administrator, copy_database, drop_database
from tests.scenes.town import OWN

H, OTHER = "H42010000001", "H42010000002"
PAY, NEXT = date(2026, 10, 13), date(2026, 10, 14)
MOMENT = datetime.combine(PAY, time(9), SHANGHAI)


@dataclass
class Restored:
    """The town with a way back: what was done after `kept` is lost to the database, not to the bank."""

    town: Any
    archive: Path
    cluster: Any

    @property
    def settings(self) -> Settings:
        own = self.town.month.database.settings
        return own.model_copy(update={"pg_bindir": self.cluster.bindir})

    def keep(self, *, dumped: bool = False) -> None:
        """As it is now: a dump by the tools where `dumped`; else the server's own copy, which takes a twentieth of the time."""
        if dumped:
            backup(self.settings, self.archive)
            return
        self._let_go()
        database = self.town.month.database
        copy_database(self.cluster, database.name, self.kept)
        self.town.month.engine, self.town.month.admin = database.service_engine, database.admin_engine

    def bring_back(self) -> None:
        self._let_go()
        database = self.town.month.database
        drop_database(self.cluster, database.name)
        if self.archive.exists():
            administrator(self.cluster).execute(f'CREATE DATABASE "{database.name}"'.encode())
            restore(self.settings, self.archive)
        else:
            copy_database(self.cluster, self.kept, database.name)
        self.town.month.engine, self.town.month.admin = database.service_engine, database.admin_engine

    @property
    def kept(self) -> str:
        return f"{self.town.month.database.name}_kept"

    def _let_go(self) -> None:
        database = self.town.month.database
        database.close()
        for name in ("admin_engine", "service_engine", "auditor_engine"):
            database.__dict__.pop(name, None)

    def anchor(self) -> None:
        settings = self.town.month.database.settings
        write_anchors(self.town.month.database.auditor_engine, settings.home)

    def app(self, user: str) -> App:
        return App(self.town.month.database.settings, user, self.town.engine)

    def receive(self) -> Received:
        self.town.open(PAY)
        return receive(self.town.engine, "xitong", DEMO_REGION, OWN, self.town.bank, PAY)

    def draft(self, day: date = PAY) -> Batch:
        self.town.open(day)
        [batch] = run_daily(self.town.engine, "zhao", DEMO_REGION, day).batches
        return batch

    def signs(self) -> list[tuple[str, str]]:
        with self.town.tx() as tx:
            return [(one.code, one.state) for one in freezes(tx)]

    def thaw(self) -> None:
        with self.town.tx("li") as tx:
            digest = propose_thaw(tx, "对账单2026-10-13", NEXT)
        with self.town.tx("qian") as tx:
            decide_thaw(tx, bytes.fromhex(digest), NEXT)


@pytest.fixture
def back(town: Any, bill: Any, tmp_path: Path, cluster: Any) -> Iterator[Restored]:
    town.begin()
    town.month.take(bill("a", fund=50_000))
    made = Restored(town, tmp_path / "night.dump", cluster)
    yield made
    administrator(cluster).execute(f'DROP DATABASE IF EXISTS "{made.kept}"'.encode())


def refused(act: Any) -> str:
    with pytest.raises(LedgerError) as found:
        act()
    return found.value.code


@pytest.mark.fault(20, 21)
@pytest.mark.parametrize("stage", ["draft", "approve", "file", "send"])
def test_a_home_older_than_its_anchors_pays_nothing(back: Restored, bill: Any, stage: str) -> None:
    """300.00 were paid twice the day after. Each step of a payment is refused, intake and reading go on."""
    town, engine = back.town, back.town.engine
    batch = None if stage == "draft" else back.draft()
    if batch and stage in ("file", "send"):
        approve(engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
    if batch and stage == "send":
        file(engine, "zhao", DEMO_REGION, batch.batch_id, town.bank_of, MOMENT)
    back.keep(dumped=stage == "send")
    engine = town.engine
    town.by_hand("后来的一张凭证", _legs())
    back.anchor()
    back.bring_back()
    engine = town.engine
    steps = {
        "draft": lambda: run_daily(engine, "zhao", DEMO_REGION, PAY),
        "approve": lambda: approve(engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY),
        "file": lambda: file(engine, "zhao", DEMO_REGION, batch.batch_id, town.bank_of, MOMENT),
        "send": lambda: send(engine, "sun", DEMO_REGION, town.bank_of, PAY),
    }
    town.open(PAY)
    with pytest.raises(Conflict, match=r"payments\.frozen"):
        with acting(back.app("zhao"), What(DEMO_REGION, "voucher.draft", stage)):
            pass
        steps[stage]()
    assert back.signs() == [("anchor_newer", "standing")]
    assert town.bank.channel.delivered == {}
    town.month.take(bill("later"))
    assert back.receive().failures == []
    back.thaw()
    assert back.signs() == [("anchor_newer", "lifted")]
    steps[stage]()


def _legs() -> Any:
    return (debit(1004, 100, Dimensions(OWN)), credit(41010101, 100))


def paid_and_brought_back(back: Restored, *, dumped: bool = False) -> Any:
    """Kept in the night, paid in the day, brought back without anchors; the lost order."""
    back.keep(dumped=dumped)
    [order] = back.town.pay_daily(PAY)
    assert order.amount_fen == 30_000
    back.bring_back()
    anchors_path(back.town.month.database.settings.home).unlink(missing_ok=True)
    assert back.town.value("SELECT count(*) FROM payments.pay_order") == 0
    return order


@pytest.mark.fault(20, 21)
def test_without_anchors_the_first_receipt_of_an_unknown_order_freezes(back: Restored) -> None:
    lost = paid_and_brought_back(back)
    done = back.receive()
    assert dict(done.outcomes) == {"suspense": 1}
    assert back.signs() == [("receipt_unknown_order", "standing")]
    assert refused(lambda: run_daily(back.town.engine, "zhao", DEMO_REGION, PAY)) == "payments.frozen"
    assert lost.order_no in back.town.value("SELECT detail FROM payments.freezing")


@pytest.mark.fault(20, 21)
def test_what_was_lost_is_matched_by_two_persons_and_never_paid_again(back: Restored) -> None:
    lost = paid_and_brought_back(back)
    back.receive()
    back.thaw()
    town = back.town
    batch = back.draft()
    [order_no] = batch.order_nos
    assert order_no != lost.order_no
    assert order_no.endswith("-10001")
    assert batch.batch_id.endswith("-101")
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
    made = file(town.engine, "zhao", DEMO_REGION, batch.batch_id, town.bank_of, MOMENT)
    receipt_no = town.value("SELECT receipt_no FROM payments.evidence")
    assert (made.files, made.held) == ([], [(order_no, f"camt.054:{receipt_no}")])
    assert len(town.bank.channel.delivered) == 1
    raw = "UPDATE payments.pay_order SET state = 'unknown' WHERE order_no = %(o)s"
    with pytest.raises(Exception, match=r"order\.not_recovered"), town.tx() as tx:
        tx.run(raw, o=order_no)
    said = SuspensePaper(310, OWN, "camt.054", receipt_no, "order", order_no, "银行查复3号")
    with town.tx("li") as tx:
        found = propose(tx, said, PAY)
    with town.tx("qian") as tx:
        confirm(tx, found.resolution_id, PAY)
    assert [order.state for order in town.orders([order_no])] == ["paid"]
    assert len(town.bank.channel.delivered) == 1
    assert town.balance(9101, counterparty=H) == 0
    town.verified()


@pytest.mark.parametrize(
    "change", ["payee_number = '6229999999999999', institution = 'H42010000002'", "known"]
)
def test_a_debit_of_another_account_or_order_recovers_nothing(back: Restored, change: str) -> None:
    """Two persons together cannot book a debit to somebody else, or one of an order that is known, on an order never sent."""
    lost = paid_and_brought_back(back)
    back.receive()
    back.thaw()
    town = back.town
    batch = back.draft()
    [order_no] = batch.order_nos
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
    receipt_no = town.value("SELECT receipt_no FROM payments.evidence")
    with town.tx("li") as tx:
        found = propose(
            tx, SuspensePaper(310, OWN, "camt.054", receipt_no, "order", order_no, "银行查复4号"), PAY
        )
    if change == "known":
        town.month.pretend(
            "INSERT INTO payments.pay_order SELECT region, '"
            + lost.order_no
            + "', fund, batch_id, institution, amount_fen,"
            " account, payee_name, payee_number, payee_bank, payee_cnaps, purpose, replaces, 'cancelled', file_id, sent_on,"
            " bank_reference FROM payments.pay_order"
        )
    else:
        town.month.pretend(f"UPDATE payments.pay_order SET {change}")
    with pytest.raises(LedgerError, match=r"order\.not_recovered"), town.tx("qian") as tx:
        confirm(tx, found.resolution_id, PAY)
    assert [order.state for order in town.orders([order_no])] == ["approved"]


def test_a_new_account_lets_the_lost_money_out_no_second_time(back: Restored) -> None:
    """The lost debit went to the old account; the order to the new one waits for it too, and is recovered by it."""
    paid_and_brought_back(back)
    back.receive()
    back.thaw()
    town = back.town
    town.month.pretend(
        f"UPDATE fund.payee_account SET state = 'replaced' WHERE institution = '{H}' AND version = 1"
    )
    town.month.pretend(
        "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by,"
        " confirmed_by) SELECT region, institution, version + 1, name, '6229999999999999', bank_name, cnaps, 'confirmed', 'zhao',"
        f" 'qian' FROM fund.payee_account WHERE institution = '{H}'"
    )
    batch = back.draft()
    [order_no] = batch.order_nos
    assert [order.payee.number for order in town.orders([order_no])] == ["6229999999999999"]
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
    made = file(town.engine, "zhao", DEMO_REGION, batch.batch_id, town.bank_of, MOMENT)
    receipt_no = town.value("SELECT receipt_no FROM payments.evidence")
    assert (made.files, made.held) == ([], [(order_no, f"camt.054:{receipt_no}")])
    said = SuspensePaper(310, OWN, "camt.054", receipt_no, "order", order_no, "银行查复5号")
    with town.tx("li") as tx:
        found = propose(tx, said, PAY)
    with town.tx("qian") as tx:
        confirm(tx, found.resolution_id, PAY)
    assert [order.state for order in town.orders([order_no])] == ["paid"]


def test_an_order_that_may_be_paid_is_not_filed_by_raw_sql(back: Restored) -> None:
    paid_and_brought_back(back)
    back.receive()
    back.thaw()
    batch = back.draft()
    approve(back.town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
    with pytest.raises(Exception, match=r"order\.(maybe_paid|file_state)"), back.town.tx() as tx:
        tx.run("UPDATE payments.pay_order SET state = 'filed', file_id = 'X'")


def test_a_name_of_ours_with_other_bytes_at_the_bank_freezes(
    back: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = back.town
    batch = back.draft()
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)
    file(town.engine, "zhao", DEMO_REGION, batch.batch_id, town.bank_of, MOMENT)

    def taken(*_: Any, **__: Any) -> None:
        raise Conflict("bank.name_taken", "银行收件夹已有同名文件")

    monkeypatch.setattr(town.bank.channel, "deliver", taken)
    [sending] = send(town.engine, "sun", DEMO_REGION, town.bank_of, PAY)
    assert (sending.outcome, sending.code) == ("filed", "bank.name_taken")
    assert back.signs() == [("file_name_taken", "standing")]
    assert refused(lambda: send(town.engine, "sun", DEMO_REGION, town.bank_of, PAY)) == "payments.frozen"


def test_one_person_lifts_nothing(back: Restored) -> None:
    """Neither the proposer, nor a digest of something else, nor raw SQL; a refusal keeps it frozen."""
    paid_and_brought_back(back)
    back.receive()
    town = back.town
    assert refused(lambda: _decide(town, "qian", b"0" * 32)) == "freeze.none"
    with town.tx("li") as tx:
        digest = bytes.fromhex(propose_thaw(tx, "对账单", NEXT))
    assert refused(lambda: _decide(town, "qian", b"0" * 32)) == "freeze.changed"
    with pytest.raises(Forbidden):
        _decide(town, "li", digest)
    assert refused(lambda: run_daily(town.engine, "zhao", DEMO_REGION, PAY)) == "payments.frozen"
    _decide(town, "qian", digest, "余额未平")
    assert back.signs() == [("receipt_unknown_order", "standing")]
    for door in (
        "UPDATE payments.freezing SET state = 'lifted', lifted_by = 'qian', lifted_on = '2026-10-14'",
        "DELETE FROM payments.freezing",
        "INSERT INTO payments.freezing (region, n, code, detail, anchors, found_by, found_on) VALUES"
        " (420100, 9, 'anchor_newer', 'x', '[]', 'x', '2026-10-14')",
    ):
        with pytest.raises(Exception, match="permission"), town.tx("qian") as tx:
            tx.run(door)  # type: ignore[arg-type]


def _decide(town: Any, user: str, digest: bytes, reason: str = "") -> None:
    with town.tx(user) as tx:
        decide_thaw(tx, digest, NEXT, reason)


def test_verify_takes_given_up_anchors_for_what_they_are(back: Restored) -> None:
    """Red while frozen, clean once two persons gave the lost blocks up; the new chain is watched as before."""
    town = back.town
    back.keep()
    town.by_hand("后来的一张凭证", _legs())
    back.anchor()
    back.bring_back()
    home = town.month.database.settings.home
    auditor = town.month.database.auditor_engine
    assert {b.promise for b in verify(auditor, home)} == {
        "INV-12"
    }  # the book's chain, and that of the traces
    with acting(back.app("zhao"), What(DEMO_REGION, "voucher.draft", "x")):
        pass
    back.thaw()
    assert verify(auditor, home) == []
    town.by_hand("恢复后的凭证", _legs())
    back.anchor()
    assert verify(auditor, home) == []
    with psycopg.connect(town.month.database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE books.block SET hash = sha256('x') WHERE block = (SELECT max(block) FROM books.block)"
        )
    assert any("INV-12" in str(b) and "锚定" in str(b) for b in verify(auditor, home))


def test_a_freeze_lifted_past_the_guards_is_named(back: Restored) -> None:
    paid_and_brought_back(back)
    back.receive()
    with psycopg.connect(back.town.month.database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE payments.freezing SET state = 'lifted', document = '对账单', proposed_by = 'li', proposed_on = '2026-10-14',"
            " lifted_by = 'nobody', lifted_on = '2026-10-14'"
        )
    database = back.town.month.database
    found = verify(database.auditor_engine, database.settings.home)
    assert any(b.promise == "INV-11" and "冻结" in b.message for b in found)


@pytest.mark.fault(20)
def test_what_was_paid_after_the_backup_is_found_by_the_statement(back: Restored) -> None:
    """Whether its receipt comes or not: the debit stands in the bank's statement, and nothing of ours goes with it."""
    lost = paid_and_brought_back(back, dumped=True)
    town = back.town
    row = PrintedLine("S1", Direction.DEBIT, lost.amount_fen, PAY, 70_000, order_no=lost.order_no)
    printed = PrintedStatement(
        "ST1", 1, datetime.combine(NEXT, time(8), SHANGHAI), OWN, "支出户", PAY, PAY, 100_000, [row]
    )
    content = write_camt053(printed)
    town.open(PAY)
    with town.tx("li") as tx:
        load(
            tx, OWN, StatementFile("ST1.xml", content), read_statements("ST1.xml", content, Stated(OWN)), NEXT
        )
        match(tx, OWN, NEXT)
    alone = town.value(
        "SELECT string_agg(l.order_no, ',') FROM payments.statement_line l WHERE NOT EXISTS (SELECT FROM payments.match_line m"
        " WHERE m.account = l.account AND m.statement = l.statement AND m.n = l.n AND m.live)"
    )
    assert alone == lost.order_no
    assert len(town.bank.channel.delivered) == 1
    assert back.signs() == [("receipt_unknown_order", "standing")]
    assert refused(lambda: run_daily(town.engine, "zhao", DEMO_REGION, PAY)) == "payments.frozen"
