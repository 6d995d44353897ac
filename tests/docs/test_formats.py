"""Every documented file is taken by the command that reads it, in one home, from founding to clearing."""

from __future__ import annotations

import io
import os
import re
import zipfile
from typing import Any

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from ledger.cli.commands import WORDS, load
from ledger.cli.installation.setup import read_founding
from ledger.cli.remote import _is_file, acts
from ledger.fund.institutions.master import read_institutions
from tests.docs.rooms import ROOT
from tests.scenes.line import Ended, typed

PAGE = ROOT / "docs/formats.md"
FILES = ROOT / "docs/formats"
R = ("--region", "420100")


@pytest.fixture
def on(world: Any) -> Any:
    """`fundledger WORD… --json` of a user on a founded region; the day is November's, the records are October's."""

    def run(user: str, *words: str) -> dict[str, Any]:
        env = {**os.environ, **world.env, "FUNDLEDGER_TODAY": "2026-11-05"}
        ended: Ended = typed("--as", user, *words, "--json", env=env)
        assert ended.code == 0, ended.err or ended.out
        return ended.last

    return run


def test_every_file_is_taken(on: Any, world: Any) -> None:
    def file(name: str) -> str:
        return str(FILES / name)

    assert on("zhao", "institution", "load", file("institutions.jsonl"), *R)["new"] == 5
    waiting = on("qian", "institution", "list", "--open", *R)
    done = on("qian", "institution", "confirm", *R, "--digest", waiting["digest"])
    assert done["confirmed"]["payee"] == 5
    assert on("zhao", "calendar", "import", file("holidays-2027.csv"), *R)["off"] == 5
    taken = on("jieru", "intake", "load", file("settlements.jsonl"))
    assert (taken["accepted"], taken["quarantined"]) == (3, 0), taken
    book = ("--book", "420100-390", "--on", "2026-10-31")
    assert on("li", "cutover", "check", file("cutover.zip"), *book)["differences"] == []
    digest = on("li", "cutover", "propose", file("cutover.zip"), *book)["digest"]
    assert on("qian", "cutover", "confirm", file("cutover.zip"), *book)["digest"] == digest
    assert on("zhao", "daily", "run", *R, "--date", "2026-11-05")["entries"] > 0
    where = ("--institution", "H42010000101")
    scope = (*where, "--fund", "310", "--term", "202610", "--clr-type", "21")
    said = on("zhao", "reconcile", "totals", file("totals-3201.json"), *R, *where, "--date", "2026-11-05")
    assert said["stmt_rslt_dscr"] == "平", said
    told = on("zhao", "reconcile", "details", file("details-3202.zip"), *R, *scope, "--date", "2026-11-05")
    assert (told["matched"], told["state"]) == (3, "agreed"), told
    assert on("zhao", "declare", "lists", file("lists.tsv"), *R)["new"] == 2
    found = on("zhao", "audit", "load", file("findings.jsonl"), *R, "--date", "2026-11-05")
    assert (found["new"], found["held"]) == (2, 0)
    assert on("zhao", "audit", "trace", file("trace-codes.tsv"), *R, "--date", "2026-11-05")["new"] == 2
    year = ("--fund", "310", "--year", "2026")
    plan = on("zhao", "clear", "budget", *R, *year, "--file", file("clearing-plan.json"))
    assert plan["budgets"] == [{"class": "3", "amount_fen": "900000", "reserve_fen": "0"}]
    assert (
        on("zhao", "clear", "rates", *R, *year, "--file", file("clearing-rates.json"))["rate"] == "5000.0000"
    )
    brought = ("--brought-by", "某银行张三", "--document", "某银行函〔2026〕1号", "--date", "2026-11-05")
    for name in ("bank-notification.xml", "bank-status.xml"):
        handed = on(
            "li",
            "payments",
            "handed",
            "in",
            *R,
            "--account",
            "4200000000001004",
            "--file",
            file(name),
            *brought,
        )
        assert handed["file"]["state"] == "requested", handed

    bulk = on(
        "li",
        "book",
        "voucher",
        "import",
        "--file",
        file("voucher-file.csv"),
        "--kind",
        "tax",
        "--book",
        "420100-310",
    )
    assert (bulk["good"], bulk["bad"], bulk["amount_fen"]) == (3, 0, "135850")

    chosen = ("--book", "420100-310", "--from", "2026-11-05")
    form = on(
        "li", "book", "voucher", "templates", "propose", "--file", file("voucher-template.toml"), *chosen
    )
    assert (form["template"], form["state"], len(form["lines"])) == ("WH01@1", "proposed", 3)

    statement = ("--region", "420100", "--account", "4200000000001004", "--date", "2026-11-05")
    profile = ("--profile", file("bank-statement-profile.toml"))
    read = on("li", "bank-statement", "load", "--file", file("bank-statement.csv"), *profile, *statement)
    assert [(one["from"], one["closing_fen"]) for one in read["statements"]] == [("2026-11-02", "13550000")]
    paper = ("--from", "2026-11-04", "--to", "2026-11-04", "--opening", "135500", "--closing", "135500.77")
    entered = on(
        "li", "bank-statement", "enter", "--file", file("bank-statement-by-hand.csv"), *paper, *statement
    )
    assert entered["file"]["state"] == "proposed"
    joined = on("qian", "bank-statement", "confirm", entered["file"]["digest"], *statement)
    assert [one["closing_fen"] for one in joined["statements"]] == ["13550077"]
    told = on("li", "reconciliation", "match", *statement)
    # the opening of the taken-over book is reconciled: the first statement began with what the set says
    assert (told["open_statement_lines"], told["open_journal_lines"]) == (3, 0)
    assert on("li", "reconciliation", "propose", *statement[:4])["proposals"] == []
    assert len(on("zhou", "reconciliation", "list", *statement[:4])["open"]) == 3
    assert len(on("zhou", "bank-statement", "list", *statement[:2])["statements"]) == 4


def test_every_kind_of_institution_is_shown() -> None:
    found = list(read_institutions(FILES / "institutions.jsonl"))
    assert {one.type for one in found} == {"1", "2", "3"}
    assert {one.cycle for one in found if one.mode == "daily"} == {"daily", "second_day", "weekly"}
    assert {one.mode for one in found} == {"daily", "monthly"}


def test_the_founding_file_is_the_one_of_the_manual() -> None:
    assert read_founding(FILES / "region.json").region == 420100
    manual = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert (FILES / "region.json").read_text(encoding="utf-8") in manual


def test_the_details_are_those_shown() -> None:
    with zipfile.ZipFile(io.BytesIO((FILES / "details-3202.zip").read_bytes())) as archive:
        (name,) = archive.namelist()
        text = archive.read(name).decode()
    assert f"```text\n{text}```" in PAGE.read_text(encoding="utf-8")


def test_the_banks_files_are_read_as_what_they_are() -> None:
    bank = Iso20022Format(frozenset({"4200000000001004"}))
    notified = bank.decode("a.xml", (FILES / "bank-notification.xml").read_bytes())
    status = bank.decode("b.xml", (FILES / "bank-status.xml").read_bytes())
    assert [one.amount_fen for one in notified.evidence] == [77_777]
    assert [one.order_no for one in status.statuses] == ["", "FL420100-310-20261014-00001"]


def test_every_file_is_named_and_every_command_that_reads_one() -> None:
    page = PAGE.read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(formats/([\w.-]+)\)", page))
    assert linked == {path.name for path in FILES.iterdir()}
    commands = set(re.findall(r"^\|[^|]*\| `([a-z]+(?:[ -][a-z]+)*)", page, re.MULTILINE))
    reading = {name for name, command in _all() if _reads_a_file(command)}
    assert reading - commands == set(OTHER), "a command that reads a file no page describes"


OTHER = {
    "audit attach": "evidence of any kind, kept as it is",
    "book voucher attach": "a paper of any kind, kept as it is",
    "clear confirm": "the signed letter of any kind, kept as it is",
    "evidence verify": "made by `evidence export`",
    "key agent": "a key of `key new`",
    "key new": "made by it",
    "key sign": "a statement that was refused for want of a signature, or what is shown to be signed",
    "key sign-list": "made by `key export`",
}


def _all() -> list[tuple[str, Any]]:
    return [*acts().items(), *_others()]


def _others() -> list[tuple[str, Any]]:
    found = []
    for word in WORDS:
        command = load(word)
        for name in getattr(command, "commands", {}) or [""]:
            leaf = command.commands[name] if name else command
            found.append((f"{word.name} {name}".strip(), leaf))
    return found


def _reads_a_file(command: Any) -> bool:
    return any(_is_file(p) and p.name in ("file", "files", "document") for p in command.params)
