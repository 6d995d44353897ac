"""What stands behind vouchers by hand, read over HTTP: papers, imported files, recurring vouchers, the list that waits."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import httpx
import pytest

from ledger.api.schemas import SCHEMAS
from ledger.books.attachments import attach
from ledger.books.manual import ManualContent, draft_voucher
from ledger.books.templates.file_rows import HEADINGS
from ledger.books.templates.files import take_file
from ledger.books.templates.fill import Filling
from ledger.books.templates.read import template
from ledger.books.templates.recurring import propose_recurrence
from ledger.core.entries import Book, Dimensions, credit, debit

BOOK, DAY = Book(420100, 310), date(2026, 10, 13)
SCAN = "扫描件".encode() + bytes(range(256))


@pytest.fixture
def get(client: httpx.Client, world: Any) -> Any:
    """GET below the book as a user; a good answer has what its schema says."""

    def call(path: str, schema: str, user: str = "reviewer", **query: object) -> Any:
        answer = client.get(f"/api/v1/books/{BOOK}/{path}", params=query, headers=world.auth(user))
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == set(SCHEMAS[schema]["properties"])
        return answer.json()

    return call


def row(key: str, **said: str) -> str:
    given = {"key": key, "date": "2026-10-12", "template": "A1", "document": key, **said}
    return ",".join(given.get(name, "") for name in HEADINGS)


def test_what_was_entered_is_read_over_http(get: Any, client: httpx.Client, world: Any) -> None:
    legs = (debit(1004, 1250, Dimensions("4200000000001004")), credit(41010101, 1250))
    content = "\r\n".join([",".join(HEADINGS), row("T1", pool="60.00"), row("T2", pool="1.005")]).encode()
    with world.tx("accountant") as tx:
        made = draft_voucher(tx, BOOK, ManualContent(DAY, "收到补贴", "通知书1号", legs), DAY)
        attach(tx, BOOK, made.voucher_id, "通知书.pdf", SCAN, DAY)
        file, _ = take_file(tx, BOOK, "tax", "税票.csv", content, DAY)
        given = Filling({"amount": 300}, banks=("1004",), accounts=())
        again = propose_recurrence(
            tx, BOOK, template(310, "A15"), given, "协议1号", "monthly", (DAY, None), DAY
        )

    papers = get(f"voucher-drafts/{made.voucher_id}/attachments", "VoucherAttachments")
    assert [(one["name"], one["bytes"], one["sha256"]) for one in papers["attachments"]] == [
        ("通知书.pdf", len(SCAN), sha256(SCAN).hexdigest())
    ]
    url = f"/api/v1/books/{BOOK}/voucher-drafts/{made.voucher_id}/attachments"
    got = client.get(f"{url}/1", headers=world.auth("reviewer"))
    assert (got.status_code, got.content, got.headers["x-content-type-options"]) == (200, SCAN, "nosniff")
    assert got.headers["content-disposition"].startswith("attachment;")

    [listed] = get("voucher-imports", "VoucherImports")["files"]
    assert (listed["sha256"], listed["good"], listed["bad"], listed["amount_fen"]) == (
        file.sha256.hex(),
        1,
        1,
        "6000",
    )
    whole = get(f"voucher-imports/{listed['sha256']}", "VoucherImport")
    bad = get(f"voucher-imports/{listed['sha256']}", "VoucherImport", bad=True)
    assert [(one["line"], one["code"]) for one in whole["rows"]] == [(2, ""), (3, "amount.format")]
    assert bad["rows"] == whole["rows"][1:]

    waits = get("recurrences", "Recurrences")
    assert [(one["recurrence"], one["state"], one["amounts"]) for one in waits["recurrences"]] == [
        (again.recurrence_id, "proposed", {"amount": "300"})
    ]
    assert waits["due"] == []
    assert get(f"recurrences/{again.recurrence_id}", "Recurrence")["digest"] == again.digest.hex()

    mine = get("voucher-list", "VoucherList", "accountant", day="2026-10-13")
    assert (mine["count"], {one["code"] for one in mine["exceptions"]}) == (0, {"voucher.same_person"})
    theirs = get("voucher-list", "VoucherList", "checker", day="2026-10-13")
    assert (theirs["count"], theirs["amount_fen"], len(theirs["digest"])) == (2, str(1250 + 6000), 64)
    ofs = get("voucher-list", "VoucherList", "checker", day="2026-10-13", file=listed["sha256"])
    assert (ofs["count"], ofs["amount_fen"]) == (1, "6000")


NOT_THERE = {
    "voucher-drafts/MV-00000000000000000000/attachments": (404, "voucher.draft_unknown"),
    "voucher-drafts/MV-00000000000000000000/attachments/1": (404, "voucher.draft_unknown"),
    f"voucher-imports/{'0' * 64}": (404, "voucher_file.unknown"),
    "voucher-imports/x": (422, "request.invalid"),
    "recurrences/RV-000000000000": (404, "recurrence.unknown"),
    "voucher-list?day=2026-13-01": (422, "request.invalid"),
}


def test_what_is_not_there_is_said(client: httpx.Client, world: Any) -> None:
    for path, expected in NOT_THERE.items():
        answer = client.get(f"/api/v1/books/{BOOK}/{path}", headers=world.auth("reviewer"))
        assert (answer.status_code, answer.json()["code"]) == expected, path
