"""One transaction = one user, one region (design.md 6, reliability.md A4.3, A4.9)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from string import Formatter
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from ledger.core.errors import Conflict, Forbidden, InFlight, InvalidInput, LedgerError, NotFound, Unavailable
from ledger.core.words import spoken
from ledger.db.connections import Engine, driver_of, is_busy, problem_of

NO_REGION: Final = 0
_USER = re.compile(r"[a-z][a-z0-9_.-]{1,39}", re.ASCII)
_BEGIN: Final = "BEGIN; SET LOCAL app.actor = {user}; SET LOCAL app.region = {region}"
_PLAIN: Final = re.compile(r"[^'\\\x00]*")
_KINDS: Final[Mapping[str, type[LedgerError]]] = {
    "FL001": InvalidInput,
    "FL002": Forbidden,
    "FL003": Forbidden,
    "FL004": NotFound,
    "FL005": Conflict,
}
_NOBODY_KNOWS: Final = ("08", "57P", "58", "XX000")
"""States of an error at COMMIT after which it may stand or not: the line, a server going down, its disk, itself."""
_NOT_REPLICATED: Final = frozenset({"01000", "57P01"})
_CONSTRAINTS: Final[Mapping[str, str]] = {
    "23502": "缺少必填的内容",
    "23503": "所指的内容不存在，或仍被引用",
    "23514": "超出允许的取值",
    "22001": "文字过长",
    "22003": "数值超出范围",
    "22007": "日期或时间不合规",
    "22008": "日期或时间超出范围",
    "22021": "文字含有不能保存的字符",
    "22P02": "格式不符",
}


class Ending(NamedTuple):
    """A statement that every transaction in `region` ends with, and its values: `Transaction.at_commit`."""

    region: int
    statement: LiteralString
    values: Mapping[str, object]


ENDING: Final[ContextVar[Ending | None]] = ContextVar("ENDING", default=None)
"""What a thread's transactions end with, set by who holds something that others may take over: the scheduler's runs."""


class Transaction:
    """An open transaction under a named user in one region. Made by `unit_of_work` only."""

    def __init__(self, connection: psycopg.Connection[TupleRow], user: str, region: int) -> None:
        self.connection = connection
        self.user = user
        self.region = region
        self.opening: list[TupleRow] = []
        """The rows of the question that was asked as the transaction began."""
        self.booked = False
        """Whether it has written the journal: its chain then has a new end, to be anchored after COMMIT."""
        self.signer: object | None = None
        """Who signs for the user (`ledger.access.signing.signer.Signer`), set by whoever opened the act."""
        self.to_sign: list[Mapping[str, object]] = []
        self.signed: set[object] = set()
        """What the act asked a signature for and got none: a refusal `signature.missing` tells it."""
        self._closing: list[sql.Composed] = []

    def at_commit(self, statement: LiteralString, **params: object) -> None:
        """Execute a statement without an answer together with COMMIT, in the same round trip. `{name}` stands for a value.

        What it refuses is refused as at any other time, and nothing of the transaction stays.
        """
        self._closing.append(compose(statement, **params))

    def commit(self) -> None:
        """What waits for COMMIT, and COMMIT."""
        if self._closing:
            self.connection.execute(sql.SQL("; ").join([*self._closing, sql.SQL("COMMIT")]))
        else:
            self.connection.commit()

    def rows(self, query: LiteralString, **params: object) -> list[TupleRow]:
        """All rows of a query with `%(name)s` parameters."""
        return self.connection.execute(query, params or None).fetchall()

    def row(self, query: LiteralString, **params: object) -> TupleRow | None:
        """The first row, or None."""
        return self.connection.execute(query, params or None).fetchone()

    def value(self, query: LiteralString, **params: object) -> Any:
        """The first column of the first row; None where there is none."""
        row = self.row(query, **params)
        return None if row is None else row[0]

    def run(self, query: LiteralString, **params: object) -> int:
        """Execute; the number of rows touched."""
        return self.connection.execute(query, params or None).rowcount

    def run_many(self, query: LiteralString, rows: Sequence[Mapping[str, object]]) -> None:
        """Execute once per row, in one round trip."""
        with self.connection.cursor() as cursor:
            cursor.executemany(query, rows)

    def copy(self, target: LiteralString, rows: Iterable[Sequence[object]]) -> None:
        """`COPY target FROM STDIN` row by row; `target` is a table with its column list."""
        with self.connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.SQL(target))) as copy:
            for row in rows:
                copy.write_row(row)

    def copy_text(self, target: LiteralString, text: bytes | Iterable[bytes]) -> None:
        """`COPY target FROM STDIN` of ready text rows, for bulk: all at once or part by part as they are made."""
        with self.connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.SQL(target))) as copy:
            for part in (text,) if isinstance(text, bytes) else text:
                copy.write(part)


def array_of(values: Collection[str] | Collection[int]) -> str:
    """An array in PostgreSQL's text, of codes, ids, dates and whole numbers: of texts without quotes and backslashes.

    The driver looks at every element's type and escapes each by a pattern, which costs more than using them.
    """
    return '{"' + '","'.join(map(str, values)) + '"}' if values else "{}"


def compose(statement: LiteralString, **params: object) -> sql.Composed:
    """A statement with its values written into it as literals, for what goes in one message with others."""
    found: list[sql.Composable] = []
    text = ""
    for part, name in _parts(statement):
        text += part
        if name is None:
            continue
        value = params[name]
        written = _written(value)
        if written is None:
            found += (sql.SQL(text), sql.Literal(value))
            text = ""
        else:
            text += written
    found.append(sql.SQL(text))
    return sql.Composed(found)


@lru_cache(64)
def _parts(statement: LiteralString) -> tuple[tuple[str, str | None], ...]:
    """The texts of a template, each with the name of the value after it: taken apart once, not at every COMMIT."""
    return tuple((text, name) for text, name, _, _ in Formatter().parse(statement))


def _written(value: object) -> str | None:
    """A number, or a text that no setting of the server reads otherwise, as SQL; None: the driver must quote it."""
    if type(value) is int and value >= 0:
        return str(value)
    if type(value) is str and _PLAIN.fullmatch(value):
        return f"'{value}'"
    return None


@contextmanager
def unit_of_work(
    engine: Engine, user: str, region: int = NO_REGION, opening: sql.Composed | None = None
) -> Iterator[Transaction]:
    """Open a transaction as `user` in `region`; commit at the end, roll back on any error.

    `opening` is a question asked in the same round trip as BEGIN; its rows are in `Transaction.opening`.

    The database's refusals come out as LedgerError with their stable code. A connection lost at COMMIT comes out
    as Unavailable `db.commit_unknown`: whether it committed is to be asked by key, never assumed. A login all of whose
    connections are lent is Unavailable `service.busy`.
    """
    if not _USER.fullmatch(user):
        raise InvalidInput("user.format", f"用户名“{user[:40]}”不合规", user=user[:40])
    try:
        lent = engine.connect()
    except Exception as error:
        if is_busy(error):
            raise Unavailable("service.busy", "请求过多，请稍后再试") from error
        if not isinstance(problem_of(error), psycopg.Error):
            raise
        raise Unavailable("db.unreachable", "数据库不可用，请稍后再试") from error
    with lent:
        connection = driver_of(lent)
        try:
            # BEGIN is said here, with the rest in one round trip; the driver's own would be another.
            connection.autocommit = True
            # Literals, not set_config: Citus forwards SET LOCAL to the nodes and nothing else.
            begun = compose(_BEGIN, user=user, region=str(region))
            transaction = Transaction(connection, user, region)
            if opening is None:
                connection.execute(begun)
            else:
                cursor = connection.execute(sql.SQL("; ").join([begun, opening]))
                while cursor.nextset():
                    pass
                transaction.opening = cursor.fetchall()
            if (ending := ENDING.get()) is not None and ending.region == region:
                transaction.at_commit(ending.statement, **ending.values)
            yield transaction
        except psycopg.Error as error:
            _rollback(connection)
            refused = translate(error)
            if isinstance(refused, Forbidden) and refused.code == "signature.missing":
                refused.details = {**refused.details, "to_sign": transaction.to_sign}
            raise refused from error
        except BaseException:
            _rollback(connection)
            raise
        _commit(transaction)
        connection.autocommit = False


def _commit(transaction: Transaction) -> None:
    """COMMIT, or raise: a refusal of the database as always, Unavailable `db.commit_unknown` where nobody knows the end."""
    connection = transaction.connection
    warned: list[str | None] = []

    def heard(notice: psycopg.errors.Diagnostic) -> None:  # it can be read only now
        if notice.severity_nonlocalized == "WARNING":
            warned.append(notice.sqlstate)

    connection.add_notice_handler(heard)
    try:
        transaction.commit()
    except psycopg.Error as error:
        _rollback(connection)
        if error.sqlstate is None or error.sqlstate.startswith(_NOBODY_KNOWS):
            raise Unavailable("db.commit_unknown", "提交结果未知，请按业务键查询后再处理") from error
        raise translate(error) from error
    finally:
        connection.remove_notice_handler(heard)
    if not _NOT_REPLICATED.isdisjoint(warned):
        # the wait for the synchronous standby was cut short: done here, and lost if this server is
        connection.autocommit = False
        raise Unavailable("db.commit_unknown", "提交结果未知，请按业务键查询后再处理")


def _rollback(connection: psycopg.Connection[TupleRow]) -> None:
    if not connection.closed:
        try:
            connection.rollback()
            connection.autocommit = False
        except psycopg.Error:
            connection.close()


def translate(error: psycopg.Error) -> LedgerError | psycopg.Error:
    """A database error as the ledger's own; an error nobody foresaw stays what it is."""
    state = error.sqlstate or ""
    if state in _KINDS:
        code = error.diag.message_primary or "db.refused"
        return _KINDS[state](code, spoken(error.diag.message_detail or code))
    if state == "55P03":
        return InFlight("in_flight", "另一事务正在处理同一内容，请稍后再查", retry_after=1)
    if state in ("40001", "40P01"):
        return InFlight("db.retry", "与另一事务冲突，请整体重试", retry_after=1)
    if state == "42501":
        return Forbidden("db.permission", "数据库不允许此用户做这件事", said=error.diag.message_primary)
    if state == "23505":
        return Conflict(
            "db.duplicate",
            "已有相同的一条，不能再登记",
            constraint=error.diag.constraint_name,
            detail=error.diag.message_detail,
        )
    if state in _CONSTRAINTS:
        named = error.diag.constraint_name or error.diag.column_name or ""
        words = f"所填内容不合规：{_CONSTRAINTS[state]}"
        return InvalidInput(
            "db.constraint", words, state=state, constraint=named, said=error.diag.message_primary
        )
    if state in ("57014", "25P03"):
        return Unavailable("db.timeout", "数据库处理超时，已撤销")
    if state in ("XX001", "XX002"):
        return Unavailable(
            "db.damaged",
            "数据库文件损坏，读不出的页不作为数据：请停止写入，从备份恢复",
            said=error.diag.message_primary,
        )
    if not state or state[:2] in ("08", "57", "53"):
        return Unavailable("db.unreachable", "数据库不可用，请稍后再试")
    return error
