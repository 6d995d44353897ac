"""What a person reads and types: old and new side by side, and a command to copy that confirms exactly this."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenes.line import Ended, typed

H = "H42010000001"
LINE = {
    "code": H, "name": "第1医院", "type": "hospital", "level": "02", "status": "active",
    "agreement_start": "2020-01-01", "agreement_end": "2030-12-31",
    "enrolment": {"mode": "daily", "cycle": "daily", "ratio": "0.6", "month_ratio": "0.95", "start": "2026-10-01"},
    "payee": {"name": "第1医院", "account": "620000000001", "bank_name": "模拟银行", "cnaps": "102421000009"},
}  # fmt: skip


@pytest.fixture
def say(month: Any, tmp_path: Path) -> Any:
    """`fundledger WORD…` as a person types it, the region with it."""
    settings = month.database.settings
    env = {
        "FUNDLEDGER_HOME": str(settings.home),
        "DATABASE_URL": month.database.admin_url,
        "FUNDLEDGER_TODAY": "2026-10-12",
        "PATH": "/usr/bin:/bin",
    }

    def command(user: str, *words: str, code: int = 0, region: bool = True) -> Ended:
        ended = typed("--as", user, *words, *(("--region", "420100") if region else ()), env=env)
        assert ended.code == code, ended
        return ended

    return command


def written(tmp_path: Path, **other: Any) -> str:
    path = tmp_path / "institutions.jsonl"
    path.write_text(json.dumps(LINE | other, ensure_ascii=False) + "\n", encoding="utf-8")
    return str(path)


def test_the_command_that_list_prints_confirms_what_it_showed(say: Any, tmp_path: Path) -> None:
    file = written(
        tmp_path,
        enrolment={**LINE["enrolment"], "ratio": "1", "start": "2026-10-13"},  # type: ignore[dict-item]
        payee={**LINE["payee"], "account": "620000000099"},  # type: ignore[dict-item]
    )
    loaded = say("zhao", "institution", "load", file).out
    assert "参加方式：提出1项" in loaded
    assert "收款账户：提出1个" in loaded
    shown = say("qian", "institution", "list", "--open").out
    assert "日比例：0.6 → 1" in shown
    assert "账号：620000000001 → 620000000099" in shown
    assert "自2026-10-13起，zhao于2026-10-12提出" in shown
    command = shown.splitlines()[-1].partition("：")[2].split()
    assert command[:3] == ["fundledger", "institution", "confirm"]
    confirmed = say("qian", *command[1:], region=False).out
    assert confirmed.strip() == "已确认：协议0项、参加方式1项、收款账户1项"
    assert "没有待另一人确认的事项" in say("qian", "institution", "list", "--open").out
    history = say("qian", "institution", "show", H).out
    assert "620000000099（第1医院，模拟银行）" in history
    assert "第1版 已由新账户取代：620000000001" in history
    assert "参加方式第2版 已确认：自2026-10-13起" in history
    again = say("qian", *command[1:], region=False, code=1)
    assert "institution.nothing_open" in again.err


def test_a_rename_is_shown_with_old_and_new_and_waits(say: Any, tmp_path: Path) -> None:
    assert "提出更名1家" in say("zhao", "institution", "load", written(tmp_path, name="第一医院")).out
    shown = say("qian", "institution", "show", H).out
    assert "    机构名称：第1医院 → 第一医院\n" in shown
    assert shown.startswith(f"{H} 第1医院：")
    confirm = shown.splitlines()[-2].partition("：")[2].split()
    assert say("qian", *confirm[1:], region=False).out.strip() == "已确认：协议1项、参加方式0项、收款账户0项"
    history = say("qian", "institution", "show", H).out
    assert history.startswith(f"{H} 第一医院：")
    assert "协议第2版 已确认：机构名称第一医院、" in history
    assert "第1版 在用：620000000001 第1医院" in history  # where it is paid is another matter


def test_the_old_file_again_says_what_it_left_out(say: Any, tmp_path: Path) -> None:
    say("zhao", "institution", "load", written(tmp_path, payee={**LINE["payee"], "account": "620000000099"}))  # type: ignore[dict-item]
    one = say("qian", "institution", "show", H).out.splitlines()
    confirm, refuse = (line.partition("：")[2].split() for line in one[-2:])
    assert refuse[:4] == ["fundledger", "institution", "refuse", H]
    say("qian", *confirm[1:], region=False)
    again = say("zhao", "institution", "load", written(tmp_path)).out
    assert f"未写明理由而未提出（在payee中写reason，或用--reason）：{H}" in again
    assert "待另一人确认" not in again
    said = say("zhao", "institution", "load", written(tmp_path), "--reason", "新账户开错", "--json").last
    assert (said["payees_proposed"], said["payees_came_back"]) == (1, [])


def test_the_same_start_needs_to_say_that_it_corrects(say: Any, tmp_path: Path) -> None:
    file = written(tmp_path, enrolment={**LINE["enrolment"], "ratio": "1"})  # type: ignore[dict-item]
    assert "terms.same_start" in say("zhao", "institution", "load", file, code=1).err
    assert "更正1项" in say("zhao", "institution", "load", file, "--correction", "录入有误").out
    assert "（第2版，更正）自2026-10-01起" in say("qian", "institution", "show", H).out


def test_an_agreement_stops_at_once_and_goes_on_by_two(say: Any) -> None:
    assert "协议状态已为中止" in say("zhao", "institution", "agreement", H, "suspended").out
    assert "待另一人确认" in say("zhao", "institution", "agreement", H, "active").out
    assert "协议状态：中止 → 有效" in say("qian", "institution", "show", H).out
    assert "协议中止" in say("qian", "institution", "list").out


def test_a_choice_is_proposed_shown_and_confirmed(say: Any) -> None:
    choice = (
        "policy",
        "propose",
        "daily_accounting",
        "P2",
        "--from",
        "2027-01-01",
        "--source",
        "鄂医保发〔2026〕1号",
    )
    assert "待另一人确认" in say("li", *choice).out
    shown = say("qian", "policy", "list").out
    assert "自2027-01-01起 （未选择） → P2，依据鄂医保发〔2026〕1号，li于2026-10-12提出" in shown
    command = shown.splitlines()[-1].partition("：")[2].split()
    assert "已确认1项" in say("qian", *command[1:], region=False).out
    assert "li提出、qian确认" in say("zhou", "policy", "list").out
    assert "未再提出" in say("li", *choice).out
    say("li", "policy", "propose", "receipt_days", "9", "--from", "2027-01-01", "--source", "文")
    digest = say("qian", "policy", "list", "--json").last["digest"]
    assert "已退回1项" in say("qian", "policy", "refuse", "--digest", digest, "--reason", "无此文件").out
