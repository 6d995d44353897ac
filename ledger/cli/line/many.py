"""One act for many: each of them an act of its own, so that one that is refused hinders no other and is listed with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

import typer

from ledger.bootstrap import App
from ledger.cli.line.context import act
from ledger.core.errors import InvalidInput, LedgerError, Unavailable
from ledger.core.lists import ShownList
from ledger.db.unit_of_work import Transaction

T = TypeVar("T")

AllFlag = Annotated[bool, typer.Option("--all", help="全部办理；不能办的列明原因")]


def each(
    running: App, region: int, action: str, subjects: Sequence[str], do: Callable[[Transaction, str], T]
) -> tuple[list[T], list[dict[str, str]]]:
    """What was done, and `{subject, code, message}` of what was refused, both in the order of `subjects`.

    What would be refused for every one of them is raised: Unavailable, Forbidden `access.role_missing`.
    """
    done: list[T] = []
    refused: list[dict[str, str]] = []
    for subject in subjects:
        try:
            with act(running, region, action, subject) as tx:
                made = do(tx, subject)
        except Unavailable:
            raise
        except LedgerError as error:
            if error.code == "access.role_missing":
                raise
            refused.append({"subject": subject, "code": error.code, "message": error.message})
        else:
            done.append(made)
    return done, refused


def require_one_way(one: str, option: str, *, every: bool) -> None:
    """Exactly one of `--all` and the option that names one. Raises InvalidInput `usage.missing`."""
    if bool(one) == every:
        raise InvalidInput("usage.missing", f"请给出{option}，或以--all办理全部，二者取其一")


def require_given(**options: int) -> None:
    """What `--all` needs beside it; keyword to value, 0 where it was not typed. Raises InvalidInput `usage.missing`."""
    missing = [f"--{name}" for name, value in options.items() if not value]
    if missing:
        raise InvalidInput("usage.missing", f"以--all办理全部，还须给出{'、'.join(missing)}")


def words_of_many(
    verb: str, made: int, refused: Sequence[dict[str, str]], shown: ShownList | None
) -> list[str]:
    """For people: how many, each refusal with its reason, and the digest by which another approves all."""
    lines = [f"{verb}{made}份，未能{verb}{len(refused)}份"]
    lines += [f"  未办 {one['subject']}：{one['message']}" for one in refused]
    if shown is not None and shown.shown:
        lines.append(f"全部{shown.words}的摘要 {shown.shown}")
    return lines
