"""`cutover` as typed: template, check, propose, refuse, show, report, confirm; words, codes, exit codes."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from ledger.fund.cutover.files import EXAMPLES, FILES
from tests.docs.rooms import ROOT
from tests.scenes.line import Ended, typed

BOOK = ("--book", "420100-390")
ON = ("--on", "2026-10-31")
ZIP = str(ROOT / "docs/formats/cutover.zip")


@pytest.fixture
def at(world: Any) -> Callable[..., Ended]:
    """The founded region with its institutions, on a day of November."""

    def run(user: str, *words: str) -> Ended:
        return typed("--as", user, *words, env={**os.environ, **world.env, "FUNDLEDGER_TODAY": "2026-11-05"})

    return run


@pytest.fixture
def ready(at: Callable[..., Ended]) -> Callable[..., Ended]:
    file = str(ROOT / "docs/formats/institutions.jsonl")
    assert at("zhao", "institution", "load", file, "--region", "420100", "--json").last["new"] == 5
    return at


def test_the_template_in_both_shapes(at: Callable[..., Ended], tmp_path: Path) -> None:
    folder, book = tmp_path / "csv", tmp_path / "set.xlsx"
    made = at("li", "cutover", "template", "--out", str(folder), "--json")
    assert (made.code, sorted(made.last["files"])) == (0, sorted(f"{name}.csv" for name in FILES))
    with (folder / "orders.csv").open(encoding="utf-8-sig", newline="") as content:
        assert list(csv.reader(content)) == [list(FILES["orders"]), list(EXAMPLES["orders"])]
    made = at("li", "cutover", "template", "--out", str(book), "--format", "xlsx", "--json")
    assert (made.code, made.last["files"]) == (0, ["set.xlsx"])
    assert list(CalamineWorkbook.from_path(str(book)).sheet_names) == list(FILES)
    for out, shape in ((folder, "csv"), (book, "xlsx")):
        again = at("li", "cutover", "template", "--out", str(out), "--format", shape, "--json")
        assert (again.code, "cutover.exists" in again.err + again.out) == (1, True)


def test_from_proposal_to_refusal_and_confirmation(ready: Callable[..., Ended]) -> None:
    asked = ready("li", "cutover", "check", ZIP, *BOOK, *ON, "--json")
    assert (asked.code, asked.last["differences"], asked.last["orders"], asked.last["bank"]) == (0, [], 1, 3)
    none = ready("zhou", "cutover", "report", *BOOK, "--json")
    assert "cutover.no_proposal" in none.err + none.out
    digest = ready("li", "cutover", "propose", ZIP, *BOOK, *ON, "--json").last["digest"]
    again = ready("li", "cutover", "propose", ZIP, *BOOK, *ON, "--json")
    assert (again.code, again.last["again"], again.last["digest"]) == (0, True, digest)
    alone = ready("li", "cutover", "confirm", ZIP, *BOOK, *ON, "--json")
    assert (alone.code, "access.role_missing" in alone.err + alone.out) == (1, True)
    wordless = ready("qian", "cutover", "refuse", *BOOK, "--digest", digest, "--reason", " ", "--json")
    assert "cutover.reason" in wordless.err + wordless.out
    refused = ready(
        "qian", "cutover", "refuse", *BOOK, "--digest", digest, "--reason", "余额表未盖章", "--json"
    )
    assert (refused.code, refused.last["state"]) == (0, "refused")
    assert ready("li", "cutover", "propose", ZIP, *BOOK, *ON, "--json").code == 0
    other = ready("qian", "cutover", "confirm", *BOOK, "--on", "2026-09-30", "--digest", digest, "--json")
    assert (other.code, "cutover.other_day" in other.err + other.out) == (1, True)
    done = ready("qian", "cutover", "confirm", *BOOK, *ON, "--digest", digest, "--json")
    assert (done.code, done.last["vouchers"]) == (0, ["记-202610-1", "备-202610-1"])
    twice = ready("qian", "cutover", "confirm", *BOOK, *ON, "--digest", digest, "--json")
    assert (twice.code, "cutover.done" in twice.err + twice.out) == (1, True)
    shown = ready("zhou", "cutover", "show", *BOOK, "--json").last["cutovers"]
    assert [(one["state"], one["reason"]) for one in shown] == [
        ("confirmed", ""),
        ("refused", "余额表未盖章"),
    ]
    words = ready("zhou", "cutover", "show", *BOOK).out
    assert "第2版" in words
    assert "余额表未盖章" in words
    report = ready("zhou", "cutover", "report", *BOOK).out
    assert digest in report
    assert "在途拨付1单，1500.00元" in report
    assert "账户4200000000001003接转日对账单余额519400.00元，未达账项1笔，调节后520000.00元" in report


def test_a_set_off_by_a_fen_ends_with_one_and_says_where(ready: Callable[..., Ended], tmp_path: Path) -> None:
    wrong = tmp_path / "off.zip"
    with zipfile.ZipFile(ZIP) as good, zipfile.ZipFile(wrong, "w") as out:
        for name in good.namelist():
            out.writestr(name, good.read(name).replace(b"38000.00,,", b"38000.01,,"))
    asked = ready("li", "cutover", "check", str(wrong), *BOOK, *ON, "--json")
    assert asked.code == 1
    assert [(one["file"], one["line"], one["code"]) for one in asked.last["differences"]] == [
        ("bank", 4, "cutover.bank_differs")
    ]
    assert (
        "cutover.differs"
        in (ended := ready("li", "cutover", "propose", str(wrong), *BOOK, *ON, "--json")).err + ended.out
    )
    assert ready("zhou", "cutover", "show", *BOOK, "--json").last["cutovers"] == []
