"""A seal proves itself: a flipped byte, a changed entry, a missing one, a rewrite of everything are found and named."""

from __future__ import annotations

import json
import random
from datetime import date

import psycopg
import pytest
import typer
from typer.testing import CliRunner

from ledger.access.signing.pair import KeyPair
from ledger.cli.books.seal import app as seal_app
from ledger.cli.line import acting
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.settings import get_settings
from reports.seal import digests
from reports.seal.key import ensure_key, public_path
from reports.seal.verify import verify_seal
from tests.scenes.set_apart import close_month

BOOK = ("--book", "420100-310")


@pytest.fixture
def run(database, monkeypatch):
    app = typer.Typer()
    app.add_typer(seal_app, name="seal")
    monkeypatch.setenv("DATABASE_URL", database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_HOME", str(database.settings.home))
    monkeypatch.setenv("FUNDLEDGER_TODAY", "2026-12-05")
    monkeypatch.setattr(acting.ACTING, "user", "acc")
    get_settings.cache_clear()

    def invoke(*words, fails=False):
        done = CliRunner().invoke(app, ["seal", *map(str, words)], catch_exceptions=False)
        acting.close_apps()
        assert done.exit_code == int(fails), done.output
        return json.loads(done.stdout.splitlines()[-1])

    yield invoke
    get_settings.cache_clear()


def close(desk, *periods):
    for period in periods:
        close_month(desk.admin_url, *desk.book, period)


@pytest.fixture
def sealed(busy_desk, run, tmp_path):
    """September and October closed, October sealed: (file, what export said)."""
    close(busy_desk, 202609, 202610)
    out = tmp_path / "october.seal"
    return out, run("export", *BOOK, "--period", "202610", "--out", out, "--json")


def rows(path):
    return [json.loads(raw) for raw in path.read_bytes().splitlines()]


def rewrite(path, changed, home=None):
    """The file with other rows; with `home`, its digests and signature made anew by that home's key."""
    if home is not None:
        key, _ = ensure_key(home)
        told = {name: digests.Twice() for name in ("head", *digests.SECTIONS)}
        for row in changed:
            name = "head" if row["t"] == "seal" else row["t"]
            if name in told:
                told[name].update(digests.line(row))
        changed[-2] |= {"sections": {name: one.told() for name, one in told.items()}, "key_id": key.id}
        changed[-1] |= key.signature(digests.line(changed[-2]))
    path.write_bytes(b"".join(map(digests.line, changed)))


def test_a_seal_holds_the_period_and_proves_itself(busy_desk, sealed, run):
    path, told = sealed
    found = run("verify", path, "--json")
    assert (found["valid"], found["seal"], found["key_checked"]) == (True, "clean", True)
    with busy_desk.tx() as tx:
        count, lines = tx.row(
            "SELECT count(*), sum(cardinality(accounts)) FROM books.entry WHERE region = 420100 AND fund = 310 AND period = 202610"
        )
        balances = tx.rows(
            "SELECT account, dim, debit, credit FROM books.balance WHERE region = 420100 AND fund = 310 AND period = 202610"
        )
    assert (found["entries"], told["entries"], told["lines"]) == (count, count, lines)
    all_rows = rows(path)
    moved = {
        (row["account"], row["dim"]): (row["debit_fen"], row["credit_fen"])
        for row in all_rows
        if row["t"] == "balance"
    }
    for account, dim, debits, credited in balances:
        assert moved[account, dim] == (debits, credited)
    assert any(row["t"] == "balance" and row["opening_fen"] for row in all_rows)
    assert {row["period"] for row in all_rows if row["t"] == "block"} == {202609, 202610, 202611}


def test_it_needs_no_database_and_says_when_no_key_was_kept(sealed, run, tmp_path, monkeypatch):
    path, told = sealed
    kept = tmp_path / "kept.key"
    kept.write_text(public_path(get_settings().home).read_text())
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    monkeypatch.setenv("FUNDLEDGER_HOME", str(tmp_path / "elsewhere"))
    get_settings.cache_clear()
    found = run("verify", path, "--json")
    assert (found["valid"], found["key_checked"], found["key_id"]) == (True, False, told["key_id"])
    assert run("verify", path, "--key", kept, "--json")["key_checked"] is True
    assert not (tmp_path / "elsewhere").exists()


def test_every_flipped_byte_is_found(sealed, run):
    path, _ = sealed
    whole = path.read_bytes()
    dice = random.Random(7)  # noqa: S311 -- places to flip
    lines = whole.splitlines(keepends=True)
    starts = [sum(map(len, lines[:n])) for n in range(len(lines))]
    places = {0, len(whole) - 1, *starts, *(dice.randrange(len(whole)) for _ in range(150))}
    places |= {starts[-2] + n for n in range(0, len(lines[-2]), 40)} | {
        starts[-1] + n for n in range(1, len(lines[-1]), 2)
    }
    kept = {public_path(get_settings().home).read_text().strip()}
    for place in sorted(places):
        damaged = bytearray(whole)
        damaged[place] ^= 0x20 if place > starts[-1] else 1 << dice.randrange(8)
        path.write_bytes(damaged)
        assert verify_seal(path, kept).findings, place
    for cut in (0, 1, starts[3], starts[-1], len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert verify_seal(path, kept).findings, cut
    path.write_bytes(whole + b"\n")
    assert verify_seal(path, kept).findings
    path.write_bytes(whole)
    assert verify_seal(path, kept).clean


def test_sm2_seals_as_well_and_every_flipped_byte_of_its_signature_is_found(
    sealed, run, tmp_path, monkeypatch
):
    out = tmp_path / "sm2.seal"
    monkeypatch.setenv("FUNDLEDGER_SEAL_ALGORITHM", "sm2")
    get_settings.cache_clear()
    told = run("export", *BOOK, "--period", "202610", "--out", out, "--json")
    key = run("key", "--json")
    assert (told["algorithm"], key["algorithm"], told["key_id"]) == ("SM2", "SM2", key["key_id"])
    assert run("key", "--algorithm", "ed25519", "--json")["algorithm"] == "Ed25519"
    found = run("verify", out, "--json")
    assert (found["valid"], found["key_checked"], found["key_id"]) == (True, True, key["key_id"])
    assert run("verify", sealed[0], "--json")["key_checked"] is True
    whole = out.read_bytes()
    for place in range(whole.rindex(b"\n", 0, -1) + 1, len(whole), 9):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        out.write_bytes(damaged)
        assert verify_seal(out, {key["public_key"]}).findings, place
    rewrite(out, rows(sealed[0]), tmp_path / "forger")
    assert verify_seal(out, {key["public_key"]}).findings == [
        ("签名", "不是以留存的公钥所签：文件是另一把密钥重做的")
    ]
    with pytest.raises(InvalidInput) as refused:
        run("export", *BOOK, "--period", "202610", "--out", out, "--algorithm", "rsa")
    assert refused.value.code == "seal.algorithm"


def altered(path, name):
    """Rows with one thing changed, and what must be named."""
    all_rows = rows(path)
    entries = [n for n, row in enumerate(all_rows) if row["t"] == "entry"]
    row = all_rows[entries[2]]
    where = f"链上第{row['seq']}号"
    if name == "amount":
        row["amounts"][0] += 1
    elif name == "summary":
        row["summary"] += "。"
    elif name == "signer":
        row["reviewed_by"] = "wang"
    elif name == "gone":
        del all_rows[entries[2]]
    elif name == "twice":
        all_rows.insert(entries[2], dict(row))
    elif name == "dimension":
        dim = next(one for one in all_rows if one["t"] == "dim")
        dim["counterparty"] = "H99999999999"
        where = "区块"
    elif name == "opening":
        balance = next(one for one in all_rows if one["t"] == "balance" and one["opening_fen"])
        balance["opening_fen"] += 1
        balance["closing_fen"] += 1
        where = "账"
    elif name == "balance":
        balance = next(one for one in all_rows if one["t"] == "balance" and one["debit_fen"])
        balance["debit_fen"] += 1
        where = f"科目{balance['account']}"
    elif name == "block":
        block = next(one for one in all_rows if one["t"] == "block")
        block["actor"] = "other"
        where = f"区块{block['block']}"
    return all_rows, where


@pytest.mark.parametrize(
    "name", ["amount", "summary", "signer", "gone", "twice", "dimension", "opening", "balance", "block"]
)
def test_what_was_changed_is_named_even_if_signed_anew(sealed, run, name):
    path, _ = sealed
    changed, where = altered(path, name)
    rewrite(path, changed, get_settings().home)
    found = run("verify", path, "--json", fails=True)["findings"]
    assert any(where in one["where"] for one in found), found
    assert not any(one["where"] == "签名" for one in found)


@pytest.mark.fault(45)
def test_another_key_is_no_seal_of_ours(sealed, run, tmp_path):
    path, _ = sealed
    rewrite(path, rows(path), tmp_path / "forger")
    found = run("verify", path, "--json", fails=True)["findings"]
    assert [one["where"] for one in found] == ["签名"]
    assert "另一把密钥" in found[0]["message"]


def test_a_rewrite_of_the_books_is_found_by_an_old_seal(busy_desk, sealed, run, database):
    path, _ = sealed
    assert run("compare", path, "--json")["valid"] is True
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE books.block SET hash = sha256(hash) WHERE block >= 4")
        admin.commit()
    found = run("compare", path, "--json", fails=True)["findings"]
    assert {"区块4", "区块5"} <= {one["where"] for one in found}
    assert run("verify", path, "--json")["valid"] is True


def test_an_empty_period_can_be_sealed(desk, run, tmp_path):
    close(desk, 202609)
    out = tmp_path / "o.seal"
    assert run("export", *BOOK, "--period", "202609", "--out", out, "--json")["entries"] == 0
    assert run("verify", out, "--json")["valid"] is True


def test_only_what_is_over_and_closed_is_sealed(busy_desk, run, tmp_path, monkeypatch):
    out = tmp_path / "o.seal"
    command = ("export", *BOOK, "--out", out, "--json", "--period")
    with pytest.raises(Conflict) as refused:
        run(*command, "202610")
    assert refused.value.code == "seal.not_closed"
    with pytest.raises(NotFound):
        run(*command, "202601")
    with pytest.raises(InvalidInput) as unreadable:
        run("verify", tmp_path / "none")
    assert unreadable.value.code == "seal.file"
    close(busy_desk, 202609)
    with pytest.raises(InvalidInput) as unwritable:
        run("export", *BOOK, "--period", "202609", "--out", tmp_path / "no" / "o.seal")
    assert unwritable.value.code == "export.file"
    monkeypatch.setenv("FUNDLEDGER_TODAY", "2026-09-30")
    get_settings.cache_clear()
    with pytest.raises(Conflict) as early:
        run(*command, "202609")
    assert early.value.code == "seal.not_over"
    assert not out.exists()


def test_the_key_is_made_once_and_is_private(run, database):
    first = run("key", "--json")
    again = run("key", "--json")
    assert (first["made"], again["made"]) == (True, False)
    assert first["public_key"] == again["public_key"]
    path = database.settings.home / "secrets" / "seal-ed25519.key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("x")
    with pytest.raises(InvalidInput) as refused:
        run("key", "--json")
    assert refused.value.code == "seal.key"


def test_several_lines_of_one_account_are_one_balance(desk, run, tmp_path):
    dims = Dimensions("H42010000001", "pool", 2026, 202609, "inpatient")
    paid = [debit(50010101, 500, dims), debit(50010101, -200, dims), credit(110105, 300, dims)]
    desk.post(date(2026, 9, 3), [desk.draft(paid)])
    close(desk, 202609)
    out = tmp_path / "o.seal"
    run("export", *BOOK, "--period", "202609", "--out", out, "--json")
    (row,) = (one for one in rows(out) if one["t"] == "balance" and one["account"] == 50010101)
    assert (row["debit_fen"], row["credit_fen"], row["closing_fen"]) == (300, 0, 300)
    assert isinstance(ensure_key(get_settings().home)[0], KeyPair)
