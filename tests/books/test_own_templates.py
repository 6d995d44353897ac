"""A region's own voucher templates: in force by two persons from a day, in versions nobody changes, used like the shipped ones."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from ledger.books.manual import ManualContent, approve_voucher, draft_voucher, manual_voucher
from ledger.books.templates.file_rows import HEADINGS
from ledger.books.templates.files import import_rows, take_file
from ledger.books.templates.fill import Filling, fill, ground
from ledger.books.templates.own import (
    OwnTemplate,
    confirm_template,
    own_templates,
    propose_retirement,
    propose_template,
    refuse_template,
    template_on,
)
from ledger.books.templates.own_file import read_own
from ledger.books.templates.read import templates
from ledger.books.templates.recurring import decide_recurrence, draft_due, due, propose_recurrence
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work

DAY = date(2026, 10, 14)
LATER = DAY + timedelta(1)
TEXT = """
[[template]]
code = "{code}"
title = "市级统筹调剂金现金交存"
article = "武医保〔2026〕3号第五条"
summary = "{summary}"
lines = [{lines}]
"""
LINES = '"借 1001 =", "贷 41010101|41010102 amount"'


def tx(ledger: Any, user: str) -> Any:
    return unit_of_work(ledger.service, user, 420100)


def text(code: str = "WH01", lines: str = LINES, summary: str = "交存调剂金") -> str:
    return TEXT.format(code=code, lines=lines, summary=summary)


def proposed(ledger: Any, said: str, first: date = DAY, on: date = DAY, user: str = "acc") -> OwnTemplate:
    with tx(ledger, user) as t:
        return propose_template(t, ledger.book, read_own(310, said.encode()), first, on)


def confirmed(ledger: Any, said: str, first: date = DAY, on: date = DAY) -> OwnTemplate:
    made = proposed(ledger, said, first, on)
    with tx(ledger, "checker") as t:
        return confirm_template(t, ledger.book, made.template_id, made.digest, on)


def drafted(ledger: Any, code: str, fen: int, on: date) -> str:
    with tx(ledger, "acc") as t:
        form = template_on(t, ledger.book, code, on)
        legs = fill(form, ground(t, ledger.book), Filling({"amount": fen}, accounts=(41010101,)))
        said = ManualContent(on, form.summary, "单据", legs, template=form.own_id)
        return draft_voucher(t, ledger.book, said, on).voucher_id


def code_of(ledger: Any, user: str, do: Any) -> str:
    with pytest.raises(LedgerError) as error, tx(ledger, user) as t:
        do(t)
    return error.value.code


def change(ledger: Any, *statements: str) -> None:
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in statements:
            admin.execute(statement.encode())


def test_another_region_and_fund_have_none_of_it(ledger: Any) -> None:
    made = confirmed(ledger, text("WH09"))
    for book, user in ((ledger.other_fund, "acc"), (ledger.other_region, "far")):
        with unit_of_work(ledger.service, user, book.region) as t, pytest.raises(LedgerError) as error:
            template_on(t, book, "WH09", DAY)
        assert error.value.code == "template.unknown"
    with unit_of_work(ledger.service, "far", 420200) as t:
        assert own_templates(t, ledger.book) == []
    with pytest.raises(LedgerError) as error, unit_of_work(ledger.service, "far", 420200) as t:
        propose_template(t, ledger.book, made.form, DAY, DAY)
    assert error.value.code == "access.role_missing"


REFUSALS = {
    "not toml": ("template.file", "template ="),
    "two": ("template.file", text() + text("WH02")),
    "unknown field": ("template.field", text() + 'by = "x"\n'),
    "other fund": ("template.field", text() + "funds = [390]\n"),
    "missing": ("template.field", text().replace("article", "#")),
    "code": ("template.field", text("wh01")),
    "shipped code": ("template.shipped_code", text("A5")),
    "kept code": ("template.shipped_code", text("A31x")),
    "line": ("template.line", text(lines='"借 1001 ="')),
    "no line": ("template.line", text(lines='"借 1001 =", "贷：41010101 amount"')),
    "part": ("template.line", text(lines='"借 1001 =", "贷 41010101 gift"')),
    "marks": ("template.line", text(lines='"借 1001 amount?", "贷 41010101 amount"')),
    "unknown account": ("account.unknown", text(lines='"借 1001 =", "贷 41019999 amount"')),
    "memorandum": ("voucher.rule_account", text(lines='"借 9101 =", "贷 9102 amount"')),
    "rule only": ("voucher.rule_account", text(lines='"借 5001 =", "贷 1001 amount"')),
    "rule only below": ("voucher.rule_account", text(lines='"借 1101 =", "贷 1001 amount"')),
    "one side": ("template.unbalanced", text(lines='"借 1001 =", "借 41010101 amount"')),
    "unbalanced": ("template.unbalanced", text(lines='"借 1001 pool", "贷 41010101 acct"')),
    "twice": ("template.unbalanced", text(lines='"借 1001 =", "贷 41010101 amount", "贷 41010102 amount"')),
    "no amount": ("template.unbalanced", text(lines='"借 1001 =", "贷 41010101 ="')),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_no_template_is_refused_with_its_code(ledger: Any, case: str) -> None:
    code, said = REFUSALS[case]
    with pytest.raises(LedgerError) as error:
        proposed(ledger, said)
    assert error.value.code == code
    with pytest.raises(LedgerError) as error:
        proposed(ledger, text(), DAY - timedelta(1))
    assert error.value.code == "template.day"


def test_the_codes_kept_for_the_regulation_are_those_of_its_templates() -> None:
    for fund in (310, 390):
        assert all(re.match("[ABC][0-9]", code) for code in templates(fund))


def test_files_and_rhythms_take_an_own_template(ledger: Any) -> None:
    book = ledger.book
    confirmed(ledger, text("WH05"))
    with tx(ledger, "acc") as t:
        form = template_on(t, book, "WH05", LATER)
        given = Filling({"amount": 300}, accounts=(41010102,))
        one = propose_recurrence(t, book, form, given, "协议5号", "monthly", (DAY, None), DAY)
    with tx(ledger, "checker") as t:
        decide_recurrence(t, book, one.recurrence_id, "confirmed", one.digest, "", DAY)
    rows = [
        {
            "key": key,
            "date": "2026-10-14",
            "template": code,
            "amount": "5.00",
            "account": "41010101",
            "document": key,
        }
        for key, code in (("W1", "WH05"), ("W2", "WH06"))
    ]
    lines = [",".join(HEADINGS), *(",".join(row.get(name, "") for name in HEADINGS) for row in rows)]
    with tx(ledger, "acc") as t:
        [waits] = due(t, book, DAY)
        made = draft_due(t, book, waits, {}, DAY)
        assert manual_voucher(t, book, made.voucher_id).content.template == "WH05@1"
        file, _ = take_file(t, book, "tax", "调剂.csv", "\r\n".join(lines).encode(), DAY)
        good, bad = import_rows(t, book, file.sha256, bad_only=False)
        assert (bad.code, bad.field) == ("voucher_file.field", "template")
        assert manual_voucher(t, book, good.voucher_id).content.template == "WH05@1"
        end = propose_retirement(t, book, "WH05", "武医保〔2026〕9号", DAY, DAY)

    def confirm(t: Any) -> OwnTemplate:
        return confirm_template(t, book, end.template_id, end.digest, DAY)

    assert code_of(ledger, "checker", confirm) == "template.in_use"
    with tx(ledger, "acc") as t:
        decide_recurrence(t, book, one.recurrence_id, "stopped", one.digest, "停办", DAY)
    with tx(ledger, "checker") as t:
        confirm(t)
    assert ledger.findings() == []


def raw(template: str, sides: str, accounts: str, on: str = "2026-10-14") -> str:
    return (
        f"SELECT books.draft_voucher(420100, 310::smallint, '{on}', 0, '直接', '直接', 0, '{on}', '{sides}', '{{100,100}}',"
        f" '{accounts}', '{{\"\",\"\"}}', '{{\"\",\"\"}}', '{{0,0}}', '{{0,0}}', '{{\"\",\"\"}}', p_template => '{template}')"
    )


COLUMNS = (
    "(region, fund, template_id, code, version, title, article, summary, lines, from_day, digest, proposed_by, proposed_on, state,"
    " decided_by, decided_on)"
)
ROW = "420100, 310, 'ZZ@1', 'ZZ', 1, 'x', 'x', 'x', '{}', '2026-10-14', sha256('x'), 'acc', '2026-10-14', 'confirmed', 'checker', '2026-10-14'"
DOORS = {
    "insert": f"INSERT INTO books.voucher_template {COLUMNS} VALUES ({ROW})",
    "copy": f"COPY books.voucher_template {COLUMNS} FROM STDIN",
    "confirm": "UPDATE books.voucher_template SET state = 'confirmed', decided_by = 'checker', decided_on = '2026-10-14'",
    "edit": "UPDATE books.voucher_template SET lines = '{}'",
    "delete": "DELETE FROM books.voucher_template",
    "empty": "TRUNCATE books.voucher_template CASCADE",
    "rename": "UPDATE books.voucher SET template = NULL",
}


@pytest.mark.parametrize("role", ["fundledger_service", "fundledger_owner", "fundledger_books"])
@pytest.mark.parametrize("door", DOORS)
def test_it_comes_and_goes_through_its_functions_alone(ledger: Any, door: str, role: str) -> None:
    with psycopg.connect(ledger.admin_url) as admin:
        admin.execute(f"SET ROLE {role}".encode())
        admin.execute(
            "SELECT set_config('fundledger.user', 'acc', true), set_config('fundledger.region', '420100', true)"
        )
        with pytest.raises(psycopg.Error) as error:
            if door == "copy":
                with admin.cursor().copy(DOORS[door].encode()) as copy:
                    copy.write("\t".join(part.strip(" '") for part in ROW.split(", ")) + "\n")
            else:
                admin.execute(DOORS[door].encode())
        assert error.value.sqlstate in ("FL002", "42501")
        admin.rollback()


def test_a_draft_past_the_program_names_only_what_it_was_filled_from(ledger: Any) -> None:
    early = confirmed(ledger, text("WH20"), LATER)
    assert confirmed(ledger, text("WH21")).template_id == "WH21@1"
    confirmed(ledger, text("WH22"))
    confirmed(ledger, text("WH22", summary="新"), DAY)
    open_ = proposed(ledger, text("WH23"))
    cases = {
        raw(early.template_id, "{1,-1}", "{1001,41010101}"): "template.not_yet",
        raw(open_.template_id, "{1,-1}", "{1001,41010101}"): "template.not_yet",
        raw("WH22@1", "{1,-1}", "{1001,41010101}"): "template.superseded",
        raw("WH21@1", "{1,-1}", "{1005,41010101}"): "template.other_lines",
        raw("WH21@1", "{-1,1}", "{1001,41010101}"): "template.other_lines",
    }
    for statement, code in cases.items():
        assert code_of(ledger, "acc", lambda t, s=statement: t.connection.execute(s.encode())) == code, (
            statement
        )
    with tx(ledger, "acc") as t:
        t.connection.execute(raw("WH21@1", "{1,-1}", "{1001,41010101}").encode())
    assert ledger.findings() == []


TAMPERED = {
    "UPDATE books.voucher_template SET title = '改' WHERE template_id = 'WH30@1'": "凭证模板WH30@1与其摘要不符",
    "UPDATE books.voucher_template SET decided_by = 'acc2' WHERE template_id = 'WH30@1'": "凭证模板WH30@1与其摘要不符",
    "UPDATE books.voucher_template SET from_day = '2026-10-15' WHERE template_id = 'WH30@1'": "所写的凭证模板当日不在用",
    "UPDATE books.voucher_template SET lines = ARRAY['借 1005 =', '贷 4101 amount'] WHERE template_id = 'WH30@1'": "分录不是该模板的",
    "UPDATE books.voucher SET template = NULL WHERE template = 'WH30@1'": "与其摘要或复核的摘要不符",
}  # fmt: skip


def test_what_was_changed_behind_the_ledger_is_named(ledger: Any) -> None:
    confirmed(ledger, text("WH30"))
    drafted(ledger, "WH30", 4200, DAY)
    assert ledger.findings() == []
    with psycopg.connect(ledger.admin_url) as admin:
        kept = admin.execute(
            "SELECT to_jsonb(t) FROM books.voucher_template t WHERE template_id = 'WH30@1'"
        ).fetchone()
    assert kept is not None
    undo = (
        "UPDATE books.voucher_template SET title = '市级统筹调剂金现金交存', decided_by = 'checker', from_day = '2026-10-14',"
        " lines = ARRAY['借 1001 =', '贷 41010101|41010102 amount'] WHERE template_id = 'WH30@1'",
        "UPDATE books.voucher SET template = 'WH30@1' WHERE summary = '交存调剂金' AND template IS NULL",
    )
    change(ledger, "INSERT INTO access.app_user VALUES ('acc2', 'p1', 'acc2')")
    for statement, saying in TAMPERED.items():
        change(ledger, statement)
        messages = [one.message for one in ledger.findings()]
        assert any(saying in message for message in messages), (statement, messages)
        if "voucher_template" in statement:
            assert any("留痕" in message and "voucher_template" in message for message in messages), messages
        change(ledger, *undo)
    assert ledger.findings() == []


def test_versions_come_and_go_and_vouchers_keep_naming_theirs(ledger: Any) -> None:
    book = ledger.book
    first = proposed(ledger, text(), LATER)
    assert proposed(ledger, text(), LATER) == first
    assert code_of(ledger, "acc", lambda t: template_on(t, book, "WH01", LATER)) == "template.unknown"

    def confirm(one: OwnTemplate, digest: bytes, on: date = DAY) -> Any:
        return lambda t: confirm_template(t, book, one.template_id, digest, on)

    assert code_of(ledger, "acc", confirm(first, first.digest)) == "access.role_missing"
    change(ledger, "INSERT INTO access.user_role VALUES (420100, 'acc', 'checker', 0)")
    assert code_of(ledger, "acc", confirm(first, first.digest)) == "template.same_person"
    change(ledger, "DELETE FROM access.user_role WHERE user_name = 'acc' AND role = 'checker'")
    assert code_of(ledger, "checker", confirm(first, bytes(32))) == "template.changed"
    assert code_of(ledger, "checker", confirm(first, first.digest, DAY - timedelta(1))) == "template.day"
    with tx(ledger, "checker") as t:
        assert confirm(first, first.digest)(t).since == LATER
    assert code_of(ledger, "checker", confirm(first, first.digest)) == "template.state"
    assert code_of(ledger, "acc", lambda t: template_on(t, book, "WH01", DAY)) == "template.not_yet"
    old = drafted(ledger, "WH01", 700, LATER)

    second = proposed(ledger, text(summary="交存本级调剂金"), LATER, LATER)
    assert (second.template_id, second.digest != first.digest) == ("WH01@2", True)
    third = proposed(ledger, text(summary="交存本级调剂金二"), LATER + timedelta(1), LATER)
    assert code_of(ledger, "checker", confirm(second, second.digest, LATER)) == "template.state"
    before = lambda t: confirm_template(t, book, "WH01@3", third.digest, DAY)  # noqa: E731
    assert code_of(ledger, "checker", before) == "template.day"
    with tx(ledger, "checker") as t:
        confirm(third, third.digest, LATER)(t)
    new = drafted(ledger, "WH01", 900, LATER + timedelta(1))
    with tx(ledger, "checker") as t:
        one, two = manual_voucher(t, book, old), manual_voucher(t, book, new)
        assert (one.content.template, one.content.summary) == ("WH01@1", "交存调剂金")
        assert (two.content.template, two.content.summary) == ("WH01@3", "交存本级调剂金二")
        assert two.as_json()["template"] == "WH01@3"
        approve_voucher(t, book, old, one.digest, LATER)

    with tx(ledger, "acc") as t:
        end = propose_retirement(
            t, book, "WH01", "武医保〔2026〕9号", LATER + timedelta(2), LATER + timedelta(1)
        )
        assert (end.template_id, end.retires) == ("WH01@4", True)
    with tx(ledger, "checker") as t:
        confirm(end, end.digest, LATER + timedelta(1))(t)
        approve_voucher(t, book, new, two.digest, LATER + timedelta(1))  # drafted while it was in force
        states = [(x.template_id, x.state) for x in own_templates(t, book, "WH01")]
    assert states == [
        ("WH01@1", "confirmed"), ("WH01@2", "withdrawn"), ("WH01@3", "confirmed"), ("WH01@4", "confirmed"),
    ]  # fmt: skip
    gone = LATER + timedelta(2)
    assert code_of(ledger, "acc", lambda t: template_on(t, book, "WH01", gone)) == "template.retired"
    again = lambda t: propose_retirement(t, book, "WH01", "x", gone, gone)  # noqa: E731
    assert code_of(ledger, "acc", again) == "template.retired"
    assert ledger.findings() == []

    reborn = proposed(ledger, text(), gone, gone)
    with tx(ledger, "checker") as t:
        refused = refuse_template(t, book, reborn.template_id, reborn.digest, "不再需要", gone)
    assert (refused.state, refused.reason) == ("refused", "不再需要")
