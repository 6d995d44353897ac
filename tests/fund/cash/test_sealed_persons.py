"""A person's name and account lie nowhere in clear: not in a row, not in the server's files, log or archive; what lay there is sealed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from adapters.banks.ports import BankAccount
from ledger.control.verify import verify
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.logins import OWNER
from ledger.db.safekeeping.fields import MAGIC, TOKEN, Fields
from ledger.db.safekeeping.keyring import forget, key_file
from ledger.db.safekeeping.region_keys import seal_what_is_clear
from ledger.db.safekeeping.rotation import owning, rotate
from ledger.db.safekeeping.seal_up import PARTS
from ledger.fund.cash.orders import order_persons
from ledger.fund.cash.persons import PersonRequest
from ledger.fund.region.persons import OpenedPayee, open_payee
from tests.fund.cash.test_cash import DAY, PERSON, agreed_person, asked_person
from tests.scenes.sealed import places

NAME, NUMBER = "诸葛亮亮", "6217990000458821"
CLAIM = replace(PERSON, payee=BankAccount(NAME, NUMBER, "模拟银行", "102421000009"))
OTHER = replace(PERSON, payee=BankAccount("司马懿懿", "6217990000458839", "模拟银行", "102421000009"))
"""Who is laid open below: not whom the other tests of this file look for, which may run beside it on the same server."""
_ROWS: Final = """
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND c.relkind = 'r' ORDER BY 1
"""


def paid(town: Any, claim: PersonRequest = CLAIM) -> Any:
    """The order of one person, paid, given back and paid again: every table that names a payee has its row."""
    town.begin(fen=5_000_000)
    agreed_person(town, claim)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    [order] = town.pay(batch, DAY)
    assert order.payee == claim.payee  # the bank is told whom to pay
    town.receipt(order, DAY, back=True)
    with town.tx() as tx:
        [again] = order_persons(tx, 310, DAY).batches
    town.pay(again, DAY)
    return order


def naming(admin: Any, *words: str) -> dict[str, int]:
    """How many rows of each table hold a word, as text or in bytes."""
    found: dict[str, int] = {}
    for (table,) in admin.execute(_ROWS).fetchall():
        for word in words:
            [(count,)] = admin.execute(
                f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) + strpos(t::text, %s) > 0".encode(),
                [word, word.encode().hex()],
            ).fetchall()
            if count:
                found[table] = found.get(table, 0) + count
    return found


def files_below(root: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(root):
        yield from (path for path in map(Path(folder).joinpath, names) if path.is_file())


def test_nothing_on_the_disk_names_a_person_in_clear(town: Any) -> None:
    """Rows, the server's data and its write-ahead log (which the archive is made of), its log, the home but what goes to the bank."""
    began = time.time()
    order = paid(town)
    database = town.month.database
    with town.tx() as tx:
        token = tx.value(
            "SELECT payee_number FROM payments.pay_order WHERE order_no = %(o)s", o=order.order_no
        )
    assert TOKEN.fullmatch(token)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        assert naming(admin, NAME, NUMBER) == {}
        assert {"fund.person_payment", "payments.evidence", "payments.pay_order"} <= naming(
            admin, token
        ).keys()
        admin.execute("CHECKPOINT")
        data = Path(admin.execute("SHOW data_directory").fetchone()[0])  # type: ignore[index]
    looked, met = [], set()
    for root in (data, database.settings.home):
        for path in files_below(root):  # other tests' databases come and go beside ours
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < began - 1 or "/demo/bank/" in str(path):
                    continue
                content = path.read_bytes()
                looked.append(path)
                met |= {word for word in (NAME, NUMBER, token) if word.encode() in content}
    assert any("pg_wal" in str(path) for path in looked)
    assert met == {token}  # what is sealed is there, in what was looked through
    town.verified()


def test_who_a_person_is_is_told_with_a_reason_only(town: Any) -> None:
    order = paid(town)
    with town.tx() as tx:
        digest = tx.value(
            "SELECT encode(digest, 'hex') FROM payments.batch WHERE batch_id = %(b)s", b=order.batch_id
        )
        said = ("模拟银行", order.amount_fen, order.batch_id, digest)
        assert open_payee(tx, order.order_no, "家属来电查询", clear=True) == OpenedPayee(NAME, NUMBER, *said)
        assert open_payee(tx, order.order_no, "家属来电查询", clear=False) == OpenedPayee(
            "诸***", "************8821", *said
        )
        with pytest.raises(InvalidInput, match=r"data\.reason"):
            open_payee(tx, order.order_no, "看", clear=True)
        with pytest.raises(NotFound, match=r"data\.no_payee"):
            open_payee(tx, "FL0", "家属来电查询", clear=True)


def test_a_home_without_its_keys_is_checked_in_all_that_needs_none(town: Any) -> None:
    """What could not be opened is named last and makes verify end otherwise than clean; what was changed is found all the same."""
    paid(town)
    settings, engine = town.month.database.settings, town.month.database.auditor_engine
    town.verified()
    (settings.home / "keys").rename(settings.home / "taken")
    forget()
    try:
        found = verify(engine, town.home)
        assert [one.code for one in found] == ["key.missing"]
        assert {"银行文件", "银行原文", "回单"} <= set(
            re.findall(r"[：、]([^：、]*?)\d+处", found[0].message)
        )
        with psycopg.connect(town.month.database.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("UPDATE payments.order_item SET amount_fen = amount_fen + 1")
        found = verify(engine, town.home)
        assert found[-1].code == "key.missing"
        assert any("拨付单金额" in one.message for one in found[:-1])
    finally:
        (settings.home / "taken").rename(settings.home / "keys")
        forget()


def test_what_lay_in_clear_is_sealed_and_every_promise_holds(town: Any) -> None:
    """As a home of before: the rows laid open behind the guards, sealed by the upgrade, and once more without a change."""
    paid(town, OTHER)
    name, number = OTHER.payee.name, OTHER.payee.number
    asked_person(town, replace(OTHER, document="生津〔2026〕9号"))  # one that is not agreed to yet
    database = town.month.database
    with psycopg.connect(database.admin_url) as admin:
        [(key_id,)] = admin.execute(
            "SELECT key_id FROM fund.sealing_key WHERE region = 0 AND n = 1"
        ).fetchall()
        known = Fields(database.settings.home, key_id)
        admin.execute("SET session_replication_role = replica")
        before = laid_open(admin, known)
        assert before > 6
        assert {"fund.person_payment", "payments.pay_order"} <= naming(admin, number).keys()
        admin.execute("SET session_replication_role = origin")
        admin.execute(f"SET ROLE {OWNER}".encode())
        done = seal_what_is_clear(admin, database.settings.home)
        assert seal_what_is_clear(admin, database.settings.home) == 0
        admin.execute("RESET ROLE")
        assert done >= before
        assert naming(admin, name, number) == {}
        off = admin.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled <> 'O' AND NOT tgisinternal"
        )
        assert off.fetchall() == []
    town.verified()


def laid_open(admin: Any, known: Fields) -> int:
    """Everything sealed as it was before it was; how many rows."""
    count = 0
    for part in PARTS:
        names = ", ".join(part.columns)
        where = {at: of for at, of, _ in places(admin, f"{part.table}.{names}")} if part.content else {}
        for at, *values in admin.execute(f"SELECT ctid::text, {names} FROM {part.table}".encode()).fetchall():
            opened = [
                known.open_bytes(bytes(v), where[at])
                if part.content and v
                else v
                if part.content
                else known.open(v)
                for v in values
            ]
            if opened != [bytes(v) if part.content else v for v in values]:
                assigned = ", ".join(f"{name} = %s" for name in part.columns)
                admin.execute(
                    f"UPDATE {part.table} SET {assigned} WHERE ctid = %s::tid".encode(), [*opened, at]
                )
                count += 1
    return count


def test_a_service_works_on_while_the_key_turns(town: Any) -> None:
    """Connections of before the turn read what was sealed anew and seal for the new key; without its file they refuse, with it they work."""
    paid(town)
    database = town.month.database
    with owning(database.admin_url, database.settings.home) as owner:
        done = rotate(owner, database.settings.home)
    assert (done.fresh, done.done > 2) == (True, True)
    key = key_file(database.settings.home, done.key_id)
    agreed_person(town, replace(OTHER, document="生津〔2026〕11号"))
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, DAY).batches
    key.rename(key.with_suffix(".away"))
    forget()  # as a service that has not read it yet
    with pytest.raises(NotFound, match=r"data\.key_missing"):
        town.pay(batch, DAY)
    key.with_suffix(".away").rename(key)
    [order] = town.pay(batch, DAY)
    town.receipt(order, DAY)
    with psycopg.connect(database.admin_url) as admin:
        for table in ("bank_file", "inbound_file"):
            heads = admin.execute(
                f"SELECT DISTINCT substring(content FROM 1 FOR 20) FROM payments.{table}".encode()
            )
            assert {bytes(head) for (head,) in heads} == {MAGIC + bytes.fromhex(done.key_id[:8])}
    town.verified()
