"""May this process serve the database of a home, and can PostgreSQL's programs take its path? Asked before anything is touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ledger.core.errors import Conflict, Forbidden
from ledger.db.programs import RunAs

SOCKET_PATH_LIMIT: Final = 100  # the kernel's is 107 bytes
UNFIT: Final = frozenset('"$`\\,\r\n\t')
"""pg_ctl starts the server through a shell and quotes nothing inside the quotes; a comma parts two socket folders."""


def check_owner(home: Path, data: Path) -> None:
    """Raise Forbidden `db.home_owner` where another operating system user owns the home; root may serve any.

    The home is asked first: what lies below one of another user cannot even be looked at.
    """
    for folder in (home, data):
        if os.geteuid() == 0 or not folder.exists():
            continue
        if folder.stat().st_uid != os.geteuid():
            raise Forbidden(
                "db.home_owner", f"{folder}属于另一操作系统用户，请以其所有者运行", folder=str(folder)
            )


def check_path(socket: Path) -> None:
    """Raise Conflict `db.home_path` or `db.socket_path` where PostgreSQL cannot use the path of its socket."""
    if unfit := sorted(UNFIT.intersection(str(socket))):
        shown = "、".join(repr(letter)[1:-1] for letter in unfit)
        raise Conflict(
            "db.home_path",
            f"数据目录路径含有PostgreSQL不能使用的字符（{shown}）：{socket}，请用FUNDLEDGER_HOME另指目录",
            path=str(socket),
        )
    if len(os.fsencode(socket)) > SOCKET_PATH_LIMIT:
        raise Conflict(
            "db.socket_path",
            f"数据目录路径过长：套接字{socket}超过{SOCKET_PATH_LIMIT}字节，请用FUNDLEDGER_HOME指定较短的目录",
            path=str(socket),
        )


def check_way(home: Path, user: RunAs) -> None:
    """Raise Conflict `db.home_unreachable` where the database's user cannot pass through a folder above the home."""
    for folder in (home, *home.parents):
        if folder.exists() and user.drop and not user.may_enter(folder):
            raise Conflict(
                "db.home_unreachable",
                f"数据库以用户{user.name}运行，不能进入{folder}；程序不更改已有目录的权限，"
                "请用FUNDLEDGER_HOME指定其可进入的目录（如/var/lib/fundledger）",
                folder=str(folder),
                user=user.name,
            )
