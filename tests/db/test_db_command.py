from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ledger.cli.installation.db import app
from ledger.db.identity import carried
from ledger.settings import get_settings


@pytest.fixture
def invoke(monkeypatch):
    """Run `fundledger db ...` with the given environment and return what it printed."""

    def run(env, *words):
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        get_settings.cache_clear()
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    yield run
    get_settings.cache_clear()


def test_an_embedded_home_from_nothing_to_stopped(home, invoke, cluster, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    env = {"FUNDLEDGER_HOME": str(home), "FUNDLEDGER_PG_BINDIR": str(cluster.bindir)}
    assert "尚未建立，未运行" in invoke(env, "status")
    assert str(home) in invoke(env, "start")
    assert f"结构版本 {carried().revision}（{carried().digest[:8]}）" in invoke(env, "migrate")
    assert "无须升级" in invoke(env, "migrate", "--dry-run")
    assert "相符" in invoke(env, "status")
    archive = home / "books.dump"
    assert str(archive) in invoke(env, "backup", "--plain", "--out", str(archive))
    assert "drill" in invoke(env, "restore", "--from", str(archive), "--into", "drill")
    assert "数据库已停止" in invoke(env, "stop")
    assert "数据库未在运行" in invoke(env, "stop")


def test_another_server_is_neither_started_nor_stopped(database, invoke):
    env = {"DATABASE_URL": database.admin_url, "FUNDLEDGER_HOME": str(database.settings.home)}
    for word in ("start", "stop", "status"):
        assert "不由本程序启停" in invoke(env, word)
    assert f"结构版本 {carried().revision}" in invoke(env, "status")


def test_every_command_answers_in_json(home, invoke, cluster, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    env = {"FUNDLEDGER_HOME": str(home), "FUNDLEDGER_PG_BINDIR": str(cluster.bindir)}
    place = {"home": str(home), "embedded": True}

    def asked(*words):
        [line] = invoke(env, *words, "--json").splitlines()
        return json.loads(line)

    assert asked("status") == place | {"server": None, "running": False}
    assert asked("start") == place | {"running": True}
    unmade = asked("status")
    assert (unmade["running"], unmade["revision"], unmade["head"]) == (True, None, carried().revision)
    done = asked("migrate")
    assert (done["from"], done["revision"], done["backup"], done["verify"]) == (
        None,
        carried().revision,
        None,
        "not asked",
    )
    status = asked("status")
    assert (status["revision"], status["digest"], status["fits"]) == (*carried()[:2], True)
    archive = home / "books.dump"
    made = asked("backup", "--plain", "--out", str(archive))
    assert (made["out"], made["manifest"], made["bytes"]) == (
        str(archive), f"{archive}.json", archive.stat().st_size,
    )  # fmt: skip
    back = asked("restore", "--from", str(archive), "--into", "drill")
    assert (back["database"], back["verify"], back["findings"]) == ("drill", "clean", [])
    assert asked("stop") == place | {"running": False, "stopped": True}
    assert asked("stop") == place | {"running": False, "stopped": False}
