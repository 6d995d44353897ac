"""`fundledger`: one command line over the same services as the API. Refusals are one Chinese sentence and exit code 1,
what was typed wrongly is told the same way with exit code 2."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Annotated

import typer

from ledger.cli.commands import Words
from ledger.cli.line.acting import ACTING, close_apps
from ledger.core.errors import InvalidInput

app = typer.Typer(
    name="fundledger",
    cls=Words,
    help="医保基金即时结算账本。任何命令都可加 --as 用户 指明操作人，--sign-with 密钥文件 由本人签名。",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _show_version(asked: bool) -> None:  # noqa: FBT001 as the parser calls it
    if asked:
        from importlib.metadata import version  # only here: it reads the installed package's papers

        typer.echo(f"fundledger {version('fundledger')}")
        raise typer.Exit


@app.callback()
def fundledger(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="显示版本", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """医保基金即时结算账本。任何命令都可加 --as 用户 指明操作人，--sign-with 密钥文件 由本人签名。"""


def take_acting_key(arguments: list[str]) -> list[str]:
    """Take `--sign-with FILE` out of the arguments, wherever it stands, and remember the key file."""
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word != "--sign-with" and not word.startswith("--sign-with="):
            rest.append(word)
            continue
        ACTING.key = next(words, "") if word == "--sign-with" else word.removeprefix("--sign-with=")
        if not ACTING.key:
            raise InvalidInput("usage.needs_value", "--sign-with 后面应有密钥文件", option="--sign-with")
    return rest


def take_acting_user(arguments: list[str]) -> list[str]:
    """Take `--as USER` out of the arguments, wherever it stands, and remember the user."""
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word != "--as" and not word.startswith("--as="):
            rest.append(word)
            continue
        ACTING.user = next(words, "") if word == "--as" else word.removeprefix("--as=")
        if not ACTING.user:  # never the demo's user instead of the one somebody meant to name
            raise InvalidInput("user.missing", "--as 后面应有用户名")
    return rest


def wants_json(arguments: list[str]) -> bool:
    """Whether a program reads the answer: `--json`, or a report's `--format json`."""
    pairs = pairwise(arguments)
    return "--json" in arguments or "--format=json" in arguments or ("--format", "json") in pairs


def main() -> None:
    """Entry point: runs one command; whatever stops it comes out as a message (or a JSON object) and an exit code."""
    arguments = sys.argv[1:]
    ACTING.region = 0
    ACTING.warnings = []
    try:
        ended = app(
            args=take_acting_key(take_acting_user(arguments)), prog_name="fundledger", standalone_mode=False
        )
    except Exception as error:  # noqa: BLE001 a command ends with an answer, whatever it ran into
        # what can go wrong is imported when something did
        from ledger.cli.line.refusals import tell

        ended = tell(error, as_json=wants_json(arguments))
    finally:
        close_apps()
    sys.exit(ended or 0)
