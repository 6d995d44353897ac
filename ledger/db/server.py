"""Is this the server to write to? Not a standby, not an old primary that came back, none that acknowledges what it may lose.

Every new connection of the service and the auditor asks (`admit`). A home remembers, by server, the highest timeline it has
met: a promotion and a restore to a moment begin a new one, so what answers with a lower one was left behind (ADR 26).
"""

from __future__ import annotations

import fcntl
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg

from ledger.core.errors import Conflict
from ledger.core.private import opened, write_private
from ledger.db.logins import check_version
from ledger.db.watch import Watched

MEMORY: Final = "timelines.json"
THROWAWAY: Final = "fundledger.throwaway"
"""A server of tests says so in its settings (`Cluster(durable=False)`) and may be as unsafe as it likes."""

_LOG: Final = logging.getLogger("ledger.db")
_WHO: Final = """SELECT system_identifier::text,
       ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int FROM pg_control_system()"""
_SAFE: Final = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "data_checksums": ("on",),
    "synchronous_commit": ("on", "remote_apply", "remote_write", "local"),
    "ignore_checksum_failure": ("off",),
    "zero_damaged_pages": ("off",),
}
_SYNCED: Final = ("on", "remote_apply", "remote_write")
"""With a synchronous standby: what does not wait for it acknowledges what a failover loses."""


def admit(connection: psycopg.Connection[Any], home: Path | None) -> None:
    """Refuse an unsupported server (`db.version`), a standby (`db.standby`) and one that was left behind (`db.fenced`).

    `home` is where the timelines met so far are remembered; None asks for the first two only. Raises Conflict.
    """
    check_version(connection.info.server_version)
    if connection.info.parameter_status("in_hot_standby") == "on":
        raise Conflict(
            "db.standby",
            "所连的是备库（只读，可能落后）：已付未付以主库为准，请把DATABASE_URL指向主库",
        )
    if home is None:
        return
    before = connection.autocommit
    connection.autocommit = True
    _remember(home, *who(connection))
    connection.autocommit = before


def entered(place: dict[str, Any], home: Path | None) -> Watched:
    """A connection that `admit` lets in. Of several hosts, the next where one is a standby or was left behind: an old primary that
    nobody stopped still says that it takes writes (`target_session_attrs`). Raises psycopg.OperationalError and what `admit` raises.
    """
    if place.get("target_session_attrs") == "read-write":
        # sessions that only read, the auditor's, would find no server at all
        place = place | {"target_session_attrs": "primary"}
    try:
        return _entered(place, home)
    except Conflict as refused:
        if refused.code not in ("db.standby", "db.fenced"):
            raise
        for one in _each(place):
            with suppress(psycopg.OperationalError, Conflict):
                return _entered(one, home)
        raise


def _entered(place: dict[str, Any], home: Path | None) -> Watched:
    made = Watched.connect(**place)
    try:
        admit(made, home)
    except BaseException:
        made.close()
        raise
    made.home = home
    return made


def _each(place: dict[str, Any]) -> list[dict[str, Any]]:
    """The hosts of a place one by one; [] where there is but one."""
    hosts, ports = (str(place.get(name) or "").split(",") for name in ("host", "port"))
    if len(hosts) == 1:
        return []
    ports *= len(hosts) if len(ports) == 1 else 1
    return [place | {"host": host, "port": port} for host, port in zip(hosts, ports, strict=True)]


def who(connection: psycopg.Connection[Any]) -> tuple[str, int]:
    """The system identifier of the server and the timeline it writes."""
    system, timeline = connection.execute(_WHO).fetchone() or ("", 0)
    return str(system), int(timeline)


def _remember(home: Path, system: str, timeline: int) -> None:
    known = _known(home).get(system, 0)
    if timeline < known:
        raise Conflict(
            "db.fenced",
            f"所连的是已被接替的数据库（时间线{timeline}，本安装已见过{known}）：不得再写入，"
            "请把DATABASE_URL指向新的主库，旧主库须重做为备库",
            timeline=timeline,
            known=known,
        )
    if timeline > known:
        try:
            _write(home, system, timeline)
        except OSError as problem:
            _LOG.warning("timeline %s of server %s not remembered: %s", timeline, system, problem)


def _known(home: Path) -> dict[str, int]:
    try:
        return dict(json.loads((home / MEMORY).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise Conflict(
            "db.timelines",
            f"{home / MEMORY}不可读：它记着本安装见过的数据库时间线，请从备份恢复该文件",
            path=str(home / MEMORY),
        ) from None


def _write(home: Path, system: str, timeline: int) -> None:
    """Keep the higher one, whoever else writes at the same time; whole or not at all."""
    home.mkdir(exist_ok=True)  # none of its parents: a mistyped home makes no folders
    with opened(home / f"{MEMORY}.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = _known(home)
        known[system] = max(timeline, known.get(system, 0))
        write_private(home / MEMORY, json.dumps(known, sort_keys=True) + "\n")


def unsafe_settings(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Settings under which the server may lose or hide what it acknowledged: name → value; {} on a server of tests."""
    (throwaway,) = connection.execute("SELECT current_setting(%s, true)", [THROWAWAY]).fetchone() or ("",)
    if throwaway == "on":
        return {}
    rows = connection.execute(
        "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [[*_SAFE, "synchronous_standby_names"]]
    ).fetchall()
    shown = dict(rows)
    allowed = dict(_SAFE)
    if shown.pop("synchronous_standby_names", ""):
        allowed["synchronous_commit"] = _SYNCED
    return {name: value for name, value in shown.items() if value not in allowed[name]}


def require_safe(connection: psycopg.Connection[Any]) -> None:
    """Raise Conflict `db.unsafe` unless the server keeps what it acknowledges."""
    found = unsafe_settings(connection)
    if found:
        told = "、".join(f"{name}={value}" for name, value in sorted(found.items()))
        raise Conflict(
            "db.unsafe", f"数据库的设置不保证已提交的数据不丢、不损：{told}，请改正后再启动", settings=found
        )
