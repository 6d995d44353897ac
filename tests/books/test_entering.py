"""Papers, dates, lists, files and recurring vouchers: entered by one person, checked by another, once."""

from __future__ import annotations

import time
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

import psycopg
import pytest
import xlsxwriter

from ledger.books.attachments import attach, attachment
from ledger.books.batches import approve_batch, waiting_batch
from ledger.books.journal import post
from ledger.books.manual import (
    ManualContent,
    ManualVoucher,
    approve_voucher,
    draft_voucher,
    entry_of,
    manual_voucher,
    reject_voucher,
    withdraw_voucher,
)
from ledger.books.templates.file_rows import HEADINGS
from ledger.books.templates.files import import_rows, imported, take_file, template_bytes, template_text
from ledger.books.templates.fill import Filling
from ledger.books.templates.read import template
from ledger.books.templates.recurring import (
    Recurrence,
    days_due,
    decide_recurrence,
    draft_due,
    due,
    propose_recurrence,
)
from ledger.books.vouchers import voucher
from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.roles import OWNER
from ledger.db.safekeeping.fields import MAGIC, TOKEN, fields
from ledger.db.safekeeping.region_keys import seal_what_is_clear
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices
from reports.archive.attachments import attachments
from tests.scenes.sealed import places

DAY = date(2026, 10, 14)
SCAN = b"%PDF-1.7 a scanned receipt"


def tx(ledger: Any, user: str) -> Any:
    return unit_of_work(ledger.service, user, 420100)


def drafted(ledger: Any, summary: str, user: str = "acc", on: date = DAY, **more: Any) -> ManualVoucher:
    with tx(ledger, user) as t:
        said = ManualContent(on, summary, "单据", (debit(1001, 100), credit(41010101, 100)), **more)
        return draft_voucher(t, ledger.book, said, on)


def refusal(ledger: Any, user: str, do: Any) -> str:
    before = ledger.count()
    with pytest.raises(LedgerError) as error, tx(ledger, user) as t:
        do(t)
    assert ledger.count() == before
    return error.value.code


def change(ledger: Any, *statements: str) -> None:
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in statements:
            admin.execute(statement.encode())


# --- papers ----------------------------------------------------------------------


def test_papers_are_counted_in_the_digest_and_fixed_by_the_decision(ledger: Any) -> None:
    made = drafted(ledger, "附件一", attachments=1)
    with tx(ledger, "acc") as t:
        attach(t, ledger.book, made.voucher_id, "回单.pdf", SCAN, DAY)
        again = attach(t, ledger.book, made.voucher_id, "回单.pdf", SCAN, DAY)
        both = attach(t, ledger.book, made.voucher_id, "合同.pdf", SCAN + b"2", DAY)
    assert ([one.n for one in again.attached], [one.name for one in both.attached]) == (
        [1],
        ["回单.pdf", "合同.pdf"],
    )
    assert both.attached[0].sha256 == sha256(SCAN).digest()
    assert both.as_json()["attachments"] == 3
    assert (
        refusal(
            ledger, "checker", lambda t: approve_voucher(t, ledger.book, made.voucher_id, made.digest, DAY)
        )
        == "voucher.changed"
    )
    assert (
        refusal(ledger, "maker", lambda t: attach(t, ledger.book, made.voucher_id, "x", b"x", DAY))
        == "voucher.not_drafter"
    )
    assert (
        refusal(ledger, "acc", lambda t: attach(t, ledger.book, made.voucher_id, "a/b", b"x", DAY))
        == "attachment.name"
    )
    assert (
        refusal(ledger, "acc", lambda t: attach(t, ledger.book, made.voucher_id, "x", b"", DAY))
        == "attachment.size"
    )
    with tx(ledger, "checker") as t:
        posted = approve_voucher(t, ledger.book, made.voucher_id, both.shown_digest, DAY)
        printed = voucher(t, ledger.book, posted.voucher)
        kept, content = attachment(t, ledger.book, made.voucher_id, 1)
    assert (printed.attachments, kept.name, content) == (3, "回单.pdf", SCAN)
    assert (
        refusal(ledger, "acc", lambda t: attach(t, ledger.book, made.voucher_id, "后补.pdf", b"late", DAY))
        == "voucher.decided"
    )
    assert (
        refusal(ledger, "acc", lambda t: attachment(t, ledger.book, made.voucher_id, 3))
        == "attachment.unknown"
    )
    assert ledger.findings() == []


def test_what_is_attached_goes_into_the_months_archive(ledger: Any) -> None:
    made = drafted(ledger, "带附件归档")
    with tx(ledger, "acc") as t:
        attach(t, ledger.book, made.voucher_id, "回单.pdf", SCAN, DAY)
        kept = attach(t, ledger.book, made.voucher_id, "合同.pdf", b"%PDF-1.7 b", DAY)
        before = list(attachments(t, ledger.book, 202610))  # a draft is no voucher
    with tx(ledger, "checker") as t:
        posted = approve_voucher(t, ledger.book, kept.voucher_id, kept.shown_digest, DAY)
        found = [one for one in attachments(t, ledger.book, 202610) if one not in before]
    assert found == [(posted.voucher, 1, "回单.pdf", SCAN), (posted.voucher, 2, "合同.pdf", b"%PDF-1.7 b")]


def test_papers_and_files_lie_sealed_and_are_sealed_by_the_upgrade(ledger: Any) -> None:
    """New ones through every door, and those of a home of before, laid open behind the guards."""
    made = drafted(ledger, "附件封存")
    with tx(ledger, "acc") as t:
        attach(t, ledger.book, made.voucher_id, "报销单.pdf", b"%PDF zhugeliang", DAY)
        file = csv_of(
            GOOD.format("T77"), "key=T78 date=2026-10-14 template=A1 pool=1.005 document=zhugeliang"
        )
        taken, _ = take_file(t, ledger.book, "tax", "七.csv", file, DAY + timedelta(2))
        rows = import_rows(t, ledger.book, taken.sha256, bad_only=False)
        known, home = fields(t), t.connection.home
        door = "SELECT books.attach_file(420100, 310::smallint, %(id)s, 'x', sha256(repeat('b', 28)::bytea), %(content)s, '2026-10-14')"
    in_clear = refusal(ledger, "acc", lambda t: t.run(door, id=made.voucher_id, content=b"b" * 60))
    assert (in_clear, [bool(one.code) for one in rows]) == ("data.clear", [False, True])
    with psycopg.connect(ledger.admin_url) as admin:
        assert clear_of(admin) == 0
        admin.execute("SET session_replication_role = replica")
        for table in ("attached_file", "import_file"):
            for at, where, content in places(admin, f"books.{table}.content"):
                admin.execute(
                    f"UPDATE books.{table} SET content = %s WHERE ctid = %s::tid".encode(),
                    [known.open_bytes(content, where), at],
                )
        for place, raw, message in admin.execute(
            "SELECT ctid::text, raw, message FROM books.import_row"
        ).fetchall():
            said = [known.open(raw), known.open(message), place]
            admin.execute("UPDATE books.import_row SET raw = %s, message = %s WHERE ctid = %s::tid", said)
        assert clear_of(admin) > 0
        admin.execute("SET session_replication_role = origin")
        admin.commit()
        assert ledger.findings() == []  # as a home of before is checked
        admin.execute(f"SET ROLE {OWNER}".encode())
        assert seal_what_is_clear(admin, home) >= 4
        assert seal_what_is_clear(admin, home) == 0
        admin.execute("RESET ROLE")
        assert clear_of(admin) == 0
    assert ledger.findings() == []
    with tx(ledger, "acc") as t:
        assert attachment(t, ledger.book, made.voucher_id, 1)[1] == b"%PDF zhugeliang"
        assert import_rows(t, ledger.book, taken.sha256, bad_only=False) == rows
        t.run(door, id=made.voucher_id, content=MAGIC + b"b" * 60)  # what only looks sealed
    assert any(sha256(b"b" * 28).hexdigest()[:16] in one.message for one in ledger.findings())
    change(
        ledger,
        "UPDATE books.attached_file SET content = repeat('b', 28)::bytea WHERE sha256 = sha256(repeat('b', 28)::bytea)",
    )
    assert ledger.findings() == []


def clear_of(admin: Any) -> int:
    """How many papers, files and rows of files say something as they lie."""
    [(count,)] = admin.execute(
        "SELECT sum((content <> '' AND substring(content FROM 1 FOR 16) <> %s)::int) FROM (SELECT content FROM books.attached_file"
        " UNION ALL SELECT content FROM books.import_file) k",
        [MAGIC],
    ).fetchall()
    texts = admin.execute(
        "SELECT raw FROM books.import_row UNION ALL SELECT message FROM books.import_row"
    ).fetchall()
    return int(count) + sum(bool(text) and not TOKEN.fullmatch(text) for (text,) in texts)


def test_verify_finds_a_paper_that_was_changed_added_or_lost(ledger: Any) -> None:
    made = drafted(ledger, "附件二")
    with tx(ledger, "acc") as t:
        both = attach(t, ledger.book, made.voucher_id, "甲.pdf", b"jia", DAY)
    with tx(ledger, "checker") as t:
        approve_voucher(t, ledger.book, made.voucher_id, both.shown_digest, DAY)
    sha = sha256(b"jia").hexdigest()
    change(ledger, f"UPDATE books.attached_file SET content = 'yi' WHERE sha256 = '\\x{sha}'")
    assert any(sha[:16] in one.message for one in ledger.findings())
    change(ledger, f"UPDATE books.attached_file SET content = 'jia' WHERE sha256 = '\\x{sha}'")
    change(ledger, f"UPDATE books.attachment SET name = '乙.pdf' WHERE voucher_id = '{made.voucher_id}'")
    assert [one for one in ledger.findings() if made.voucher_id in f"{one.entry}{one.message}"]
    change(ledger, f"UPDATE books.attachment SET name = '甲.pdf' WHERE voucher_id = '{made.voucher_id}'")
    assert ledger.findings() == []


# --- dates -----------------------------------------------------------------------


def test_a_date_is_not_before_the_last_of_its_series(ledger: Any) -> None:
    early = drafted(ledger, "先制的")
    ledger.post(ledger.draft(), day=DAY + timedelta(1))
    assert refusal(ledger, "acc", lambda t: draft_voucher(
        t, ledger.book, ManualContent(DAY, "后制的", "单据", (debit(1001, 1), credit(41010101, 1))), DAY)
    ) == "voucher.date_backwards"  # fmt: skip
    approve = lambda day: lambda t: approve_voucher(t, ledger.book, early.voucher_id, early.digest, day)  # noqa: E731
    assert refusal(ledger, "checker", approve(DAY)) == "voucher.date_backwards"
    change(
        ledger,
        "INSERT INTO fund.region VALUES (420100, '某市') ON CONFLICT DO NOTHING",
    )
    with tx(ledger, "acc") as t:
        propose_choice(t, "voucher_numbering", "whole_day", date(2026, 10, 1), "鄂医保〔2026〕1号", DAY)
    with tx(ledger, "checker") as t:
        confirm_choices(t, read_choices(t).digest, DAY)
    other = drafted(ledger, "次日制的", on=DAY + timedelta(1))
    assert (
        refusal(ledger, "acc", lambda t: post(t, ledger.book, DAY, [ledger.draft()]))
        == "voucher.date_backwards"
    )
    with tx(ledger, "checker") as t:
        posted = approve(DAY)(t)
        assert voucher(t, ledger.book, posted.voucher).voucher_date == DAY
    assert ledger.findings() == []
    assert (
        refusal(
            ledger, "checker", lambda t: approve_voucher(t, ledger.book, other.voucher_id, other.digest, DAY)
        )
        == "voucher.future"
    )
    with tx(ledger, "checker") as t:
        approve_voucher(t, ledger.book, other.voucher_id, other.digest, DAY + timedelta(1))
    change(ledger, "UPDATE fund.region_policy SET value = 'as_posted'")
    assert any("填制日期倒退" in one.message for one in ledger.findings())
    change(ledger, "UPDATE fund.region_policy SET value = 'whole_day'")
    assert ledger.findings() == []


@pytest.mark.unsigned  # approves by raw SQL, past whoever signs
def test_approved_on_one_day_it_is_not_posted_under_another(ledger: Any) -> None:
    day = DAY + timedelta(1)
    made = drafted(ledger, "隔日", on=day)
    ahead = lambda t: t.run(  # noqa: E731
        "SELECT books.decide_voucher(420100, 310::smallint, %(id)s, 'approved', %(d)s, %(on)s, '')",
        id=made.voucher_id, d=made.digest, on=day,
    )  # fmt: skip

    def other_day(t: Any) -> None:
        ahead(t)
        post(t, ledger.book, day + timedelta(1), [entry_of(manual_voucher(t, ledger.book, made.voucher_id))])

    assert refusal(ledger, "checker", other_day) == "voucher.other_day"


def test_the_database_lends_no_month_to_a_book_that_is_not_ahead_of_the_clock(ledger: Any) -> None:
    with psycopg.connect(ledger.admin_url) as admin:
        today, outer = admin.execute(
            "SELECT (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date, books.outer_day(420100, 310::smallint)"
        ).fetchone()  # type: ignore[misc]
        last = admin.execute(
            "SELECT max(voucher_date) FROM books.block WHERE fund = 310 AND region = 420100"
        ).fetchone()[0]  # type: ignore[index]
    assert outer == (today + timedelta(1) if last <= today else last + timedelta(31))


# --- lists -----------------------------------------------------------------------


@pytest.mark.unsigned  # approves by raw SQL, past whoever signs
def test_a_list_is_approved_under_one_digest_all_or_none(ledger: Any) -> None:
    day = DAY + timedelta(2)
    mine = [drafted(ledger, f"清单{n}", on=day) for n in range(3)]
    change(ledger, "INSERT INTO access.user_role VALUES (420100, 'maker', 'checker', 0)")
    own = drafted(ledger, "maker自己的", "maker", on=day)
    with tx(ledger, "maker") as t:
        batch = waiting_batch(t, ledger.book, day)
    assert {one.voucher_id for one in mine} <= set(batch.voucher_ids)
    assert (own.voucher_id, "voucher.same_person") in [(one.voucher_id, one.code) for one in batch.exceptions]
    assert (
        refusal(ledger, "checker", lambda t: approve_batch(t, ledger.book, batch.digest, day))
        == "voucher.batch_changed"
    )
    with tx(ledger, "acc") as t:
        attach(t, ledger.book, mine[0].voucher_id, "甲.pdf", b"list", day)
    assert (
        refusal(ledger, "maker", lambda t: approve_batch(t, ledger.book, batch.digest, day))
        == "voucher.batch_changed"
    )
    raw = "SELECT books.approve_vouchers(420100, 310::smallint, %(ids)s::text[], books.list_digest(420100, 310::smallint, %(ids)s::text[]), %(on)s)"
    ids = [own.voucher_id, mine[1].voucher_id]
    assert refusal(ledger, "maker", lambda t: t.run(raw, ids=ids, on=day)) == "voucher.same_person"
    assert refusal(ledger, "acc", lambda t: t.run(raw, ids=ids, on=day)) == "access.role_missing"
    assert (
        refusal(ledger, "checker", lambda t: t.run(raw, ids=[*ids, "MV-" + "0" * 20], on=day))
        == "voucher.batch_changed"
    )
    before = ledger.count()
    with tx(ledger, "checker") as t:
        whole = waiting_batch(t, ledger.book, day)
        done, posted = approve_batch(t, ledger.book, whole.digest, day)
    assert ledger.count() == before + len(whole.voucher_ids) == before + len(posted)
    assert {own.voucher_id, *(one.voucher_id for one in mine)} <= set(done.voucher_ids)
    assert (
        refusal(ledger, "checker", lambda t: approve_batch(t, ledger.book, whole.digest, day))
        == "voucher.batch_empty"
    )
    assert ledger.findings() == []


# --- files -----------------------------------------------------------------------


def csv_of(*rows: str) -> bytes:
    """Rows of `name=value` words as a file."""
    lines = [",".join(HEADINGS)]
    for row in rows:
        said = dict(word.split("=", 1) for word in row.split())
        lines.append(",".join(said.get(name, "") for name in HEADINGS))
    return "\r\n".join(lines).encode()


GOOD = "key={0} date=2026-10-14 template=A1 pool=60.00 acct=40.00 document={0}"
WRONG = {
    "key=T9 date=2026-10-14 template=A1 pool=1.005 document=d": ("pool", "amount.format"),
    "key=T9 date=2026-13-14 template=A1 pool=1 document=d": ("date", "date.format"),
    "key=T9 date=2026-10-18 template=A1 pool=1 document=d": ("date", "voucher.future"),
    "key=T9 date=2026-10-14 template=A5 amount=1 document=d": ("template", "voucher_file.field"),
    "key=T9 date=2026-10-14 template=A3 pool=1 document=d": ("bank", "template.bank"),
    "key=T9 date=2026-10-14 template=A1 amount=1 document=d": ("amount", "template.amount"),
    "key=T9 date=2026-10-14 template=A1 pool=1 party=某某 document=d": ("party", "party.unknown"),
    "key=T9 date=2026-10-14 template=A1 pool=1 subfund=pool document=d": (
        "subfund",
        "template.dimension_extra",
    ),
    "key=T9 date=2026-10-14 template=A1 pool=1 year=x document=d": ("year", "voucher_file.field"),
    "key=T9 date=2026-10-14 template=A1 pool=1": ("document", "voucher.text"),
    "key=T9 date=2026-10-14 template=A1 pool=1 document=a|b": ("document", "voucher.text"),
    "date=2026-10-14 template=A1 pool=1 document=d": ("key", "voucher_file.field"),
    "key=T1 date=2026-10-14 template=A1 pool=1 document=d": ("key", "voucher_file.key_twice"),
}


def test_good_rows_go_on_bad_ones_are_named_and_kept(ledger: Any) -> None:
    on = DAY + timedelta(2)
    content = csv_of(GOOD.format("T1"), *WRONG, GOOD.format("T2"))
    with tx(ledger, "acc") as t:
        made, fresh = take_file(t, ledger.book, "tax", "税票.csv", content, on)
        rows = import_rows(t, ledger.book, made.sha256, bad_only=False)
        again, fresh_again = take_file(t, ledger.book, "tax", "改了名.csv", content, on)
    assert (made.good, made.bad, made.amount_fen, fresh, fresh_again, again) == (
        2,
        len(WRONG),
        20000,
        True,
        False,
        made,
    )
    bad = [(row.line, row.field, row.code) for row in rows if row.code]
    assert bad == [(n, *want) for n, want in enumerate(WRONG.values(), 3)]
    with tx(ledger, "checker") as t:
        one = manual_voucher(t, ledger.book, rows[0].voucher_id)
        batch = waiting_batch(t, ledger.book, on, made.sha256)
        _, posted = approve_batch(t, ledger.book, batch.digest, on, made.sha256)
    assert [(leg.side, leg.account, leg.amount_fen) for leg in one.content.legs] == [
        (1, 1005, 10000),
        (-1, 400101, 6000),
        (-1, 400102, 4000),
    ]
    assert (one.content.evidence, one.content.summary) == ("T1", "税务征收保险费入国库")
    assert len(posted) == 2
    with tx(ledger, "acc") as t:
        second, _ = take_file(
            t, ledger.book, "tax", "二.csv", csv_of(GOOD.format("T2"), GOOD.format("T3")), on
        )
        known = import_rows(t, ledger.book, second.sha256, bad_only=True)
    assert [(row.key, row.field, row.code) for row in known] == [("T2", "key", "voucher_file.key_known")]
    assert ledger.findings() == []


def test_a_row_turned_down_may_come_again_and_no_other(ledger: Any) -> None:
    on = DAY + timedelta(2)
    with tx(ledger, "acc") as t:
        made, _ = take_file(t, ledger.book, "tax", "三.csv", csv_of(GOOD.format("T4")), on)
        [row] = import_rows(t, ledger.book, made.sha256, bad_only=False)
        withdraw_voucher(t, ledger.book, row.voucher_id, on, "有误")
        again, _ = take_file(
            t, ledger.book, "tax", "四.csv", csv_of(GOOD.format("T4"), GOOD.format("T5")), on
        )
        rows = import_rows(t, ledger.book, again.sha256, bad_only=False)
    assert (again.good, again.bad) == (2, 0)
    assert rows[0].voucher_id != row.voucher_id
    heads = ", ".join(f"'{{}}'::{kind}[]" for kind in ("integer", "text", "text", "date", "text", "text", "integer", "integer", "smallint",
                      "bigint", "integer", "text", "text", "smallint", "integer", "text", "integer", "text", "text", "text", "text", "text"))  # fmt: skip
    empty = f"SELECT books.import_vouchers(420100, 310::smallint, 'tax', 'x.csv', sha256('x'), 'x', '2026-10-16', {heads})"
    assert refusal(ledger, "checker", lambda t: t.connection.execute(empty)) == "access.role_missing"


FILES = {
    "voucher_file.heading": ("tax", "a.csv", b"key,date\r\n"),
    "voucher_file.kind": ("bank", "a.csv", b"x"),
    "voucher_file.encoding": ("tax", "a.csv", "税票号码".encode("gbk")),
    "voucher_file.workbook": ("tax", "a.xlsx", b"PK"),
    "voucher_file.size": ("tax", "a.csv", b""),
    "voucher_file.name": ("tax", "a/b.csv", b"x"),
    "voucher_file.rows": ("tax", "a.csv", csv_of() + b'\r\n"a'),
}


@pytest.mark.parametrize("code", FILES)
def test_a_file_of_another_shape_is_refused_whole(ledger: Any, code: str) -> None:
    assert refusal(ledger, "acc", lambda t: take_file(t, ledger.book, *FILES[code], DAY)) == code
    with tx(ledger, "acc") as t:
        assert sha256(FILES[code][2]).digest() not in [one.sha256 for one in imported(t, ledger.book)]


def test_the_template_is_a_file_that_is_taken_in(ledger: Any) -> None:
    with tx(ledger, "acc") as t:
        made, _ = take_file(t, ledger.book, "tax", "模板.csv", template_text().encode(), DAY + timedelta(2))
    assert (made.good, made.bad, made.amount_fen) == (1, 0, 10000)


def sheet_of(*rows: dict[str, object], sheets: int = 1) -> bytes:
    """Rows by heading as a workbook a person typed: numbers as numbers, days as days."""
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd"}) as book:
        for _ in range(sheets):
            sheet = book.add_worksheet()
            for n, row in enumerate([dict(zip(HEADINGS, HEADINGS, strict=True)), *rows]):
                for place, head in enumerate(HEADINGS):
                    if head in row:
                        sheet.write(n, place, row[head])
    return out.getvalue()


def test_a_workbook_is_taken_in_as_its_csv_is(ledger: Any) -> None:
    """60.10 typed as a number is 60.10; a computed third is no whole fen; a ticket number of 18 digits must be text."""
    on, day = DAY + timedelta(2), DAY
    row: dict[str, object] = {"date": day, "template": "A1", "pool": 60.1, "acct": 40, "document": "X"}
    wrong = {**row, "pool": 1 / 3}
    content = sheet_of(
        {**row, "key": "X1"}, {}, {**wrong, "key": "X2"}, {**row, "key": "342016261000000009", "year": "甲"}
    )
    with tx(ledger, "acc") as t:
        made, fresh = take_file(t, ledger.book, "tax", "税票.XLSX", content, on)
        rows = import_rows(t, ledger.book, made.sha256, bad_only=False)
        again, _ = take_file(t, ledger.book, "tax", "税票.XLSX", content, on)
    assert (fresh, made.good, made.bad, made.amount_fen, again) == (True, 1, 2, 10_010, made)
    assert [(one.line, one.field, one.code) for one in rows] == [
        (2, "", ""), (4, "pool", "amount.format"), (5, "year", "voucher_file.field"),
    ]  # fmt: skip
    refused = (
        sheet_of({**row, "key": 342016261000000009}), sheet_of({**row, "key": "X3", "summary": "甲\n乙"}), sheet_of({**row, "key": "X4"}, sheets=2),
        sheet_of({**row, "key": True}),
    )  # fmt: skip
    for one in refused:
        assert (
            refusal(ledger, "acc", lambda t, one=one: take_file(t, ledger.book, "tax", "a.xlsx", one, on))
            == "voucher_file.workbook"
        )  # type: ignore[misc]
    with tx(ledger, "acc") as t:
        made, _ = take_file(t, ledger.book, "tax", "模板.xlsx", template_bytes("模板.xlsx"), on)
    assert made.good + made.bad == 1, "bad where the CSV template's ticket stands drafted already"


def test_verify_finds_a_file_that_was_changed(ledger: Any) -> None:
    with tx(ledger, "acc") as t:
        made, _ = take_file(t, ledger.book, "tax", "五.csv", csv_of(GOOD.format("T6")), DAY + timedelta(2))
    change(ledger, f"UPDATE books.import_file SET content = 'x' WHERE sha256 = '\\x{made.sha256.hex()}'")
    assert any(made.sha256.hex()[:16] in one.message for one in ledger.findings())
    change(ledger, f"DELETE FROM books.import_row WHERE sha256 = '\\x{made.sha256.hex()}'",
           f"DELETE FROM books.import_file WHERE sha256 = '\\x{made.sha256.hex()}'")  # fmt: skip


# --- recurring -------------------------------------------------------------------


def test_the_days_of_a_rhythm(ledger: Any) -> None:
    year = date(2026, 12, 31)
    assert [str(d) for d in days_due("monthly", date(2026, 8, 31), year)] == [
        "2026-08-31", "2026-09-30", "2026-10-31", "2026-11-30", "2026-12-31",
    ]  # fmt: skip
    assert [str(d) for d in days_due("quarterly", date(2026, 1, 15), year)] == [
        "2026-01-15",
        "2026-04-15",
        "2026-07-15",
        "2026-10-15",
    ]
    assert [str(d) for d in days_due("yearly", date(2024, 2, 29), year)] == [
        "2024-02-29",
        "2025-02-28",
        "2026-02-28",
    ]
    assert [str(d) for d in days_due("interest", date(2026, 3, 22), year)] == [
        "2026-06-21",
        "2026-09-21",
        "2026-12-21",
    ]
    with psycopg.connect(ledger.admin_url) as admin:
        for rhythm, first in (
            ("monthly", date(2026, 8, 31)),
            ("quarterly", date(2026, 1, 15)),
            ("yearly", date(2024, 2, 29)),
            ("interest", date(2026, 3, 22)),
        ):
            found = admin.execute(
                "SELECT d::date FROM generate_series(%s::date, %s::date, '1 day') d WHERE books.is_due(%s, %s, d::date) ORDER BY 1",
                [first, year, rhythm, first],
            ).fetchall()
            assert [row[0] for row in found] == list(days_due(rhythm, first, year)), rhythm


def test_what_is_due_is_drafted_once_a_day_due(ledger: Any) -> None:
    on = DAY + timedelta(2)
    c1 = Filling({"amount": 500}, Dimensions())

    def propose(given: Filling, rhythm: str, first: date) -> Any:
        days = (first, None)
        return lambda t: propose_recurrence(
            t, ledger.book, template(310, "A16a"), given, "批复1号", rhythm, days, on
        )

    monthly = Filling({"pool": 700, "acct": 300})
    assert refusal(ledger, "acc", propose(monthly, "monthly", date(2026, 8, 14))) == "voucher.before_opening"
    with tx(ledger, "acc") as t:
        opened = t.value("SELECT opened_on FROM books.book WHERE fund = 310")
    began = "UPDATE books.book SET opened_on = '{}' WHERE region = 420100 AND fund = 310"
    change(ledger, began.format("2026-08-01"))  # as a book that began earlier, until the books are checked
    assert refusal(ledger, "acc", propose(monthly, "weekly", DAY)) == "recurrence.rhythm"
    assert refusal(ledger, "acc", propose(c1, "monthly", DAY)) == "template.amount"
    with tx(ledger, "acc") as t:
        fixed = propose(monthly, "monthly", date(2026, 8, 14))(t)
        assert propose(monthly, "monthly", date(2026, 8, 14))(t).recurrence_id == fixed.recurrence_id
        open_ = propose(Filling({}), "interest", date(2026, 9, 1))(t)
        assert due(t, ledger.book, on) == []

    def decide(one: Recurrence, state: str, digest: bytes, reason: str = "") -> Any:
        return lambda t: decide_recurrence(t, ledger.book, one.recurrence_id, state, digest, reason, on)

    assert refusal(ledger, "acc", decide(fixed, "confirmed", fixed.digest)) == "access.role_missing"
    change(ledger, "INSERT INTO access.user_role VALUES (420100, 'acc', 'checker', 0)")
    assert refusal(ledger, "acc", decide(fixed, "confirmed", fixed.digest)) == "recurrence.same_person"
    change(ledger, "DELETE FROM access.user_role WHERE user_name = 'acc' AND role = 'checker'")
    assert refusal(ledger, "checker", decide(fixed, "confirmed", open_.digest)) == "recurrence.changed"
    assert refusal(ledger, "checker", decide(fixed, "refused", fixed.digest)) == "recurrence.reason"
    with tx(ledger, "checker") as t:
        decide(fixed, "confirmed", fixed.digest)(t)
        decide(open_, "confirmed", open_.digest)(t)
    with tx(ledger, "acc") as t:
        waits = due(t, ledger.book, on)
        assert [(one.recurrence_id, str(one.due_on)) for one in waits] == [
            (fixed.recurrence_id, "2026-08-14"), (fixed.recurrence_id, "2026-09-14"),
            (open_.recurrence_id, "2026-09-21"), (fixed.recurrence_id, "2026-10-14"),
        ]  # fmt: skip
        done = [draft_due(t, ledger.book, one, {}, on) for one in waits]
        assert [bool(one.voucher_id) for one in done] == [True, True, False, True]
        one = manual_voucher(t, ledger.book, done[0].voucher_id)
        assert (one.content.business_date, one.amount_fen) == (date(2026, 8, 14), 1000)
        assert [(x.recurrence_id, str(x.due_on)) for x in due(t, ledger.book, on)] == [
            (open_.recurrence_id, "2026-09-21")
        ]
        draft_due(t, ledger.book, waits[2], {"pool": 5}, on)
        assert due(t, ledger.book, on) == []
    assert (
        refusal(ledger, "acc", lambda t: draft_due(t, ledger.book, waits[0], {}, on)) == "recurrence.drafted"
    )
    assert (
        refusal(
            ledger,
            "acc",
            lambda t: draft_due(t, ledger.book, waits[0]._replace(due_on=DAY + timedelta(1)), {}, on),
        )
        == "recurrence.not_due"
    )
    assert (
        refusal(ledger, "acc", lambda t: draft_due(t, ledger.book, waits[0], {"pool": 1}, on))
        == "recurrence.amount"
    )
    with tx(ledger, "checker") as t:
        reject_voucher(t, ledger.book, done[0].voucher_id, on, "重做")
    with tx(ledger, "acc") as t:
        assert [str(x.due_on) for x in due(t, ledger.book, on)] == ["2026-08-14"]
        second = draft_due(t, ledger.book, waits[0], {}, on)
        assert second.voucher_id != done[0].voucher_id
        decide(fixed, "stopped", fixed.digest, "停办")(t)
        assert due(t, ledger.book, DAY + timedelta(60)) == []
    assert refusal(ledger, "checker", decide(fixed, "confirmed", fixed.digest)) == "recurrence.state"
    change(ledger, began.format(opened))
    assert ledger.findings() == []


DOORS = {
    "paper": "INSERT INTO books.attached_file VALUES (420100, 310, sha256('q'), 'q')",
    "attach": "INSERT INTO books.attachment SELECT region, fund, voucher_id, 9, 'x', sha256, 1, 'acc', '2026-10-14' FROM books.attachment LIMIT 1",
    "rename": "UPDATE books.attachment SET name = 'x'",
    "rewrite": "UPDATE books.attached_file SET content = 'q'",
    "detach": "DELETE FROM books.attachment",
    "file": "INSERT INTO books.import_file VALUES (420100, 310, 'tax', sha256('q'), 'x', 'q', 'acc', '2026-10-14')",
    "row": "UPDATE books.import_row SET key = 'x'",
    "rows": "TRUNCATE books.import_row",
    "confirm": "UPDATE books.recurrence SET state = 'confirmed', decided_by = 'checker', decided_on = '2026-10-14'",
    "amount": "UPDATE books.recurrence SET filling = '{}'",
    "due": "DELETE FROM books.recurrence_draft",
}


@pytest.mark.parametrize("role", ["service", "owner"])
@pytest.mark.parametrize("door", DOORS)
def test_what_was_entered_comes_and_goes_through_its_functions_alone(
    ledger: Any, door: str, role: str
) -> None:
    if role == "service":
        with pytest.raises(LedgerError), tx(ledger, "acc") as t:
            t.connection.execute(DOORS[door])
        return
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute("SET ROLE fundledger_owner")
        with pytest.raises(psycopg.Error) as error:
            admin.execute(DOORS[door].encode())
        assert error.value.sqlstate in ("FL002", "42501")
        admin.rollback()


@pytest.mark.slow
def test_the_growth_of_an_import_is_that_of_its_rows(ledger: Any) -> None:
    """Ten times the rows in at most about ten times the time: drafted, listed, approved and posted set by set."""
    on, seconds = DAY + timedelta(2), []
    for size, mark in ((1, "W"), (2_000, "M"), (20_000, "N")):
        content = csv_of(*(GOOD.format(f"{mark}{n}") for n in range(size)))
        ledger.service.dispose()  # sessions of their own, as a command's are
        began = time.monotonic()
        with tx(ledger, "acc") as t:
            made, _ = take_file(t, ledger.book, "tax", f"{mark}.csv", content, on)
        with tx(ledger, "checker") as t:
            batch = waiting_batch(t, ledger.book, on, made.sha256)
            _, posted = approve_batch(t, ledger.book, batch.digest, on, made.sha256)
        seconds.append(time.monotonic() - began)
        assert len(posted) == made.good == size
    assert seconds[2] < 10 * seconds[1] * 1.4, seconds
