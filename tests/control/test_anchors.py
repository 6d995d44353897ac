"""Attacks on the chain itself: what the chain finds alone, and what only an anchor outside the database finds."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.books.anchors import (
    Anchor,
    anchors_in,
    anchors_path,
    heads_of,
    read_anchors,
    write_anchors,
)
from ledger.control.restored import verify_restored
from ledger.control.verify import examine
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput, LedgerError, Unavailable
from ledger.db.engine import admin_engine
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import Settings

WAITING = "尚未锚定的账套（日拨付后或由worker锚定）"
OURS = "region = 420100 AND fund = 390"
CUT = [("INV-12", "420100-390", "seq"), ("INV-12", "420100", "trace")]


def cut_tail(town: Any, keep: int) -> None:
    """Take the last blocks of 420100-390 away with everything that belongs to them, and mend what remains."""
    seq = f"seq > (SELECT last_seq FROM books.block WHERE {OURS} AND block = {keep})"
    town.break_it(
        f"DELETE FROM books.entry WHERE {OURS} AND {seq}",
        f"DELETE FROM books.source WHERE {OURS} AND {seq}",
        f"DELETE FROM books.posting WHERE {OURS} AND block > {keep}",
        f"DELETE FROM books.block WHERE {OURS} AND block > {keep}",
        *(
            f"DELETE FROM books.{table} v WHERE {OURS} AND NOT EXISTS (SELECT 1 FROM books.entry e WHERE e.region = 420100"
            " AND e.fund = 390 AND e.source_key = 'MAN:' || v.voucher_id)"
            for table in ("voucher_decision", "voucher_line", "voucher")
        ),
        "DELETE FROM access.trace t USING (SELECT min(seq) AS seq FROM access.trace WHERE region = 420100 AND noun = 'books.voucher' AND NOT EXISTS ("
        "  SELECT 1 FROM books.voucher v WHERE keys @> ARRAY[v.fund || '/' || v.voucher_id])) f WHERE t.region = 420100 AND t.seq >= f.seq",
        "UPDATE access.trace_head h SET seq = t.seq, hash = t.hash FROM (SELECT seq, hash FROM access.trace WHERE region = 420100"
        " ORDER BY seq DESC LIMIT 1) t WHERE h.region = 420100",
        f"UPDATE books.head h SET seq = b.last_seq, block = b.block, recorded_at = b.recorded_at, hash = b.hash"
        f" FROM books.block b WHERE h.region = 420100 AND h.fund = 390 AND b.region = 420100 AND b.fund = 390 AND b.block = {keep}",
        f"UPDATE books.counter SET last = (SELECT max(vno) FROM books.entry WHERE {OURS}) WHERE {OURS}",
        f"UPDATE books.balance b SET debit = s.debit, credit = s.credit FROM (SELECT account, sum(debit) AS debit,"
        f" sum(credit) AS credit FROM books.posting WHERE {OURS} GROUP BY account) s"
        f" WHERE b.region = 420100 AND b.fund = 390 AND b.account = s.account",
    )


def rewrite_chain(town: Any) -> None:
    """Date the first block of 420100-390 back by an hour; digest, hash and link everything anew, as the writer would have."""
    with psycopg.connect(town.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("SET datestyle = 'ISO, YMD'")
        for table, which in (("entry", "seq <= 5"), ("block", "block = 1")):
            admin.execute(
                f"UPDATE books.{table} SET recorded_at = recorded_at - interval '1 hour' WHERE {OURS} AND {which}"
            )
        blocks = admin.execute(
            "SELECT block, period, voucher_date, first_seq, last_seq, legs, (extract(epoch FROM recorded_at) * 1000000)::bigint,"
            f" actor, dim_last, encode(dim_hash, 'hex') FROM books.block WHERE {OURS} ORDER BY block"
        ).fetchall()
        link = sha256(b"fundledger book 420100-390").digest()
        for row in blocks:
            digests = b"".join(redigest(admin, seq) for seq in range(row[3], row[4] + 1))
            header = "|".join(map(str, (420100, 390, *row))) + "\n"
            prev, link = link, sha256(link + header.encode() + digests).digest()
            admin.execute(
                f"UPDATE books.block SET digests = %s, prev = %s, hash = %s WHERE {OURS} AND block = %s",
                [digests, prev, link, row[0]],
            )
        admin.execute(f"UPDATE books.head SET hash = %s WHERE {OURS}", [link])


def redigest(admin: psycopg.Connection, seq: int) -> bytes:
    """The entry's digest as books.post() makes it; its content digest goes to its business key."""
    entry = admin.execute(
        "SELECT concat_ws('|', event, source_key, business_date, reverses_seq, summary, evidence,"
        " encode(evidence_digest, 'hex'), attachments, array_to_string(accounts, ','), array_to_string(dims, ','),"
        " array_to_string(amounts, ',')), concat_ws('|', seq, series, vno, voucher_date,"
        " (extract(epoch FROM recorded_at) * 1000000)::bigint, rule, prepared_by, reviewed_by)"
        f" FROM books.entry WHERE {OURS} AND seq = %s",
        [seq],
    ).fetchone()
    assert entry is not None
    content = sha256(entry[0].encode()).digest()
    admin.execute(f"UPDATE books.source SET content_digest = %s WHERE {OURS} AND seq = %s", [content, seq])
    return sha256(entry[1].encode() + content).digest()


@pytest.fixture
def two_blocks(town: Any) -> Any:
    """The town with a second block in 420100-390, anchored."""
    town.by_hand(Book(420100, 390), "新")
    write_anchors(town.auditor, town.home)
    assert town.verify() == []
    return town


@pytest.mark.fault(66)
def test_a_cut_tail_is_found_by_its_anchor_only(two_blocks: Any) -> None:
    cut_tail(two_blocks, 1)
    found = two_blocks.verify()  # the vouchers' traces were cut with them
    assert [(f.promise, f.book, f.entry.split()[0]) for f in found] == CUT
    assert found[0].entry == "seq 6"
    assert "截去" in found[0].message
    anchors_path(two_blocks.home).unlink()
    assert two_blocks.verify() == []


@pytest.mark.fault(66)
def test_a_rewritten_chain_is_found_by_its_anchor_only(two_blocks: Any) -> None:
    rewrite_chain(two_blocks)
    found = two_blocks.verify()
    assert [(f.promise, f.book, f.entry) for f in found] == [("INV-12", "420100-390", "seq 5")]
    assert "改写" in found[0].message
    anchors_path(two_blocks.home).unlink()
    assert two_blocks.verify() == []


def test_anchors_are_appended_and_read_back(town: Any, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    assert read_anchors(home) == []
    written = write_anchors(town.auditor, home)
    assert [(a.region, a.fund) for a in written] == [(420100, 310), (420100, 390), (0, 0), (420100, 0)]
    with unit_of_work(town.service, "acc", 420100) as tx:
        again = write_anchors(tx, home)
    assert again == written
    assert read_anchors(home) == written * 2
    assert {a.home for a in written} == {
        town.value("SELECT left(encode(hash, 'hex'), 16) FROM access.trace WHERE region = 0 AND seq = 1")
    }
    assert written[3].hash == town.value(
        "SELECT encode(hash, 'hex') FROM access.trace_head WHERE region = 420100"
    )
    assert written[0].hash == town.value("SELECT encode(hash, 'hex') FROM books.head WHERE fund = 310")


def test_a_torn_last_line_is_left_out_and_replaced(town: Any, tmp_path: Path) -> None:
    written = write_anchors(town.auditor, tmp_path)
    with anchors_path(tmp_path).open("a") as file:
        file.write('{"region": 4201')
    whole = read_anchors(tmp_path)
    assert whole[-4:] == written
    write_anchors(town.auditor, tmp_path)
    assert read_anchors(tmp_path) == [*whole, *written]


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "{}",
        "[]",
        '{"region": "420100", "fund": 310, "block": 1, "seq": 1, "recorded_at": 1, "hash": ""}',
    ],
)
def test_a_damaged_anchor_file_is_a_finding(town: Any, line: str) -> None:
    with anchors_path(town.home).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InvalidInput, match=r"anchor\.format"):
        read_anchors(town.home)
    assert [(f.promise, f.entry) for f in town.verify()] == [("INV-12", "anchors")]


def test_an_anchor_of_another_installation_is_a_finding(town: Any) -> None:
    with anchors_path(town.home).open("a") as file:
        file.write(
            '{"region": 420200, "fund": 310, "block": 1, "seq": 1, "recorded_at": 1, "hash": "'
            + "0" * 64
            + '"}\n'
        )
    assert [(f.promise, f.book, f.entry) for f in town.verify()] == [("INV-12", "420200-310", "seq 1")]
    assert Anchor(420200, 310, 1, 1, 1, "0" * 64) in read_anchors(town.home)


def test_the_anchors_of_another_home_are_told_from_a_longer_chain(town: Any) -> None:
    path = anchors_path(town.home)
    lines = path.read_text().splitlines()
    there = read_anchors(town.home)[0].home
    path.write_text("\n".join(lines).replace(there, "f" * 16) + "\n")
    assert [(one.code, one.entry) for one in town.verify()] == [("anchor.foreign", "anchors")]
    longer = json.loads(lines[3]) | {"block": 10_000, "seq": 10_000}
    path.write_text("\n".join([*lines, json.dumps(longer)]) + "\n")
    assert [(one.code, one.book, one.entry) for one in town.verify()] == [
        ("anchor.longer", "420100", "trace 10000")
    ]
    path.write_text(
        "\n".join(lines[:3]) + "\n" + json.dumps(json.loads(lines[3]) | {"hash": "0" * 64}) + "\n"
    )
    assert [(one.code, one.book) for one in town.verify()] == [("anchor.rewritten", "420100")]
    path.write_text(lines[0].replace('"v": 2', '"v": 3') + "\n")
    assert [(one.entry, "较新" in one.message) for one in town.verify()] == [("anchors", True)]


def test_anchors_from_before_traces_are_read_as_ever(town: Any) -> None:
    path = anchors_path(town.home)
    old = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text(
        "".join(
            json.dumps({key: value for key, value in one.items() if key not in ("v", "home")}) + "\n"
            for one in old
            if one["fund"]
        )
    )
    assert town.verify() == []
    assert [one.home for one in read_anchors(town.home)] == ["", ""]


def _anchor_as_service(town: Any, home: Path) -> None:
    with unit_of_work(town.service, "acc", 420100) as tx:
        write_anchors(tx, home)


def test_books_never_anchored_wait_for_it(town: Any) -> None:
    anchors_path(town.home).unlink()
    done = examine(town.auditor, town.home)
    assert (done.breaches, done.waiting[WAITING]) == ([], 2)


@pytest.mark.parametrize("loss", ["file", "folder", "last line", "one book", "another home"])
def test_anchors_that_were_written_and_are_gone_are_missed(town: Any, loss: str) -> None:
    path = anchors_path(town.home)
    path.unlink()
    _anchor_as_service(town, town.home)
    town.by_hand(Book(420100, 390), "新")
    _anchor_as_service(town, town.home)
    assert town.verify() == []
    lines = path.read_bytes().splitlines(keepends=True)
    both, resident = {"420100-310", "420100-390"}, {"420100-390"}
    match loss:
        case "file":
            path.unlink()
        case "folder":
            path.parent.rename(town.home / "elsewhere")
        case "last line":
            path.write_bytes(b"".join(line for line in lines if b'"fund": 390, "block": 2' not in line))
        case "one book":
            path.write_bytes(b"".join(line for line in lines if b'"fund": 390' not in line))
        case "another home":
            path.write_bytes(b"")
    found = town.verify()
    traces = {"", "420100"}
    assert {finding.book for finding in found} == (
        resident if loss in ("last line", "one book") else both | traces
    )
    assert all(finding.code == "anchor.cut" and "锚定文件被删除" in finding.message for finding in found)
    _anchor_as_service(town, town.home)
    assert town.verify() == []


def test_nobody_notes_an_anchor_of_a_block_that_is_not_there_or_takes_one_back(town: Any) -> None:
    _anchor_as_service(town, town.home)
    note = "INSERT INTO fund.anchored VALUES (420100, 310, {}, '{}')"
    for statement, code in (
        (note.format(99, "acc"), "anchor.no_block"),
        (note.format(1, "maker"), "business.writer"),
        ("DELETE FROM fund.anchored", ""),
        ("UPDATE fund.anchored SET block = 1", ""),
    ):
        with pytest.raises(LedgerError) as refused, unit_of_work(town.service, "acc", 420100) as tx:
            tx.connection.execute(statement)
        assert code in refused.value.code


def test_anchors_that_cannot_be_written_or_read_are_refused_by_name(town: Any, tmp_path: Path) -> None:
    home = tmp_path / "full"
    home.mkdir()
    (home / "anchors").write_text("no folder")
    with pytest.raises(Unavailable, match=r"anchor\.not_written"):
        write_anchors(town.auditor, home)
    with pytest.raises(InvalidInput, match=r"anchor\.unreadable"):
        read_anchors(home)


def test_a_restored_home_begins_with_the_anchors_of_its_manifest(two_blocks: Any, tmp_path: Path) -> None:
    town = two_blocks
    _anchor_as_service(town, town.home)
    engine = admin_engine(Settings(home=town.server_home, database_url=town.admin_url))
    with engine.connect() as connection:
        facts = json.loads(json.dumps(heads_of(connection)))
    engine.dispose()
    new = tmp_path / "new"
    new.mkdir()
    assert verify_restored(town.auditor, new, facts, beside=True) == []
    assert list(new.iterdir()) == []
    assert {finding.entry for finding in verify_restored(town.auditor, new, {}, beside=False)} == {
        f"anchor {anchor.block}" for anchor in anchors_in(facts)
    }
    assert verify_restored(town.auditor, new, facts, beside=False) == []
    assert read_anchors(new) == anchors_in(facts)
    cut_tail(town, 1)
    cut = verify_restored(town.auditor, new, facts, beside=False)
    assert [(found.promise, found.book, found.entry.split()[0]) for found in cut] == CUT
