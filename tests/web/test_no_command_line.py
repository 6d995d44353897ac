"""Nobody but an administrator needs the command line: every act of it has a form on a page, or stands here with why it has none."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.cli.remote import acts
from ledger.control.alarms.table import table
from ledger.core.refusals import registry
from ledger.core.words import words_of
from ledger.web.pages.acts import _done_by as heading
from ledger.web.pages.given.catalogue import UPLOADS
from ledger.web.worded import BAD, worded
from tests.web.test_every_page import offered_in_the_source

BY_ANOTHER: dict[str, str] = {
    "daily run": "day run",
    "payments approve": "day approve",
    "payments send": "day send",
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


def sentences() -> Iterator[tuple[str, str]]:
    """(whence, sentence) of everything a refusal, a warning, an alarm or an act's answer may say."""
    for code, found in registry().items():
        yield code, found.sentence
    for kind, row in table().items():
        yield kind, row.ask
    for path in Path("ledger").rglob("*.py"):
        if path.is_relative_to("ledger/web") or path.is_relative_to("ledger/simulation"):
            continue
        tree = ast.parse(path.read_text())
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in told:
                continue
            if isinstance(node, ast.JoinedStr):
                text = "".join(
                    str(one.value) if isinstance(one, ast.Constant) else "某" for one in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            if re.search("[\u4e00-\u9fff]", text) and "SELECT" not in text:
                yield f"{path}:{node.lineno}", text


def test_no_sentence_reaches_a_page_in_words_of_the_command_line_or_the_database() -> None:
    found = list(sentences())
    assert len(found) > 3000
    wrong = {where: worded(text) for where, text in found if BAD.search(worded(text))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("缺少--reason：理由；用法见 fundledger payments cancel --help", "缺少理由"),
        (
            "表中没有逐行余额，须写明期初余额与期末余额（--opening、--closing）",
            "表中没有逐行余额，须写明期初余额与期末余额",
        ),
        ("停止付款，执行 fundledger verify 查明何人所为", "停止付款，核验账目查明何人所为"),
        (
            "；账务不受影响，请执行 fundledger worker --once anchors 补做",
            "；账务不受影响，请系统管理员处理补做",
        ),
        ("模板A5须用--bank指明一个本账套的账户", "模板A5须用自有账户指明一个本账套的账户"),
        ("数据不符合约束：超出允许的取值（voucher_line_amount_fen_check）", "数据不符合约束：超出允许的取值"),
        ("2026-10-13 H42010000001——无", "2026-10-13 H42010000001——无"),
        ("下一步：复核人审批（fundledger day show）", "下一步：复核人审批"),
        ("待另一人确认：fundledger institution list --open", "待另一人确认"),
        ("已提交，待会计主管凭摘要确认（period confirm --digest 某）", "已提交，待会计主管凭摘要确认"),
        ("收银行文件须由会计办理（payments receive）", "收银行文件须由会计办理"),
        ("差额1.00元（pool）、（个人账户，acct）", "差额1.00元（pool）、（个人账户，acct）"),
        (
            "用户li在420100-0没有所需角色：checker、reviewer",
            "用户li在统筹区420100没有所需岗位：复核审批、内控稽核",
        ),
        ("用户li在420100-310没有所需角色：chief", "用户li在420100-310没有所需岗位：会计主管"),
        ("张三（Zhang San）的账户", "张三（Zhang San）的账户"),
    ],
)
def test_a_sentence_is_said_in_people_s_words(said: str, shown: str) -> None:
    assert worded(said) == shown


def test_refusals_of_the_pages_name_no_option_and_no_constraint(desk: Any, sat: Any) -> None:
    li, zhao = sat("li"), sat("zhao")
    new, save = "/desk/drafts/new?book=420100-310", "/desk/drafts/save?book=420100-310"
    nought = {"l0.memo": "零", "l0.account": "1001", "l0.debit": "0.00", "l1.account": "400101", "l1.credit": "0.00",
              "evidence": "文", "business": "2026-10-12"}  # fmt: skip
    answers = [
        li.post(save, li.form(new, save) | nought),
        zhao.post("/desk/act/payments/cancel", zhao.form("/desk/me", "/desk/logout") | {"key": "k1", "v.region": "420100", "v.order": "x"}),
        zhao.post("/desk/act/payments/cancel", zhao.form("/desk/me", "/desk/logout") | {"key": "k2", "v.region": "x", "v.order": "x"}),
        li.post("/desk/act/payments/receive", li.form("/desk/me", "/desk/logout") | {"key": "", "v.region": "420100", "v.nothing": "1"}),
    ]  # fmt: skip
    for answer in answers:
        assert 400 <= answer.status_code < 500
        told = "".join(re.findall(r'role="alert">(.*?)</p>', answer.text, re.S))
        assert told
        assert BAD.search(told) is None, told
    assert "缺少" in answers[1].text


def test_no_remedy_at_the_desk_names_a_command() -> None:
    for kind, one in table().items():
        assert not re.search(r"[a-z]{2,} [a-z]{2,}|worker", worded(one.ask)), kind
    assert worded(table()["file_altered"].ask) == "停止付款，核验账目查明；作废后重新制盘"
    assert worded(table()["payee_failed"].ask) == "核实账户后提出更正，另一人复核"


def test_no_heading_of_what_was_done_names_an_option() -> None:
    for name, one in acts().items():
        assert BAD.search(heading(name, (one.help or "").strip(), {})) is None, name


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
