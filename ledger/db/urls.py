"""Addresses of databases as libpq reads them, and why one could not be entered, in Chinese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import psycopg

from ledger.core.errors import Unavailable

if TYPE_CHECKING:  # for the type only: it costs more than most commands
    from collections.abc import Iterable

    from sqlalchemy.engine import URL

_NO_DATABASE: Final = r'database ".*" does not exist'
_REASONS: Final = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Connection refused", "服务器没有应答（未启动，或主机、端口不对）"),
        (r"resolve host|translate host name|Name or service not known", "主机名不能解析"),
        (r"password authentication failed|no password supplied", "用户名或口令不对"),
        (r"no pg_hba\.conf entry", "服务器不允许此用户从本机进入"),
        (r'role ".*" does not exist', "没有此登录用户"),
        (_NO_DATABASE, "没有这个库，请先执行 fundledger db migrate"),
        (r"permission denied for database", "此用户不得进入这个库"),
        (r"not currently accepting connections", "这个库现在不接受连接"),
        (r"too many (clients|connections)|remaining connection slots", "服务器的连接数已满"),
        (r"starting up|shutting down|in recovery mode", "服务器正在启动或停止，请稍后再试"),
        (r"timeout|timed out", "超时"),
        (r"SSL|certificate", "加密连接不能建立"),
        (r"No such file or directory", "套接字不存在，服务器未启动"),
        (r"Permission denied", "没有进入套接字所在目录的权限"),
        (r"No route to host|Network is unreachable", "网络不通"),
        (r"closed the connection|connection .* lost|terminating connection", "连接被中断"),
    )
)


def libpq_url(url: URL) -> str:
    """The same place as a URI for psycopg and PostgreSQL's programs, password included.

    SQLAlchemy writes a space as `+`, which libpq takes for a plus: here everything special is percent-encoded.
    """
    place = (f"[{url.host}]" if ":" in (url.host or "") else quote(url.host or "", safe=",")) + (
        f":{url.port}" if url.port else ""
    )
    password = None if url.password is None else str(url.password)
    pairs = ((name, ",".join(values)) for name, values in url.normalized_query.items())
    return written_url(url.username, password, place, url.database or "", pairs)


def written_url(
    user: str | None, password: str | None, place: str, database: str, pairs: Iterable[tuple[str, str]]
) -> str:
    """A libpq URI of its parts; `place` is host and port as they stand in it, or nothing."""
    who = "" if user is None else quote(user, safe="")
    if password is not None:
        who += ":" + quote(password, safe="")
    url = f"postgresql://{who}{'@' if who else ''}{place}/{quote(database, safe='')}"
    query = urlencode(sorted(pairs), quote_via=quote, safe="")
    return url + (f"?{query}" if query else "")


def no_such_database(problem: BaseException | None) -> bool:
    """Whether a failed connection says that the server is there and the database is not."""
    return isinstance(problem, psycopg.OperationalError) and re.search(_NO_DATABASE, str(problem)) is not None


def connection_refusal(problem: psycopg.Error, database: str = "") -> Unavailable:
    """Unavailable `db.connect`: why the database could not be entered; the driver's own words are in `details`."""
    said = str(problem).strip()[-500:]
    reason = next((words for pattern, words in _REASONS if pattern.search(said)), f"（原文）{said}")
    return Unavailable("db.connect", f"不能连接数据库{database}：{reason}", reason=said)
