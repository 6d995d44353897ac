"""Whatever stops a command ends in a code, a Chinese sentence, one JSON object where one was asked for, and 1 or 2."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.cli.line.refusals import refusal_of, tell
from ledger.core.errors import InvalidInput, LedgerError, Unavailable
from ledger.core.os_errors import os_refusal
from ledger.settings import get_settings
from ledger.simulation.platform.day import generate

NOWHERE = "postgresql://x:y@127.0.0.1:1/z"
ENGLISH = re.compile(r"Invalid|Missing|No such|not |error|Errno|Permission|denied|refused", re.IGNORECASE)
MISTYPED = (
    (("report", "trial-balance", "--format", "json"), "usage.missing", ("--book", "420100-310")),
    (("explain", "--json"), "usage.missing", ("SUBJECT", "结算ID")),
    (("intake", "load", "--json"), "usage.missing", ("FILES",)),
    (("export", "--book", "420100-310", "--format", "xml", "--out", "x", "--json"), "usage.value",
     ("--format", "“xml”", "hledger", "beancount")),
    (("payments", "list", "--region", "abc", "--json"), "usage.value", ("--region", "“abc”", "整数")),
    (("payments", "list", "--region", "42010", "--json"), "usage.value", ("--region", "100000")),
    (("payments", "list", "--region", "9" * 20, "--json"), "usage.value", ("--region", "999999")),
    (("report", "general-ledger", "--book", "420100-310", "--account", "1", "--limit", "0", "--format", "json"),
     "usage.value", ("--limit", "“0”", "不小于1")),
    (("generate", "--records", "x", "--institutions", "3", "--date", "2026-10-10", "--out", "x", "--json"),
     "usage.value", ("--records", "应为整数")),
    (("generate", "--records", "3", "--institutions", "3", "--date", "2026-10-10", "--out", "x", "--region", "1",
      "--json"), "usage.value", ("--region", "100000")),
    (("audit", "load", "/nowhere/x", "--region", "420100", "--date", "2026-10-10", "--json"), "usage.file",
     ("/nowhere/x", "不存在")),
    (("audit", "load", "/", "--region", "420100", "--date", "2026-10-10", "--json"), "usage.file", ("目录",)),
    (("daily", "run", "--json", "--region"), "usage.needs_value", ("--region",)),
    (("book", "list", "--jsn", "--json"), "usage.option", ("--jsn", "是否为--json")),
    (("nosuch", "--json"), "usage.command", ("nosuch",)),
    (("book", "list", "extra", "--json"), "usage.extra", ("extra",)),
)  # fmt: skip


@pytest.mark.parametrize(("words", "code", "named"), MISTYPED, ids=lambda value: str(value)[:40])
def test_what_is_typed_wrongly_is_said_in_chinese_and_ends_with_two(
    command: Callable[..., Any], words: tuple[str, ...], code: str, named: tuple[str, ...]
) -> None:
    ended = command(*words)
    assert (ended.code, ended.last["error"]) == (2, code)
    message = ended.last["message"]
    assert all(part in message for part in named), message
    assert not ENGLISH.search(message), message
    assert ended.err == f"拒绝（{code}）：{message}\n"
    assert len(ended.out.splitlines()) == 1


def test_a_groups_name_alone_shows_what_it_offers(command: Callable[..., Any]) -> None:
    for words in ((), ("db",)):
        ended = command(*words)
        assert ended.code == 2
        assert "Traceback" not in ended.err
        assert ("备份" if words else "payments") in ended.out + ended.err


def test_a_user_named_by_nothing_is_refused(command: Callable[..., Any]) -> None:
    for words in (("book", "list", "--json", "--as="), ("book", "list", "--json", "--as")):
        ended = command(*words)
        assert (ended.code, ended.last["error"]) == (1, "user.missing")


@pytest.mark.parametrize(
    "words",
    [
        ("book", "list", "--as", "li"), ("verify",), ("db", "status"), ("db", "migrate"), ("demo",),
        ("db", "backup", "--plain", "--out", "x.dump"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_database_that_is_not_there(
    command: Callable[..., Any], words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = {"FUNDLEDGER_SERVICE_PASSWORD": "x", "FUNDLEDGER_AUDITOR_PASSWORD": "x"}
    ended = command(*words, "--json", DATABASE_URL=NOWHERE, FUNDLEDGER_HOME=str(tmp_path), **env)
    assert (ended.code, ended.last["error"]) == (1, "db.connect")
    assert "服务器没有应答" in ended.last["message"]
    assert not ENGLISH.search(ended.last["message"])
    assert "Traceback" not in ended.err
    assert not list(tmp_path.glob("x.dump*"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("FUNDLEDGER_TODAY", "foo"), ("FUNDLEDGER_TODAY", "20261013"), ("FUNDLEDGER_HOME", "~nobody-at-all/x")],
)
def test_a_wrong_variable_is_named(command: Callable[..., Any], name: str, value: str) -> None:
    ended = command("book", "list", "--json", **{name: value})
    assert (ended.code, ended.last["error"]) == (1, "settings.value")
    assert name in ended.last["message"]
    assert not ENGLISH.search(ended.last["message"].replace(name, ""))


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_the_operating_systems_reasons_are_chinese(number: int) -> None:
    error = OSError(number, os.strerror(number), "/a/b")
    refusal = os_refusal(error)
    assert re.fullmatch(r"(file|system)\.[a-z_]+", refusal.code)
    assert refusal.message.startswith("/a/b：")
    assert re.search(r"[一-鿿]", refusal.message.removeprefix("/a/b："))
    assert os.strerror(number) not in refusal.message
    assert isinstance(refusal, Unavailable if number in (errno.ENOSPC, errno.EIO) else LedgerError)


def test_what_nobody_foresaw_is_internal_with_its_trace_beside(capsys: pytest.CaptureFixture[str]) -> None:
    error = ZeroDivisionError("nobody foresaw")
    assert refusal_of(error) is None
    assert tell(error, as_json=True) == 1
    told = capsys.readouterr()
    assert json.loads(told.out)["error"] == "internal"
    assert "nobody foresaw" in told.err
    assert "nobody foresaw" not in told.out


def test_a_mistyped_user_or_region_does_not_look_like_nothing_happened(
    there: Callable[..., Any], world: Any
) -> None:
    for words, code in (
        (("payments", "list", "--region", "420100", "--as", "nobody"), "user.unknown"),
        (("book", "list", "--as", "nobody"), "user.unknown"),
        (("explain", "S1", "--as", "nobody"), "user.unknown"),
        (("payments", "list", "--region", "999999", "--as", "zhao"), "region.not_allowed"),
        (("payments", "list", "--region", "420200", "--as", "zhao"), "region.not_allowed"),
        (("audit", "list", "--region", "420100", "--as", "zhao", "--state", "foo"), "finding.state"),
        (
            ("book", "voucher", "list", "--book", "420100-310", "--as", "li", "--state", "foo"),
            "voucher.state",
        ),
        (("payments", "list", "--region", "420100", "--as", "zhao", "--state", "foo"), "order.state"),
        (("payments", "list", "--region", "420100", "--as", "zhao", "--batch", "foo"), "batch.unknown"),
    ):
        ended = there(*words, "--json")
        assert (ended.code, ended.last["error"]) == (1, code), words
    with world.admin_engine.connect() as admin:
        logged = admin.exec_driver_sql(
            "SELECT user_name, object, split_part(detail, '：', 1) FROM access.operator_log"
            " WHERE action = 'access.ask' ORDER BY id"
        ).fetchall()
    assert [tuple(row) for row in logged] == [
        ("nobody", "420100", "user.unknown"), ("nobody", "", "user.unknown"), ("nobody", "", "user.unknown"),
        ("zhao", "999999", "region.not_allowed"), ("zhao", "420200", "region.not_allowed"),
    ]  # fmt: skip
    assert (
        there("payments", "list", "--region", "420100", "--as", "zhao", "--state", "paid", "--json").code == 0
    )


def test_a_period_nobody_opened_has_no_account(there: Callable[..., Any], world: Any) -> None:
    def asked(report: tuple[str, ...], period: str, *more: str) -> Any:
        words = ("report", *report, "--book", "420100-310", "--format", "json", "--as", "zhou")
        return there(*words, "--period", period, *more)

    for report in (("trial-balance",), ("general-ledger", "--account", "1004")):
        for period in ("209901", "202001", "202611"):
            ended = asked(report, period)
            assert (ended.code, ended.last["error"]) == (1, "period.unknown")
            assert period in ended.last["message"]
        assert asked(report, "202610").code == 0
    assert there("book", "open", "--book", "420100-310", "--period", "202611", "--as", "li").code == 0
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET LOCAL session_replication_role = replica")
        admin.exec_driver_sql("UPDATE books.period SET state = 'closed' WHERE period = 202610 AND fund = 310")
    for period in ("202610", "202611"):  # closed, and opened ahead with balances carried to it
        assert asked(("trial-balance",), period, "--as-of", "2026-10-13").code == 0


def test_files_that_cannot_be_read_or_written(there: Callable[..., Any], tmp_path: Path) -> None:
    empty, taken = tmp_path / "empty.jsonl", tmp_path / "taken"
    empty.touch()
    taken.touch()
    load = ("institution", "load", "--region", "420100", "--as", "zhao")
    make = ("generate", "--records", "3", "--institutions", "3", "--date", "2026-10-10", "--out")
    for words, code, named in (
        ((*load, str(tmp_path / "none")), "file.missing", "none：不存在"),
        ((*load, str(tmp_path)), "file.is_folder", "是目录"),
        ((*load, str(empty)), "institution.empty", "empty.jsonl"),
        ((*make, str(taken)), "file.exists", "taken：已存在"),
        ((*make, "/proc/fundledger"), "file.missing", "/proc/fundledger"),
        ((*make, str(tmp_path / "g"), "--date", "0001-01-01"), "generate.date", "2000"),
        ((*make, str(tmp_path / "g"), "--date", "9999-12-31"), "generate.date", "2099"),
        (("setup", str(tmp_path / "none")), "file.missing", "none：不存在"),
        (("export", "--book", "420100-310", "--format", "hledger", "--as", "zhou", "--out",
          str(tmp_path / "no/x")), "export.file", "不存在"),
        (("db", "backup", "--plain", "--out", str(tmp_path / "no/x")), "db.backup", "不存在"),
        (("db", "restore", "--from", str(tmp_path / "none")), "db.backup_damaged", "none.json不存在"),
    ):  # fmt: skip
        as_json = () if words[0] == "setup" else ("--json",)
        ended = there(*words, *as_json)
        assert ended.code == 1, words
        assert f"拒绝（{code}）" in ended.err, ended.err
        assert named in ended.err
        assert not ENGLISH.search(ended.err.replace(str(tmp_path), "").replace(code, "")), ended.err
        if as_json:
            assert ended.last["error"] == code
    assert not (tmp_path / "g").exists()


def test_files_are_looked_at_before_the_first_is_loaded(
    there: Callable[..., Any], world: Any, tmp_path: Path
) -> None:
    def loads() -> int:
        with world.admin_engine.connect() as admin:
            return int(admin.exec_driver_sql("SELECT count(*) FROM fund.intake_load").scalar_one())

    good = generate(20, 4, date(2026, 10, 12), 1, tmp_path).settlements[0]
    missing = there("intake", "load", str(good), str(tmp_path / "none"), "--as", "jieru", "--json")
    assert (missing.code, missing.last["error"], loads()) == (1, "file.missing", 0)
    utf16 = tmp_path / "utf16.jsonl"
    utf16.write_bytes("{}\n".encode("utf-16"))
    stopped = there("intake", "load", str(good), str(utf16), "--as", "jieru", "--json")
    assert (stopped.code, stopped.last["error"]) == (1, "file.encoding")
    loaded = stopped.last["details"]["loaded"]
    assert loaded["accepted"] + loaded["duplicate"] + loaded["quarantined"] == 20
    assert Path(loaded["quarantine"]).is_file()
    assert "接受" in stopped.err


def test_rules_are_one_object_on_the_last_line(command: Callable[..., Any]) -> None:
    ended = command("rules", "show", "--event", "RCV.daily", "--json")
    assert [rule["event"] for rule in ended.last["rules"]] == ["RCV.daily"] * len(ended.last["rules"])
    assert len(ended.out.splitlines()) == 1


def test_settings_are_read_again_where_they_were_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDLEDGER_TODAY", "2026-13-01")
    get_settings.cache_clear()
    with pytest.raises(InvalidInput, match="FUNDLEDGER_TODAY"):
        get_settings()
    monkeypatch.setenv("FUNDLEDGER_TODAY", "2026-10-13")
    assert get_settings().today == date(2026, 10, 13)
    get_settings.cache_clear()
