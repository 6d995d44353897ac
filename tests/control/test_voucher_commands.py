"""`fundledger book voucher` and `fundledger payments suspense` on the command line, each person under their own name."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

from ledger.db.unit_of_work import unit_of_work
from tests.control.conftest import ACCOUNT
from tests.scenes.line import typed
from tests.scenes.papers import PaperSaid, keep_paper
from tests.scenes.passwords import lend


def run(town: Any, user: str, *words: str, code: int = 0) -> dict[str, Any]:
    # The town's own home: what is anchored here is what `town.verify` looks for.
    lend(town.server_home, town.home)
    env = {
        **os.environ,
        "FUNDLEDGER_HOME": str(town.home),
        "DATABASE_URL": town.admin_url,
        "FUNDLEDGER_TODAY": "2026-11-02",
    }
    done = typed("--as", user, *words, "--json", env=env)
    assert done.code == code, done.err
    return done.last


def test_a_voucher_from_draft_to_entry(town: Any) -> None:
    book, day = ("--book", "420100-310"), ("--date", "2026-10-14")
    lines = ("--line", "借:1004:12.50:6222000001", "--line", "贷:41010101:12.50")
    draft = ("book", "voucher", "draft", *book, *day, "--summary", "调整", "--evidence", "会办单3号", *lines)
    ahead = [word if word != "2026-10-14" else "2026-11-03" for word in draft]
    assert run(town, "acc", *ahead, code=1)["error"] == "voucher.future"
    made = run(town, "acc", *draft)
    assert (made["state"], made["prepared_by"], made["amount_fen"]) == ("drafted", "acc", "1250")
    assert [line["side"] for line in made["lines"]] == ["借", "贷"]
    assert run(town, "acc", *draft)["draft"] == made["draft"]
    assert run(town, "cash", *draft, code=1)["error"] == "access.role_missing"
    approve = ("book", "voucher", "approve", made["draft"], *book, *day, "--digest")
    assert run(town, "acc", *approve, made["digest"], code=1)["error"] == "access.role_missing"
    assert run(town, "checker", *approve, "zz", code=1)["error"] == "digest.format"
    assert run(town, "checker", *approve, "0" * 64, code=1)["error"] == "voucher.changed"
    posted = run(town, "checker", *approve, made["digest"])
    assert (posted["state"], posted["decided_by"], posted["voucher"]) == (
        "approved",
        "checker",
        "记-202610-3",
    )
    red = run(
        town,
        "acc",
        *draft[:-4],
        "--line",
        "借:1004:-12.50:6222000001",
        "--line",
        "贷:41010101:-12.50",
        "--reverses",
        "记-202610-3",
    )
    assert (red["amount_fen"], red["reverses_seq"]) == ("-1250", 7)
    reject = ("book", "voucher", "reject", red["draft"], *book, *day, "--reason", "不必冲")
    assert run(town, "checker", *reject)["state"] == "rejected"
    again = run(
        town,
        "acc",
        *draft[:-4],
        "--line",
        "借:1004:-12.50:6222000001",
        "--line",
        "贷:41010101:-12.50",
        "--reverses",
        "记-202610-3",
    )
    withdraw = ("book", "voucher", "withdraw", again["draft"], *book, *day, "--reason", "重写")
    assert run(town, "acc", *withdraw)["state"] == "withdrawn"
    listed = run(town, "checker", "book", "voucher", "list", *book)["vouchers"]
    assert sorted(one["state"] for one in listed) == ["approved", "rejected", "withdrawn"]
    shown = run(town, "checker", "book", "voucher", "show", made["draft"], *book)
    assert (shown["digest"], shown["prepared_by"], shown["decided_by"]) == (made["digest"], "acc", "checker")
    bad = run(town, "acc", *draft[:-4], "--line", "借1004", "--line", "x", code=1)
    assert bad["error"] == "voucher.line"
    assert town.verify() == []


def test_a_voucher_from_a_template(town: Any) -> None:
    book, day = ("--book", "420100-310"), ("--date", "2026-10-14")
    listed = run(town, "checker", "book", "voucher", "templates", "list", *book)["templates"]
    assert {"A1", "A14", "A21", "A28b", "B3"} <= {one["code"] for one in listed}
    shown = run(town, "checker", "book", "voucher", "templates", "show", "C1", *book)
    assert (shown["article"], shown["lines"]) == ("1001三(一)", ["借 1001 =", "贷 1004 amount"])
    assert [one["account"] for line in shown["accounts"] for one in line] == [1001, 1004]
    draft = (
        "book",
        "voucher",
        "draft",
        *book,
        *day,
        "--evidence",
        "提现单1号",
        "--template",
        "C1",
        "--amount",
    )
    made = run(town, "acc", *draft, "12.50")
    assert made["summary"] == "提取现金"
    assert [
        (one["side"], one["account"], one["amount_fen"], one["counterparty"]) for one in made["lines"]
    ] == [
        ("借", 1001, "1250", ""),
        ("贷", 1004, "1250", "6222000001"),
    ]
    assert run(town, "acc", *draft, "1.00", "--line", "借:1001:1.00", code=1)["error"] == "voucher.form"
    assert run(town, "acc", *draft[:-3], code=1)["error"] == "voucher.form"
    assert run(town, "acc", *draft, "12.505", code=1)["error"] == "amount.format"
    assert run(town, "acc", *draft, "x=1", code=1)["error"] == "template.amount"
    approve = ("book", "voucher", "approve", made["draft"], *book, *day, "--digest", made["digest"])
    assert run(town, "checker", *approve)["voucher"] == "记-202610-3"
    assert town.verify() == []


OWN = """[[template]]
code = "WH01"
title = "市级统筹调剂金现金交存"
article = "武医保〔2026〕3号第五条"
summary = "交存调剂金"
lines = ["借 1001 =", "贷 41010101|41010102 amount"]
"""


def test_an_own_template_from_its_file_to_its_end(town: Any, tmp_path: Path) -> None:
    book, day = ("--book", "420100-310"), ("--date", "2026-10-14")
    of = ("book", "voucher", "templates")
    file = tmp_path / "WH01.toml"
    file.write_text(OWN, encoding="utf-8")
    propose = (*of, "propose", "--file", str(file), *book, *day, "--from", "2026-10-14")
    made = run(town, "acc", *propose)
    assert (made["template"], made["state"], made["lines"]) == (
        "WH01@1", "proposed", ["借 1001 =", "贷 41010101|41010102 amount"],
    )  # fmt: skip
    assert run(town, "cash", *propose, code=1)["error"] == "access.role_missing"
    confirm = (*of, "confirm", "WH01@1", *book, *day, "--digest")
    assert run(town, "acc", *confirm, made["digest"], code=1)["error"] == "access.role_missing"
    assert run(town, "checker", *confirm, "0" * 64, code=1)["error"] == "template.changed"
    assert run(town, "checker", *confirm, made["digest"])["since"] == "2026-10-14"
    draft = (
        "book",
        "voucher",
        "draft",
        *book,
        "--evidence",
        "交存单1号",
        "--template",
        "WH01",
        "--amount",
        "5",
    )
    draft = (*draft, "--account", "41010102")
    assert run(town, "acc", *draft, "--date", "2026-10-13", code=1)["error"] == "template.not_yet"
    first = run(town, "acc", *draft, *day)
    assert (first["template"], first["summary"], first["lines"][1]["account"]) == (
        "WH01@1",
        "交存调剂金",
        41010102,
    )
    approve = ("book", "voucher", "approve", first["draft"], *book, *day, "--digest", first["digest"])
    assert run(town, "checker", *approve)["state"] == "approved"
    listed = run(town, "checker", *of, "list", *book, *day)
    assert {"A1", "WH01"} <= {one["code"] for one in listed["templates"]}
    assert [(one["template"], one["proposed_by"], one["decided_by"]) for one in listed["own"]] == [
        ("WH01@1", "acc", "checker")
    ]
    shown = run(town, "checker", *of, "show", "WH01", *book, *day)
    assert [leaf["account"] for leaf in shown["accounts"][1]] == [41010101, 41010102]
    assert run(town, "checker", *of, "show", "WH01@1", *book)["digest"] == made["digest"]
    article = ("--article", "武医保〔2026〕9号")
    end = run(town, "acc", *of, "retire", "WH01", *book, *day, "--from", "2026-10-15", *article)
    gone = (*book, "--date", "2026-10-15", "--digest", end["digest"])
    assert run(town, "checker", *of, "confirm", "WH01@2", *gone)["retires"] is True
    assert run(town, "acc", *draft, "--date", "2026-10-15", code=1)["error"] == "template.retired"
    assert run(town, "acc", *of, "show", "WH01", *book, code=1)["error"] == "template.retired"
    assert run(town, "checker", "book", "voucher", "show", first["draft"], *book)["template"] == "WH01@1"
    assert town.verify() == []


def test_a_paper_in_suspense_is_explained(town: Any) -> None:
    with unit_of_work(town.service, "acc", 420100) as tx:
        keep_paper(
            tx, ACCOUNT, PaperSaid("S1", "debit", date(2026, 10, 13), 1500), "suspense", "unknown_order"
        )
    region, day = ("--region", "420100"), ("--date", "2026-10-14")
    [paper] = run(town, "acc", "payments", "suspense", "list", *region)["papers"]
    assert (paper["receipt"], paper["amount_fen"], paper["code"]) == ("bker:S1", "1500", "unknown_order")
    told = (
        *region,
        "--fund",
        "310",
        "--account",
        paper["account"],
        "--receipt",
        "bker:S1",
        "--document",
        "查复书1号",
        *day,
    )
    propose = ("payments", "suspense", "propose", *told, "--what")
    assert run(town, "acc", *propose, "gift", code=1)["error"] == "suspense.kind"
    made = run(town, "acc", *propose, "fee")
    assert (made["state"], made["what"]) == ("requested", "fee")
    confirm = ("payments", "suspense", "confirm", made["resolution"], *region, *day)
    assert run(town, "acc", *confirm, code=1)["error"] == "access.role_missing"
    assert run(town, "checker", *confirm)["approved_by"] == "checker"
    assert run(town, "acc", "payments", "suspense", "list", *region)["papers"] == []
    assert town.verify() == []


def test_a_posted_voucher_is_corrected_from_its_number(town: Any) -> None:
    book, day = ("--book", "420100-310"), ("--date", "2026-10-14")
    lines = ("--line", "借:1004:12.50:6222000001", "--line", "贷:41010101:12.50")
    made = run(
        town,
        "acc",
        "book",
        "voucher",
        "draft",
        *book,
        *day,
        "--summary",
        "补贴",
        "--evidence",
        "文件1号",
        *lines,
    )
    assert [one["code"] for one in made["warnings"]] == ["voucher.awaits_receipt"]

    def approve(draft: dict[str, Any], code: int = 0) -> dict[str, Any]:
        return run(
            town,
            "checker",
            "book",
            "voucher",
            "approve",
            draft["draft"],
            *book,
            *day,
            "--digest",
            draft["digest"],
            code=code,
        )

    number = approve(made)["voucher"]
    that = (*book, "--voucher", number)
    assert run(town, "acc", "correct", "show", *that)["reversible"] is True
    assert (
        run(town, "acc", "correct", "red", *that, "--date", "2026-11-03", code=1)["error"] == "voucher.future"
    )
    assert run(town, "cash", "correct", "red", *that, *day, code=1)["error"] == "access.role_missing"
    red = run(town, "acc", "correct", "red", *that, *day, "--reason", "科目有误")
    assert (red["correction"], red["summary"], red["evidence"], red["warnings"]) == (
        "red", f"注销10月14日{number}号凭证：科目有误", "文件1号", [],
    )  # fmt: skip
    right = ("--line", "借:1004:12.50:6222000001", "--line", "贷:440101:12.50")
    blue = run(town, "acc", "correct", "blue", *that, *day, *right)
    assert approve(blue, 1)["error"] == "correct.red_first"
    assert approve(red)["state"] == approve(blue)["state"] == "approved"
    shown = run(town, "acc", "correct", "show", *that)
    assert (shown["refusal"]["code"], sorted(one["kind"] for one in shown["corrections"])) == (
        "correct.already",
        ["blue", "red"],
    )
    less = run(
        town,
        "acc",
        "correct",
        "difference",
        *book,
        "--voucher",
        shown["corrections"][0]["voucher"],
        *day,
        *lines,
        code=1,
    )
    assert less["error"] in ("correct.reversal", "correct.difference_lines")
    assert (
        run(town, "acc", "correct", "red", *book, "--voucher", "4", *day, code=1)["error"]
        == "correct.own_way"
    )
    assert town.verify() == []
