"""`fundledger`: one command line over the same services as the API. Refusals are one Chinese sentence and exit code 1."""

from __future__ import annotations

import json
import sys

import typer

from ledger.cli import (
    advance,
    audit,
    bank,
    calendar,
    cash,
    clear,
    daily,
    db,
    declare,
    demo,
    explain,
    export,
    generate,
    institution,
    intake,
    layers,
    month,
    outregion,
    payments,
    reconcile,
    refund,
    report,
    rules,
    serve,
    simulate,
    statement,
)
from ledger.cli import books as book
from ledger.cli import setup as setup_commands
from ledger.cli import users as user
from ledger.cli.context import ACTING, close_apps
from ledger.cli.verify import verify
from ledger.cli.worker import worker
from ledger.core.errors import InvalidInput, LedgerError

app = typer.Typer(
    name="fundledger",
    help="医保基金即时结算账本。任何命令都可加 --as 用户 指明操作人。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group, name in (
    (advance.app, "advance"),
    (audit.app, "audit"),
    (bank.app, "bank"),
    (book.app, "book"),
    (calendar.app, "calendar"),
    (cash.app, "cash"),
    (clear.app, "clear"),
    (daily.app, "daily"),
    (db.app, "db"),
    (declare.app, "declare"),
    (institution.app, "institution"),
    (intake.app, "intake"),
    (layers.app, "layers"),
    (month.app, "month"),
    (outregion.app, "outregion"),
    (payments.app, "payments"),
    (reconcile.app, "reconcile"),
    (refund.app, "refund"),
    (report.app, "report"),
    (rules.app, "rules"),
    (user.app, "user"),
):
    app.add_typer(group, name=name)
app.command("demo")(demo.demo)
app.command("explain")(explain.explain)
app.command("export")(export.export)
app.command("generate")(generate.generate)
app.command("serve")(serve.serve)
app.command("setup")(setup_commands.setup)
app.command("simulate")(simulate.simulate)
app.command("statement")(statement.statement)
app.command("verify")(verify)
app.command("worker")(worker)


def take_acting_user(arguments: list[str]) -> list[str]:
    """Take `--as USER` out of the arguments, wherever it stands, and remember the user."""
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--as":
            user_name = next(words, "")
            if not user_name:
                raise InvalidInput("user.missing", "--as 后面应有用户名")
            ACTING.user = user_name
        elif word.startswith("--as="):
            ACTING.user = word.removeprefix("--as=")
        else:
            rest.append(word)
    return rest


def wants_json(arguments: list[str]) -> bool:
    """Whether a program reads the answer: `--json`, or a report's `--format json`."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return "--json" in arguments or "--format=json" in arguments or ("--format", "json") in pairs


def main() -> None:
    """Entry point: runs one command, turns a refusal into a message (or a JSON object) and exit code 1."""
    arguments = sys.argv[1:]
    try:
        app(args=take_acting_user(arguments), prog_name="fundledger")
    except LedgerError as error:
        if wants_json(arguments):
            document = {"error": error.code, "message": error.message, "details": dict(error.details)}
            typer.echo(json.dumps(document, ensure_ascii=False, default=str))
        typer.echo(f"拒绝（{error.code}）：{error.message}", err=True)
        sys.exit(1)
    finally:
        close_apps()
