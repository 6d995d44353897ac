"""GB/T 24589: what is written is valid by its schema and, read by other code, comes to the trial balance to the fen."""

from __future__ import annotations

import json
from collections import defaultdict
from xml.etree import ElementTree as ET

import pytest
import typer
from lxml import etree
from typer.testing import CliRunner

from ledger.cli.books.export import export as export_command
from ledger.cli.line import acting
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.settings import get_settings
from reports.gbt24589.write import export_gbt24589, schema
from reports.statements.span import span_of
from reports.trial_balance import trial_balance


def fen(text):
    whole, cents = text.removeprefix("-").split(".")
    assert len(cents) == 2
    return (-1 if text.startswith("-") else 1) * (int(whole) * 100 + int(cents))


def read(path):
    """By the standard library, not by what wrote it: kind to records."""
    found = defaultdict(list)
    for one in ET.parse(path).getroot():  # noqa: S314 -- our own file
        found[one.tag].append({part.tag: part.text or "" for part in one})
    return found


def signed(direction, text):
    assert direction == ("平" if fen(text) == 0 else direction)
    return -fen(text) if direction == "贷" else fen(text)


@pytest.fixture
def october(busy_desk, tmp_path):
    out = tmp_path / "接口"
    with busy_desk.tx() as tx:
        done = export_gbt24589(tx, busy_desk.book, span_of(202610, None), out)
        told = trial_balance(tx, busy_desk.book, 202610)
    return out, done, told


def test_balances_and_vouchers_come_to_the_trial_balance(busy_desk, october):
    out, done, told = october
    ledger = read(out / "总账.xml")
    expected = {
        (str(row.account), *(str(value) if value else "" for value in row.dims)): (
            row.opening_fen,
            row.debit_fen + row.carried_debit_fen,
            row.credit_fen + row.carried_credit_fen,
            row.closing_fen,
        )
        for row in told.rows
    }
    keys = ["科目编号", *(f"辅助项{n}编号" for n in range(1, 6))]
    got = {
        tuple(one[key] for key in keys): (
            signed(one["期初余额方向"], one["期初本币余额"]),
            fen(one["借方本币金额"]),
            fen(one["贷方本币金额"]),
            signed(one["期末余额方向"], one["期末本币余额"]),
        )
        for one in ledger["科目余额及发生额"]
    }
    assert got == expected
    assert all(opening + debit - credit == closing for opening, debit, credit, closing in got.values())

    moved = defaultdict(lambda: [0, 0])
    sides = defaultdict(lambda: [0, 0])
    for one in ledger["记账凭证"]:
        pair = fen(one["借方本币金额"]), fen(one["贷方本币金额"])
        for n, amount in enumerate(pair):
            moved[tuple(one[key] for key in keys)][n] += amount
            sides[one["记账凭证类型编号"], one["记账凭证编号"]][n] += amount
    assert {key: tuple(pair) for key, pair in moved.items()} == {
        key: row[1:3] for key, row in expected.items() if key in moved
    }
    assert all(row[1:3] == (0, 0) for key, row in expected.items() if key not in moved)
    assert all(debit == credit for debit, credit in sides.values())
    assert any(fen(one["借方本币金额"]) < 0 for one in ledger["记账凭证"])  # red letters on their own side
    with busy_desk.tx() as tx:
        count = tx.value("SELECT count(*) FROM books.entry WHERE fund = 310 AND period = 202610")
    assert len(sides) == count
    assert done[1].records["记账凭证"] == len(ledger["记账凭证"])


def test_every_code_used_stands_in_its_archive(october):
    out, _, _ = october
    ledger, common = read(out / "总账.xml"), read(out / "公共档案.xml")
    codes = {one["科目编号"] for one in ledger["会计科目"]}
    assert {one["科目编号"] for one in ledger["记账凭证"]} <= codes
    values = {(one["档案编码"], one["档案值编码"]) for one in common["自定义档案值"]}
    used = {
        (str(n), one[f"辅助项{n}编号"])
        for one in ledger["记账凭证"]
        for n in range(1, 6)
        if one[f"辅助项{n}编号"]
    }
    assert used
    assert used <= values
    assert [one["会计期间号"] for one in common["会计期间"]] == ["10"]
    assert common["会计期间"][0]["会计期间结束日期"] == "20261031"
    (book,) = common["电子账簿"]
    assert (book["电子账簿编号"], book["会计年度"], book["标准版本号"]) == (
        "420100-310",
        "2026",
        "GB/T 24589.1-2010",
    )
    forms = {one["报表编号"] for one in ledger["报表集"]}
    assert forms == {"会社保01", "会社保02"} == {one["报表编号"] for one in ledger["报表项数据"]}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("总账", "<科目编号>1004</科目编号>", "<科目编号>1099</科目编号>"),
        ("总账", "<记账标志>1</记账标志>", "<记账标志>2</记账标志>"),
        ("总账", "<币种编码>CNY</币种编码>", ""),
        ("公共档案", "<会计期间号>10</会计期间号>", "<会计期间号>13</会计期间号>"),
    ],
)
def test_the_schema_finds_what_is_wrong(october, name, old, new):
    out, _, _ = october
    checked = etree.XMLSchema(etree.parse(out / f"{name}.xsd"))
    text = (out / f"{name}.xml").read_text()
    assert checked.validate(etree.fromstring(text.encode()))
    assert old in text
    assert not checked.validate(etree.fromstring(text.replace(old, new, 1).encode()))
    assert (out / f"{name}.xsd").read_bytes() == schema(name).read_bytes()


def test_a_year_is_its_months_and_what_is_refused_leaves_nothing(busy_desk, tmp_path):
    out = tmp_path / "年"
    with busy_desk.tx() as tx:
        export_gbt24589(tx, busy_desk.book, span_of(None, 2026), out)
        once = {path.name: path.read_bytes() for path in out.iterdir()}
        with pytest.raises(Conflict) as there:
            export_gbt24589(tx, busy_desk.book, span_of(None, 2026), out)
        with pytest.raises(NotFound):
            export_gbt24589(tx, busy_desk.book, span_of(209901, None), tmp_path / "none")
        export_gbt24589(tx, busy_desk.book, span_of(None, 2026), tmp_path / "again")
    assert there.value.code == "export.exists"
    assert once == {path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()}
    months = {one["会计期间号"] for one in read(out / "总账.xml")["记账凭证"]}
    assert months == {"09", "10", "11"}
    assert {path.name for path in tmp_path.iterdir() if "part" in path.name} == set()


def test_the_command_writes_a_folder(busy_desk, database, tmp_path, monkeypatch):
    app = typer.Typer()
    app.command("export")(export_command)
    app.command("other")(export_command)
    monkeypatch.setenv("DATABASE_URL", database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_HOME", str(database.settings.home))
    monkeypatch.setattr(acting.ACTING, "user", "acc")
    get_settings.cache_clear()

    def run(*words):
        try:
            return CliRunner().invoke(app, ["export", "--book", "420100-310", *words], catch_exceptions=False)
        finally:
            acting.close_apps()

    out = tmp_path / "out"
    span = ("--format", "gbt24589", "--period", "202610")
    told = json.loads(run(*span, "--out", str(out), "--json").stdout)
    assert [one["name"] for one in told["files"]] == ["公共档案.xml", "总账.xml"]
    assert {path.name for path in out.iterdir()} == {"公共档案.xml", "公共档案.xsd", "总账.xml", "总账.xsd"}
    for words, code in (
        (span, "export.folder"),
        (("--format", "jsonl", "--year", "2026"), "export.span"),
        (("--format", "gbt24589", "--out", str(out)), "statement.span"),
    ):
        with pytest.raises(InvalidInput) as refused:
            run(*words)
        assert refused.value.code == code
    get_settings.cache_clear()
