"""An archive package of a lived month: everything is in it, in the bytes it came in, and one flipped byte is named."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pypdfium2
import pytest
import typer
from lxml import etree
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner

from ledger.cli.books.archive import app as archive_app
from ledger.cli.line.acting import ACTING, close_apps
from ledger.core.errors import Conflict, NotFound
from ledger.settings import get_settings
from reports.archive.verify import verify_archive
from reports.seal.key import public_path
from tests.control.conservation.conftest import Lived, living
from tests.scenes.passwords import told

Run = Callable[..., Any]
PERIOD = 202601
BOOK = ("--book", "420100-310", "--period", str(PERIOD))


@pytest.fixture(scope="module")
def lived(
    cluster: Any, lived_template: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lived]:
    """One home for all packages of this module."""
    yield from living(cluster, lived_template, tmp_path_factory.mktemp("home"))


@pytest.fixture
def run(lived: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    yield from running(lived, monkeypatch)


@pytest.fixture(scope="module")
def package(lived: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One package, as a folder, that no test changes."""
    out = tmp_path_factory.mktemp("archive") / "档案"
    with pytest.MonkeyPatch.context() as patched:
        for run in running(lived, patched):
            run("export", *BOOK, "--out", out)
    return out


def running(lived: Any, patched: pytest.MonkeyPatch) -> Iterator[Run]:
    """The command line at the lived home, its first month closed."""
    patched.setenv("FUNDLEDGER_HOME", str(lived.home))
    patched.setenv("DATABASE_URL", lived.settings.database_url)
    for name, word in told(lived.settings).items():
        patched.setenv(name, word)
    patched.setenv("FUNDLEDGER_TODAY", "2026-06-30")
    get_settings.cache_clear()
    app = typer.Typer()
    app.add_typer(archive_app, name="archive")

    def invoke(*words: Any, fails: bool = False) -> Any:
        ACTING.user = "zhou"
        try:
            done = CliRunner().invoke(app, ["archive", *map(str, words), "--json"], catch_exceptions=False)
        finally:
            ACTING.user = ""
            close_apps()
        assert done.exit_code == int(fails), done.output[:800]
        return json.loads(done.stdout.splitlines()[-1])

    with psycopg.connect(lived.settings.database_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE books.period SET state = 'closed' WHERE fund = 310 AND period <= %s", [PERIOD])
        admin.commit()
    yield invoke
    get_settings.cache_clear()


def test_a_package_holds_everything_and_proves_itself(lived: Any, run: Run, package: Path) -> None:
    out = package
    assert not list(out.parent.glob("*.part*"))
    found = run("verify", out)
    assert (found["valid"], found["key_checked"], found["findings"]) == (True, True, [])
    assert (
        found["files"] == len([path for path in out.rglob("*") if path.is_file()]) - 2
    )  # the index and its signature

    # vouchers: every number is printed, with who signed
    with pypdfium2.PdfDocument(out / "凭证/记账凭证.pdf") as printed:
        pages = [page.get_textpage().get_text_bounded() for page in printed]
    whole = re.sub(r"\s", "", "".join(pages))
    numbers = lived.rows(f"SELECT series, vno FROM books.entry WHERE fund = 310 AND period = {PERIOD}")
    assert numbers
    for series, vno in numbers:
        assert f"凭证号{series}-{PERIOD}-{vno}" in whole
    assert all("记账凭证" in page for page in pages)

    # bank files: the very bytes
    kept = {bytes(row[0]) for row in lived.rows("SELECT sha256 FROM payments.inbound_file")}
    receipts = [path for path in (out / "银行来文").rglob("*") if path.is_file()]
    assert receipts
    assert all(sha256(path.read_bytes()).digest() in kept for path in receipts)
    wanted = lived.rows(
        "SELECT DISTINCT v.file_sha256 FROM payments.evidence v JOIN payments.book_account k USING (region, account)"
        f" WHERE k.fund = 310 AND to_char(v.booking_date, 'YYYYMM') = '{PERIOD}'"
    )
    got = {sha256(path.read_bytes()).digest() for path in receipts}
    assert wanted
    assert {bytes(row[0]) for row in wanted} <= got
    sent = lived.rows("SELECT sha256 FROM payments.bank_file")
    ours = [path for path in (out / "拨付文件").rglob("*") if path.is_file()]
    assert {sha256(path.read_bytes()).digest() for path in ours} <= {bytes(row[0]) for row in sent}

    # the index: XML and CSV say the same, with retention
    root = etree.parse(out / "index.xml").getroot()
    kinds = {one.get("path"): (one.get("kind"), one.get("retention"), one.get("sha256")) for one in root}
    assert kinds["凭证/记账凭证.pdf"][:2] == ("voucher", "30")
    assert kinds["报表/科目余额表.pdf"][:2] == ("report", "10")
    assert {kind for kind, _, _ in kinds.values()} == {"voucher", "book", "report", "statement", "other"}
    assert {name for name in kinds if name.startswith("报表/")} == {
        f"报表/{stem}.{shape}"
        for stem in ("科目余额表", "资产负债表", "收支表", "附注")
        for shape in ("pdf", "xlsx")
    }
    assert {"账簿/总账.pdf", "账簿/序时账.xlsx", "账簿/日记账-1004.pdf"} <= kinds.keys()
    assert all(kept == "10" for kind, kept, _ in kinds.values() if kind == "statement")
    rows = list(csv.DictReader(io.StringIO((out / "index.csv").read_bytes().decode("utf-8-sig"))))
    assert {row["文件"]: row["SHA-256"] for row in rows} == {
        path: digest for path, (_, _, digest) in kinds.items() if path != "index.csv"
    }
    files = {
        path.relative_to(out).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in out.rglob("*")
        if path.is_file() and path.name not in ("index.xml", "index.sig")
    }
    assert files == {path: digest for path, (_, _, digest) in kinds.items()}


def test_statements_and_the_adjusted_balances_of_the_month_are_in_it(lived: Any, package: Path) -> None:
    out = package
    wanted = lived.rows(
        "SELECT DISTINCT f.sha256 FROM payments.statement_file f JOIN payments.bank_statement s ON s.region = f.region"
        " AND s.account = f.account AND s.file_sha256 = f.sha256 JOIN payments.book_account k ON k.region = f.region"
        f" AND k.account = f.account WHERE k.fund = 310 AND to_char(s.first_day, 'YYYYMM') <= '{PERIOD}'"
        f" AND to_char(s.last_day, 'YYYYMM') >= '{PERIOD}'"
    )
    got = [path for path in (out / "银行对账单").rglob("*") if path.is_file()]
    assert wanted
    assert {sha256(path.read_bytes()).digest() for path in got} == {bytes(row[0]) for row in wanted}
    sheets = lived.rows(
        "SELECT DISTINCT r.account FROM payments.reconciliation r JOIN payments.book_account k USING (region, account)"
        f" WHERE k.fund = 310 AND r.period = {PERIOD}"
    )
    assert sheets
    assert {path.stem for path in (out / "余额调节表").iterdir()} == {
        f"余额调节表-{row[0]}" for row in sheets
    }


def test_the_journal_in_it_adds_up_to_the_books(lived: Any, package: Path) -> None:
    out = package
    rows = CalamineWorkbook.from_path(out / "账簿/序时账.xlsx").get_sheet_by_index(0).to_python()
    (head,) = (n for n, row in enumerate(rows) if "借方" in map(str, row))
    debit, credit = (list(map(str, rows[head])).index(name) for name in ("借方", "贷方"))
    lines = [row for row in rows[head + 1 :] if re.match(r"^[记备]-", str(row[1]))]
    totals = [row for row in rows[head + 1 :] if str(row[2]).endswith("合计")]
    booked = lived.rows(
        "SELECT sum(amount_fen) FILTER (WHERE side = 1), sum(amount_fen) FILTER (WHERE side = -1), count(*)"
        f" FROM books.leg WHERE fund = 310 AND period = {PERIOD}"
    )[0]

    def fen(rows: Any, column: int) -> int:
        return sum(round(float(row[column] or 0) * 100) for row in rows)

    assert (fen(lines, debit), fen(lines, credit), len(lines)) == tuple(booked)
    assert (fen(totals, debit), fen(totals, credit)) == tuple(booked[:2])


def test_made_again_a_month_of_posts_later_it_is_the_same_bytes(
    run: Run, package: Path, tmp_path: Path
) -> None:
    told = run("export", *BOOK, "--out", tmp_path / "again")
    assert contents(tmp_path / "again") == contents(package)
    assert {one["path"] for one in told["files"]} <= contents(package).keys()


@pytest.mark.slow  # four packages
@pytest.mark.parametrize("algorithm", ["ed25519", "sm2"])
def test_a_zip_made_again_is_the_same_bytes(run: Run, tmp_path: Path, algorithm: str) -> None:
    once, again = tmp_path / "1.zip", tmp_path / "2.zip"
    run("export", *BOOK, "--out", once, "--algorithm", algorithm)
    run("export", *BOOK, "--out", again, "--algorithm", algorithm)
    assert once.read_bytes() == again.read_bytes()
    assert run("verify", once)["valid"]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def flip(path: Path, place: int, bit: int = 0x20) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ bit]))


@pytest.mark.parametrize("most", [1, pytest.param(10**6, marks=pytest.mark.slow)])
def test_one_flipped_byte_is_named(run: Run, package: Path, tmp_path: Path, most: int) -> None:
    """In the index, its signature and in `most` files of each folder and shape; the long group flips one in every file."""
    out = Path(shutil.copytree(package, tmp_path / "档案"))
    kept = {public_path(get_settings().home).read_text().strip()}
    dice = random.Random(3)  # noqa: S311 -- places to flip
    files = sorted(path for path in out.rglob("*") if path.is_file())
    alike = Counter[tuple[Path, str]]()
    for path in files:
        alike[path.parent, path.suffix] += 1
        if path.parent != out and alike[path.parent, path.suffix] > most:
            continue
        whole = path.read_bytes()
        flip(path, dice.randrange(len(whole)))
        named = {where.partition(" ")[0] for where, _ in verify_archive(out, kept).findings}
        expected = path.relative_to(out).as_posix()
        also = (
            {"index.sig"} if expected == "index.xml" else {"index.xml"} if expected == "index.csv" else set()
        )
        # what a broken index says of others is not theirs
        assert expected == "index.xml" or named - also <= {expected}
        assert named & {expected, "index.sig"}
        path.write_bytes(whole)
    assert verify_archive(out, kept).clean

    (out / "凭证/多出.pdf").write_bytes(b"x")
    assert [one["where"] for one in run("verify", out, fails=True)["findings"]] == ["凭证/多出.pdf"]
    (out / "凭证/多出.pdf").unlink()
    (out / "凭证/记账凭证.pdf").rename(tmp_path / "gone")
    assert [one["where"] for one in run("verify", out, fails=True)["findings"]] == ["凭证/记账凭证.pdf"]
    (tmp_path / "gone").rename(out / "凭证/记账凭证.pdf")
    for name in ("index.xml", "index.sig"):
        shutil.move(out / name, tmp_path / name)
        assert run("verify", out, fails=True)["findings"][0]["where"] == name
        shutil.move(tmp_path / name, out / name)
    assert run("verify", out)["valid"]


@pytest.mark.slow  # a package of its own
def test_the_zip_has_no_byte_that_is_not_checked(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "o.zip"
    run("export", *BOOK, "--out", out)
    assert run("verify", out)["valid"]
    assert zipfile.ZipFile(out).testzip() is None
    whole = out.read_bytes()
    dice = random.Random(5)  # noqa: S311 -- places to flip
    places = [0, 4, 10, 20, len(whole) - 1, len(whole) - 10, len(whole) - 60, len(whole) - 200]
    for place in (*places, *(dice.randrange(len(whole)) for _ in range(12))):
        flip(out, place)
        assert run("verify", out, fails=True)["findings"], place
        flip(out, place)
    out.write_bytes(whole + b"x")
    assert run("verify", out, fails=True)["findings"]
    out.write_bytes(whole[: len(whole) // 2])
    assert run("verify", out, fails=True)["findings"]


def test_what_is_refused_leaves_nothing(lived: Any, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "o"
    out.mkdir()
    with pytest.raises(Conflict) as there:
        run("export", *BOOK, "--out", out)
    assert there.value.code == "archive.exists"
    out.rmdir()
    with psycopg.connect(lived.settings.database_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE books.period SET state = 'open' WHERE fund = 310 AND period = %s", [PERIOD])
        admin.commit()
    with pytest.raises(Conflict) as opened:
        run("export", *BOOK, "--out", out)
    assert opened.value.code == "seal.not_closed"
    with pytest.raises(NotFound):
        run("export", "--book", "420100-310", "--period", "209901", "--out", out)
    assert {path.name for path in tmp_path.iterdir()} <= {
        "anchors",
        "seal",
        "secrets",
        "timelines.json",
        "timelines.json.lock",
    }
