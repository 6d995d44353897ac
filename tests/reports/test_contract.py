"""The contract: every report by its name, in every format, over one home that paid, settled and reconciled a month."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.cli.books.report import app
from ledger.cli.line import acting
from ledger.core.dates import SHANGHAI
from ledger.payments.statements.matching import match
from ledger.payments.statements.sheet import make
from ledger.payments.statements.take import StatementFile, load
from ledger.settings import get_settings
from tests.scenes.month import bill, kept_hospitals, month
from tests.scenes.town import OWN, town

__all__ = ["bill", "kept_hospitals", "month", "town"]
BOOK, OCTOBER, AFTER = ("--book", "420100-310"), ("--period", "202610"), date(2026, 11, 2)
REGION = ("--region", "420100")
REPORTS = {
    "balance-sheet": (*BOOK, *OCTOBER),
    "income-statement": (*BOOK, "--year", "2026"),
    "trial-balance": (*BOOK, *OCTOBER, "--level", "2"),
    "general-ledger": (*BOOK, *OCTOBER),
    "sub-ledger": (*BOOK, *OCTOBER, "--account", "1004"),
    "journal": (*BOOK, "--from", "2026-10-01"),
    "bank-journal": (*BOOK, *OCTOBER),
    "columnar": (*BOOK, *OCTOBER, "--account", "1101"),
    "reconciliation": (*REGION, "--account", OWN, *OCTOBER),
    "control": (*REGION, "--month", "202610", "--seed", "s"),
    "find": ("--words", "日拨付"),
    "voucher": ("记-202610-2", *BOOK),
    "auxiliary": (*BOOK, *OCTOBER, "--by", "term"),
    "dealings": (*BOOK, *OCTOBER),
    "changed": (*BOOK, *OCTOBER, "--of", "trial-balance", "--since", "2026-10-01"),
}
KNOWN_AT = set(REPORTS) - {"reconciliation", "find", "voucher"}


@pytest.fixture
def home(town: Any, bill: Any) -> Any:
    town.begin("P1", fen=10**9)
    town.month.take(bill("a1"), bill("b1", institution="H42010000002", acct=700))
    orders = town.pay_daily(date(2026, 10, 13))
    paid = [PrintedLine(f"BK{n:08d}", Direction.DEBIT, order.amount_fen, date(2026, 10, 13), 0) for n, order in enumerate(orders, 1)]  # fmt: skip
    balance, lines = 10**9, [PrintedLine("X1", Direction.CREDIT, 10**9, date(2026, 10, 12), 10**9)]
    for line in paid:
        balance -= line.amount_fen
        lines.append(PrintedLine(line.reference, line.direction, line.amount_fen, line.booked_on, balance))
    printed = PrintedStatement("ST1", 1, datetime(2026, 11, 1, 8, tzinfo=SHANGHAI), OWN, "支出户", date(2026, 10, 1), date(2026, 10, 31), 0, lines)  # fmt: skip
    content = write_camt053(printed)
    with town.tx("li") as tx:
        load(tx, OWN, StatementFile("s.xml", content), read_statements("s.xml", content, Stated(OWN)), AFTER)
    with town.tx("li") as tx:
        match(tx, OWN, AFTER)
    with town.tx("li") as tx:
        make(tx, OWN, 202610, AFTER)
    return town


def test_every_report_in_every_format(home: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    database = home.month.database
    monkeypatch.setenv("DATABASE_URL", database.admin_url)
    monkeypatch.setenv("FUNDLEDGER_HOME", str(database.settings.home))
    get_settings.cache_clear()

    def run(name: str, shape: str, *more: str, user: str = "zhou") -> Any:
        monkeypatch.setattr(acting.ACTING, "user", user)
        done = CliRunner().invoke(app, [name, *REPORTS[name], "--format", shape, *more])
        acting.close_apps()
        return done

    for name in REPORTS:
        shown = run(name, "json")
        assert shown.exit_code == 0, (name, shown.output)
        told = json.loads(shown.stdout)
        table = run(name, "csv")
        assert len(list(csv.reader(io.StringIO(table.stdout)))) > 2, name
        page = run(name, "html").stdout
        assert page.startswith("<!doctype html>"), name
        assert page.rstrip().endswith("</html>"), name
        for shape, begins in (("xlsx", b"PK"), ("pdf", b"%PDF")):
            out = tmp_path / f"{name}.{shape}"
            done = run(name, shape, "--out", str(out))
            assert done.exit_code == 0, (name, shape, done.output)
            assert out.read_bytes().startswith(begins)
            assert done.stdout == ""
            if shape == "xlsx":
                assert zipfile.ZipFile(out).testzip() is None
        if name in KNOWN_AT:
            early = run(name, "json", "--known-at", "2020-01-01")
            assert early.exit_code == 0, (name, early.output)
            assert json.loads(early.stdout) != told
            assert json.loads(run(name, "json", "--known-at", "2099-01-01").stdout) == told, name
        assert run(name, "pdf").exit_code != 0  # a file must be named
        stranger = run(name, "json", user="nobody")
        assert (stranger.exit_code, stranger.stdout) == (1, ""), name
    get_settings.cache_clear()
