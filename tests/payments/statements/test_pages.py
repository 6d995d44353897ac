"""A statement in several pages: joined once all are there, in whatever order they come; what is missing or wrong is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from adapters.banks.formats.statements.read import is_page, read_pages, read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Assembled
from adapters.banks.simulator.messages.statement import PrintedStatement, write_camt053
from ledger.core.errors import InvalidInput, LedgerError
from ledger.payments.statements.pages import load_page
from ledger.payments.statements.take import StatementFile, TakenStatement, files, taken
from ledger.payments.statements.withdraw import ask_withdrawal, decide_withdrawal
from tests.payments.conftest import OWN, World
from tests.payments.statements.conftest import AFTER, OCT, Bank, line

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."


def d(day: int) -> date:
    return date(2026, 10, day)


def whole(bank: Bank) -> PrintedStatement:
    return bank.statement(
        d(1),
        OCT,
        line("B1", 10_000, d(12)),
        line("B2", -3_000, d(13)),
        line("B3", 500, d(14)),
        line("B4", -1, d(15)),
    )


def pages(printed: PrintedStatement, *, version: str = "08", of_all: bool = False) -> list[bytes]:
    """The statement cut into three pages: two lines, one, one; the opening on the first alone, the closing on the last."""
    text = write_camt053(printed, namespace=NAMESPACE + version).decode()
    entries = re.findall(r"\n *<Ntry>.*?</Ntry>", text, re.S)
    balances = re.findall(r"\n *<Bal>.*?</Bal>", text, re.S)
    made = []
    for number, own in ((1, entries[:2]), (2, entries[2:3]), (3, entries[3:])):
        page = text
        for entry in entries:
            if entry not in own:
                page = page.replace(entry, "", 1)
        for balance in {1: balances[1:], 2: balances, 3: balances[:1]}[number]:
            page = page.replace(balance, "", 1)
        if not of_all:
            page = re.sub(r"\n *<TxsSummry>.*?</TxsSummry>", "", page, flags=re.S)
        told = f"<PgNb>{number}</PgNb><LastPgInd>{'true' if number == 3 else 'false'}</LastPgInd>"
        if version == "02":
            page = page.replace("</GrpHdr>", f"<MsgPgntn>{told}</MsgPgntn></GrpHdr>")
        else:
            page = page.replace("<ElctrncSeqNb>", f"<StmtPgntn>{told}</StmtPgntn><ElctrncSeqNb>")
        made.append(page.encode())
    return made


def read(given: Sequence[StatementFile]) -> Assembled:
    return read_pages([(one.name, one.content) for one in given], OWN)


def loaded(
    world: World, content: bytes, name: str, user: str = "acc"
) -> tuple[list[TakenStatement], tuple[str, ...]]:
    with world.tx(user) as tx:
        return load_page(tx, OWN, StatementFile(name, content), read, AFTER)


def refused(act: Callable[[], object]) -> LedgerError:
    with pytest.raises(LedgerError) as wrong:
        act()
    return wrong.value


@pytest.mark.parametrize("version", ["02", "08", "14"])
@pytest.mark.parametrize("of_all", [False, True])
def test_pages_in_any_order_are_one_statement(bank: Bank, version: str, of_all: bool) -> None:
    one, two, three = pages(whole(bank), version=version, of_all=of_all)
    for order in ((one, two, three), (three, one, two), (two, three, one)):
        found = read_pages([(str(n), content) for n, content in enumerate(order)], OWN)
        assert found.missing == ()
        [made] = found.statements
        assert [part.bank_reference for part in made.lines] == ["B1", "B2", "B3", "B4"]
        assert (made.opening_fen, made.closing_fen, made.first_day, made.last_day) == (0, 7_499, d(1), OCT)
        assert [order[part] for part in made.parts] == [one, two, three]


def test_what_is_missing_is_told_and_nothing_is_believed(bank: Bank) -> None:
    one, two, three = pages(whole(bank))
    assert [is_page("x", content, OWN) for content in (one, two, three)] == [True, True, True]
    for given, words in (
        ((one,), "对账单ST1已有第1页，第1页之后还有，末页未到"),
        ((three, one), "对账单ST1已有第1、3页，缺第2页"),
        ((two,), "对账单ST1已有第2页，缺第1页；第2页之后还有，末页未到"),
    ):
        found = read_pages([(str(n), content) for n, content in enumerate(given)], OWN)
        assert (found.statements, found.missing) == ((), (words,))
    with pytest.raises(InvalidInput, match="末页未到") as alone:
        read_statements("p1.xml", one, Stated(OWN))
    assert alone.value.code == "bankfile.pages"


def test_wrong_pages_are_refused(bank: Bank) -> None:
    one, two, three = pages(whole(bank))
    other = two.replace(b'<Amt Ccy="CNY">5.00</Amt>', b'<Amt Ccy="CNY">5.01</Amt>')
    assert other != two
    for given, code in (
        ((one, two, two, three), "bankfile.pages"),  # twice
        ((one, two.replace(b"false", b"true"), three), "bankfile.pages"),  # after the last
        ((one, other, three), "bankfile.statement_total"),  # does not tie
        ((one, two.replace(b"<PgNb>2<", b"<PgNb>0<"), three), "bankfile.pages"),
        ((one, two.replace(OWN.encode(), b"4299999999999"), three), "bankfile.foreign_account"),
    ):
        wrong = refused(lambda g=given: read_pages([(f"p{n}.xml", c) for n, c in enumerate(g)], OWN))
        assert wrong.code == code
        assert "p0.xml" in wrong.message
    mixed = two.replace(b"<Id>ST1</Id>", b"<Id>ST2</Id>")
    assert len(read_pages([("a", one), ("b", mixed), ("c", three)], OWN).missing) == 2


def test_pages_are_kept_until_the_last_has_come(world: World, bank: Bank) -> None:
    one, two, three = pages(whole(bank))
    for user in ("cashier", "checker", "maker"):
        assert refused(lambda u=user: loaded(world, three, "p3.xml", u)).code == "access.role_missing"
    assert loaded(world, three, "p3.xml") == ([], ("对账单ST1已有第3页，缺第1、2页",))
    assert loaded(world, three, "p3.xml") == (
        [],
        ("对账单ST1已有第3页，缺第1、2页",),
    )  # the same bytes: no second page
    assert (
        refused(lambda: loaded(world, two.replace(b"<PgNb>2<", b"<PgNb>4<"), "p4.xml")).code
        == "bankfile.pages"
    )
    assert loaded(world, one, "p1.xml")[1] == ("对账单ST1已有第1、3页，缺第2页",)
    with world.tx() as tx:
        assert taken(tx, OWN) == []
        assert [(one.name, one.state) for one in files(tx, OWN)] == [
            ("p1.xml", "waiting"),
            ("p3.xml", "waiting"),
        ]
    made, missing = loaded(world, two, "p2.xml")
    assert (missing, [(s.n, s.lines, s.opening_fen, s.closing_fen) for s in made]) == ((), [(1, 4, 0, 7_499)])
    for content in (one, two, three):
        assert loaded(world, content, "again.xml") == (made, ())  # each page stands for the statement now
    with world.tx() as tx:
        assert {one.state for one in files(tx, OWN)} == {"taken"}
        assert [
            bytes(sha) for (sha,) in tx.rows("SELECT file_sha256 FROM payments.statement_page ORDER BY page")
        ] == [sha256(content).digest() for content in (one, two, three)]
    # withdrawn, all its pages are; they may come again
    with world.tx() as tx:
        asked = ask_withdrawal(tx, OWN, 1, "误收", AFTER)
    with world.tx("checker") as tx:
        decide_withdrawal(tx, OWN, asked.n, AFTER)
        assert {one.state for one in files(tx, OWN)} == {"withdrawn"}
    for content in (three, two):
        assert loaded(world, content, "b.xml")[0] == []
    [again] = loaded(world, one, "b1.xml")[0]
    assert (again.n, again.closing_fen) == (1, 7_499)


def test_the_database_holds_the_pages(world: World, bank: Bank) -> None:
    [made] = bank.load(bank.statement(d(1), OCT, line("B1", 10_000, d(12))))
    row: dict[str, Any] = {"sha": made.file_sha256}
    late = "INSERT INTO payments.statement_page VALUES (420100, '4200000000001', 1, 1, %(sha)s)"

    def raw(statement: Any) -> None:
        with world.tx() as tx:
            tx.run(statement, **row)

    assert refused(lambda: raw(late)).code == "business.frozen"
    gap = late.replace("1, 1, %(sha)s", "2, 2, %(sha)s")
    nothing = "INSERT INTO payments.bank_statement SELECT region, account, 2, file_sha256, 2, form, '', 2, '2026-11-01', '2026-11-30'," \
        " closing_fen, closing_fen, 0 FROM payments.bank_statement WHERE file_sha256 = %(sha)s"  # fmt: skip

    def both() -> None:
        with world.tx() as tx:
            tx.run(gap, **row)
            tx.run(nothing, **row)

    assert refused(both).code == "statement.pages"
