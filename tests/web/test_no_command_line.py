"""Nobody but an administrator needs the command line: every act of it has a form on a page, or stands here with why it has none."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ledger.cli.remote import acts
from ledger.control.alarms.table import table
from ledger.core.words import without_commands, words_of
from ledger.web.pages.given.catalogue import UPLOADS
from tests.web.test_every_page import offered_in_the_source

BY_ANOTHER: dict[str, str] = {
    "daily run": "day run",
    "payments approve": "day approve",
    "payments send": "day send",
    "payments receive": "day run",
    "jobs pause": "/desk/jobs",
    "jobs resume": "/desk/jobs",
    "jobs run-now": "/desk/jobs",
}
"""Steps of an act that a page does whole, or forms whose act the template puts together."""
ADMINISTRATOR: dict[str, str] = {
    "alarms tell": "sends what the worker sends by itself; tried by hand when the address book is set up",
    "bank channel": "host, port and host keys of a bank's line: agreed on paper, set up with its key file on this machine",
    "book index": "upkeep of the search; the worker does it",
    "book rebuild": "repair of balances after damage, beside the database administrator",
    "cutover confirm": "once, when the ledger begins: files of the old books of any size, on this machine",
    "cutover propose": "as cutover confirm",
    "cutover refuse": "as cutover confirm",
    "data new-key": "keys of sealed rows lie in files on this machine",
    "data open": "shows a person's data in clear; its answer is kept nowhere, so it is no page's",
    "data reseal": "as data new-key: refused lines are sealed anew with the keys on this machine",
    "data retention confirm": "as data retention run",
    "data retention refuse": "as data retention run",
    "data retention run": "what is past its term goes: by the two administrators, beside a backup",
    "key demand": "signed by two with their key files",
    "key enroll": "a key in a file: it never leaves its holder's machine; a passkey is made at the page",
    "user revoke-identity": "stops what `user identity` gave; by either administrator, at once",
    "layers map": "the region's table of payment types, set up once from its document",
}
"""Acts of who sets up or mends the installation."""


def done_by_routes() -> set[str]:
    """Acts that a page's own route does (`run_once`): voucher form, attachments."""
    found: set[str] = set()
    for path in Path("ledger/web/pages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found & set(acts())


def test_every_act_has_a_form_or_a_reason() -> None:
    there = offered_in_the_source() | {one.act for one in UPLOADS.values()} | done_by_routes()
    reasons = BY_ANOTHER | ADMINISTRATOR
    assert set(acts()) - there - set(reasons) == set(), "an act without a form"
    assert set(reasons) <= set(acts()), "no act"
    assert set(reasons) & there == set(), "it has a form by now"
    assert all(why in there or why.startswith("/desk/") for why in BY_ANOTHER.values())


def test_no_remedy_at_the_desk_names_a_command() -> None:
    for kind, one in table().items():
        assert not re.search(r"[a-z]{2,} [a-z]{2,}|worker", without_commands(one.ask)), kind
    assert without_commands(table()["file_altered"].ask) == "停止付款，执行核验查明；作废后重新制盘"
    assert without_commands(table()["payee_failed"].ask) == "核实账户后提出更正，另一人复核"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("下一步：复核人审批（fundledger day show）", "下一步：复核人审批"),
        ("待另一人确认：fundledger institution list --open", "待另一人确认"),
        ("收银行文件须由会计办理（payments receive）", "收银行文件须由会计办理"),
        ("差额1.00元（pool）、（个人账户，acct）", "差额1.00元（pool）、（个人账户，acct）"),
        ("张三（Zhang San）的账户", "张三（Zhang San）的账户"),
    ],
)
def test_what_an_act_says_at_the_desk_is_said_without_commands(told: str, shown: str) -> None:
    assert without_commands(told) == shown


def test_every_line_of_the_operator_log_has_a_word() -> None:
    """Acts are told by their help; what is written beside them (`append_line` with a name of its own) by the table of words."""
    found = {
        name
        for path in Path("ledger").rglob("*.py")
        for name in re.findall(r'append_line\(\w+, "([a-z_.]+)"', path.read_text(encoding="utf-8"))
    }
    known = {one.replace(" ", ".") for one in acts()} | set(words_of("operator.action"))
    assert found >= {"payments.sent", "payments.received", "intake.begun"}
    assert found - known == set()
