"""How a command ends that was not done: one JSON object or one sentence, and an exit code. Every kind of error comes by here."""

from __future__ import annotations

import json
import traceback

import psycopg
import typer

from ledger.cli.line.usage import usage_refusal
from ledger.core.errors import LedgerError, Unavailable
from ledger.core.os_errors import os_refusal
from ledger.db.connections import problem_of
from ledger.db.unit_of_work import translate
from ledger.db.urls import connection_refusal

REFUSED = 1
MISTYPED = 2


def tell(error: Exception, *, as_json: bool) -> int:
    """Say on standard error why a command was not done, with `as_json` also as one object on standard output.

    The object is `{"error": code, "message": Chinese, "details": {…}}`. The exit code is 2 for a command that was
    typed wrongly, else 1. An error nobody foresaw is `internal`, and its trace goes to standard error.
    """
    if type(error).__name__ == "NoArgsIsHelpError":  # a group's name alone: what it offers
        typer.echo(str(error), err=True)
        return MISTYPED
    refusal = refusal_of(error)
    if refusal is None:
        typer.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        refusal = LedgerError(
            "internal", f"程序内部错误（{type(error).__name__}），请将上面的内容交系统管理员"
        )
    if as_json:
        document = {"error": refusal.code, "message": refusal.message, "details": dict(refusal.details)}
        typer.echo(json.dumps(document, ensure_ascii=False, default=str))
    typer.echo(f"拒绝（{refusal.code}）：{refusal.message}", err=True)
    return MISTYPED if isinstance(error, typer.TyperException) else REFUSED


def refusal_of(error: Exception) -> LedgerError | None:
    """Any foreseen error as a refusal; None for one that nobody foresaw."""
    if isinstance(error, LedgerError):
        return error
    if isinstance(error, typer.TyperException):
        return usage_refusal(error)
    if isinstance(error, typer.Abort):
        return Unavailable("interrupted", "已中断")
    inside = problem_of(error)
    if isinstance(inside, psycopg.Error):
        return _driver_refusal(inside)
    if type(error).__module__ == "sqlalchemy.exc" and type(error).__name__ == "TimeoutError":
        return Unavailable("db.busy", "数据库连接已用尽，请稍后再试")
    return os_refusal(error) if isinstance(error, OSError) else None


def _driver_refusal(error: psycopg.Error) -> LedgerError | None:
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return connection_refusal(error)
    found = translate(error)
    return found if isinstance(found, LedgerError) else None
