"""INV-02, INV-14: every object, right, role and reference row is the one this program's revisions make, and there is no other.

What is expected comes with the program (`ledger/db/house.tsv`), never from the database being checked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.db.house import PERIOD, facts, shipped, shipped_of
from ledger.db.identity import carried, stored_in


class _Kind(NamedTuple):
    word: str
    promise: str


_KINDS: Final[Mapping[str, _Kind]] = {
    "catalogue": _Kind("系统目录中的对象", "INV-02"),
    "constraint": _Kind("约束", "INV-02"),
    "disabled": _Kind("外键触发器", "INV-02"),
    "event_trigger": _Kind("事件触发器", "INV-02"),
    "flag": _Kind("系统目录中遮住对象的标志", "INV-02"),
    "function": _Kind("函数", "INV-02"),
    "grant": _Kind("权限", "INV-14"),
    "index": _Kind("索引", "INV-02"),
    "member": _Kind("角色成员", "INV-14"),
    "object": _Kind("对象", "INV-02"),
    "policy": _Kind("行级安全策略", "INV-14"),
    "relation": _Kind("表或视图", "INV-02"),
    "role": _Kind("数据库角色", "INV-14"),
    "row": _Kind("基准数据", "INV-02"),
    "rule": _Kind("改写规则", "INV-02"),
    "schema": _Kind("模式", "INV-02"),
    "sequence": _Kind("序列", "INV-02"),
    "setting": _Kind("数据库设置", "INV-02"),
    "superuser": _Kind("超级用户或免行级安全的角色", "INV-14"),
    "trigger": _Kind("触发器", "INV-02"),
    "view": _Kind("视图", "INV-02"),
}


def check_house(snapshot: Snapshot, *only: str) -> Iterator[Breach]:
    """What is missing, changed or added against what is shipped, of some kinds of facts or of all.

    A database of another schema is not compared, and says so.
    """
    have = stored_in(snapshot.connection)
    if have is None or have[:2] != carried()[:2] or shipped_of() != carried()[:2]:
        yield Breach(
            "INV-02", "", "schema", "数据库结构与本程序不是同一版本，不能核对其对象与权限", "house.version"
        )
        return
    # `db migrate` begins from it; the identity above does not ask it
    if snapshot.rows("SELECT has_table_privilege('meta.alembic_version', 'SELECT')") == [(True,)]:
        versions = snapshot.rows("SELECT version_num FROM meta.alembic_version")
        if versions != [(have.revision,)]:
            said = "数据库结构的版本记录被删除、改动或加上，与其标识不符"
            yield Breach("INV-02", "", "row meta.alembic_version", said, "house.changed")
    found = facts(snapshot.connection, *only)
    snapshot.connection.execute("SET LOCAL search_path = DEFAULT")
    expected = _expected(snapshot, only)
    ours = _owner(snapshot)
    there = {(one.kind, one.name): one.digest for one in found if (one.kind, one.name) != ("superuser", ours)}
    for kind, name in sorted(expected.keys() | there.keys()):
        wanted, made = expected.get((kind, name)), there.get((kind, name))
        if wanted == made:
            continue
        if made is None:
            code, said = "house.missing", "已不存在，被删除"
        elif wanted is None:
            code, said = "house.added", "不是本程序所建，是另外加上的"
        else:
            code, said = "house.changed", "与本程序发布的不同，已被改动"
        yield Breach(_KINDS[kind].promise, "", f"{kind} {name}", f"{_KINDS[kind].word}{name}{said}", code)


def _owner(snapshot: Snapshot) -> str:
    """The database's owner where it is who upgraded it, by the traces of that: any other superuser is one too many."""
    rows = snapshot.rows(
        "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database() AND EXISTS ("
        " SELECT FROM access.trace t WHERE t.region = 0 AND t.op = 'mark' AND t.login = pg_get_userbyid(datdba))"
    )
    return str(rows[0][0]) if rows else ""


def _expected(snapshot: Snapshot, only: Collection[str]) -> dict[tuple[str, str], str]:
    """What is shipped, with the months' partitions that there are."""
    months = {
        month
        for (name,) in snapshot.rows(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'books' AND c.relkind = 'r' AND c.relname ~ '_[0-9]{6}$'"
        )
        for month in PERIOD.findall(name)
    }
    expected = {}
    for (kind, name), digest in shipped().items():
        if only and kind not in only:
            continue
        if "_*" not in name:
            expected[kind, name] = digest
            continue
        before, *rest = name.split("_*")
        for month in months:
            expected[kind, f"_{month}".join((before, *rest))] = digest
    return expected
