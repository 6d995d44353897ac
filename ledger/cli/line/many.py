"""One act for many: each of them an act of its own, so that one that is refused hinders no other and is listed with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ledger.bootstrap import App
from ledger.cli.line.context import act
from ledger.core.errors import InvalidInput, LedgerError
from ledger.db.unit_of_work import Transaction

T = TypeVar("T")


def each(
    running: App, region: int, action: str, subjects: Sequence[str], do: Callable[[Transaction, str], T]
) -> tuple[list[T], list[dict[str, str]]]:
    """What was done, and `{subject, code, message}` of what was refused, both in the order of `subjects`."""
    done: list[T] = []
    refused: list[dict[str, str]] = []
    for subject in subjects:
        try:
            with act(running, region, action, subject) as tx:
                made = do(tx, subject)
        except LedgerError as error:
            refused.append({"subject": subject, "code": error.code, "message": error.message})
        else:
            done.append(made)
    return done, refused


def require_one_way(one: str, option: str, *, every: bool) -> None:
    """Exactly one of `--all` and the option that names one. Raises InvalidInput `usage.missing`."""
    if bool(one) == every:
        raise InvalidInput("usage.missing", f"请给出{option}，或以--all办理全部，二者取其一")


def words_of_refused(refused: Sequence[dict[str, str]]) -> list[str]:
    """For people, a line each."""
    return [f"  未办 {one['subject']}：{one['message']}" for one in refused]
