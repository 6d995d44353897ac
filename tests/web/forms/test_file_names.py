"""A file's name holds nothing that cannot be seen or turns the direction, at whichever door it comes in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.books.attachments import attach
from ledger.books.templates.files import take_file
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput
from ledger.core.text import file_name
from ledger.fund.audit.appeal import attach_evidence
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.payments.incoming.by_hand import Brought, hand_in
from ledger.payments.statements.take import StatementFile, keep_file
from ledger.simulation.people import DEMO_REGION
from ledger.web.pages.given.catalogue import UPLOADS
from tests.scenes.town import OWN, Town
from tests.web.conftest import Browser, draft_with_paper

DAY = date(2026, 10, 13)
BAD = ("回单\u202efdp.exe", "a\u200bb.csv", "a\x07b.csv", "a\u2066b.csv", "\ufeff.csv")
BOOK = Book(DEMO_REGION, 310)


@pytest.mark.parametrize("name", [*BAD, "", " ", "a/b", "a\\b", "甲" * 121])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        file_name(name)
    assert refused.value.code == "file.characters"
    assert file_name("鄂财社〔2026〕9号（附件）.pdf") == "鄂财社〔2026〕9号（附件）.pdf"


def test_every_upload_of_the_pages_refuses_it(desk: Any, sat: Callable[[str], Browser]) -> None:
    posts = {"accountant": "li", "maker": "zhao", "intake": "jieru"}
    for what, one in UPLOADS.items():
        user = next((posts[role] for role in one.roles if role in posts), "")
        browser = sat("li" if user == "jieru" else user)
        fields = browser.form("/desk/me", "/desk/logout") | {
            field.name: field.choices[0][0] if field.choices else "x"
            for field in one.fields
            if field.required
        }
        for name in (*BAD[:2], BAD[3]):  # a browser writes a bell as %07
            answer = browser.send(
                f"/desk/uploads/{what}?book={BOOK}", fields | {"key": f"k{what}"}, (name, b"x")
            )
            assert answer.status_code == 422, (what, name)
            assert "代码 file.characters" in answer.text, (what, name)
            assert name not in answer.text, (what, name)


def test_an_attachment_at_the_page(desk: Any, sat: Callable[[str], Browser]) -> None:
    draft, li = draft_with_paper(desk), sat("li")
    path = f"/desk/drafts/{draft}?book={BOOK}"
    form = li.form(path, path.replace("?", "/attach?"))
    answer = li.send(path.replace("?", "/attach?"), form, (BAD[0], b"x"))
    assert (answer.status_code, "代码 file.characters" in answer.text) == (422, True)
    assert desk.month.asked("SELECT count(*) FROM books.attached_file")[0][0] == 1


def test_whoever_stores_one_refuses_it(desk: Any, tmp_path: Path) -> None:
    """The command line brings files of this machine: what keeps a name asks too."""
    format_ = Town(desk.month, desk.settings.home).bank.format
    draft = draft_with_paper(desk)
    file = tmp_path / BAD[0]
    file.write_text("{}\n")

    def acts(tx: Any) -> dict[str, Callable[[], object]]:
        given = StatementFile(BAD[0], b"x", None, None)  # type: ignore[arg-type]
        return {
            "attachment.name": lambda: attach(tx, BOOK, draft, BAD[0], b"x", DAY),
            "voucher_file.name": lambda: take_file(tx, BOOK, "tax", BAD[0], b"x", DAY),
            "file.characters": lambda: hand_in(tx, OWN, format_, Brought(BAD[0], b"x", "某", "文"), DAY),
            "file.characters ": lambda: keep_file(tx, OWN, given, "camt053", "taken", DAY),
            "file.characters  ": lambda: attach_evidence(tx, "F1", BAD[0], b"x", DAY),
            "file.characters   ": lambda: load_file(desk.month.engine, "jieru", file, IntakeRules()),
        }

    with desk.month.tx("li") as tx:
        for code, act in acts(tx).items():
            with pytest.raises(InvalidInput) as refused:
                act()
            assert refused.value.code == code.strip()
            assert "\u202e" not in refused.value.message
