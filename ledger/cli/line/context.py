"""What every command needs: the app under its acting user, plain or JSON output, progress on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ledger.access.idempotency import Kept, in_flight, lock_key, store_answer, stored_answer
from ledger.access.users import ASKED, note_unknown, require_known
from ledger.acts.acting import acting, stepping
from ledger.acts.anchoring import Warned
from ledger.acts.posts import login_of
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.cli.line.acting import ACTING
from ledger.cli.line.signing import signer_of
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput, LedgerError, Unauthenticated
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.settings import USERS_FILE, Settings, get_settings

JsonFlag = Annotated[bool, typer.Option("--json", help="最后一行输出一个JSON对象")]


def _acting_in(region: int) -> int:
    ACTING.region = region
    return region


RegionOption = Annotated[
    int, typer.Option("--region", help="统筹区，6位", min=100_000, max=999_999, callback=_acting_in)
]


def app_for(role: str, *, works: bool = False) -> App:
    """The app under the acting user; without --as, in a demo home (one with users.json), the demo's user for `role`.

    What it asks outside an act it asks as one who only looks, where logins are split; `works` is for a command that also does
    what is no act of a person's (the worker's leases): that goes by the service's login.

    A name without a key acts only where signatures are not demanded. A demo home demands none unless two of its persons did
    (`key demand`); a real one does from its first day, unless its region file said otherwise (ledger/founding.py).
    Raises Unauthenticated `user.missing` (an act without a named user is refused), and what `require_known` raises:
    a mistyped user or region must not look like a region in which nothing ever happened.
    """
    settings = ACTING.settings or get_settings()
    user = ACTING.user or _default_users(settings).get(role, "")
    if not user:
        raise Unauthenticated(
            "user.missing", f"请用 --as 用户 指明操作人（本操作需要{said('user.role', role)}岗）"
        )
    app = App(settings, user, ACTING.engine, at_rest="service" if works else "read")
    app.signer = signer_of(settings)
    ACTING.opened.append(app)
    region, ACTING.region = ACTING.region, 0
    try:
        require_known(app.engine, user, region)
    except LedgerError as refusal:
        with app.as_post(login_of(ASKED)):  # who looks writes no line
            note_unknown(app.engine, user, region, refusal)
        raise
    return app


def _default_users(settings: Settings) -> dict[str, str]:
    path: Path = settings.home / USERS_FILE
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def day_or_today(text: str, *, ahead: bool = False) -> date:
    """A date option's day (`YYYY-MM-DD`); none given is the business date of this process, never the machine's own. `ahead` is for a
    day that may be to come: of a payout, of a key's beginning.

    Raises InvalidInput `date.format`, `day.future`.
    """
    if text and ahead:
        return parse_day(text)
    return business_day(text) if text else (ACTING.settings or get_settings()).clock().today()


def business_day(text: str) -> date:
    """The day under which something is done or decided (`YYYY-MM-DD`): one that has begun by the business date of this process, for
    what is booked or decided ahead keeps others from booking till then. Raises InvalidInput `date.format`, `day.future`."""
    day, today = parse_day(text), (ACTING.settings or get_settings()).clock().today()
    if day > today:
        raise InvalidInput(
            "day.future", f"业务日期{day}晚于今天{today}：尚未到来的日子不能办理", day=day.isoformat()
        )
    return day


@contextmanager
def act(running: App, region: int, action: str, subject: str) -> Iterator[Transaction]:
    """One act of the acting user in a region, in one transaction with its line in the log; anchored if it booked."""
    with acting(running, What(region, action, subject)) as doing:
        _mark(doing.tx)
        yield doing.tx
    _tell(doing.warnings)


@contextmanager
def steps(running: App, region: int, action: str, subject: str) -> Iterator[None]:
    """An act that commits by itself inside the block."""
    with stepping(running, What(region, action, subject)) as doing:
        yield
    _tell(doing.warnings)


@contextmanager
def laid_out(running: App, region: int, action: str) -> Iterator[Transaction]:
    """A transaction to look in by the login that does `action`: for what is laid out in tables of the transaction's own, which
    who only looks cannot make."""
    with running.as_post(login_of(action)), unit_of_work(running.engine, running.user, region) as tx:
        yield tx


def _mark(tx: Transaction) -> None:
    """The key this act is done under, in its own transaction: two at once are one, and a third finds it done."""
    if (marked := ACTING.marked) is None:
        return
    lock_key(tx, marked.route, marked.key)
    if stored_answer(tx, *marked) is not None:
        raise in_flight()
    store_answer(tx, *marked, Kept(202, b""))
    ACTING.marked = None


def _tell(warnings: list[Warned]) -> None:
    for warned in warnings:
        if ACTING.answers is None:
            typer.echo(f"警告（{warned.code}）：{warned.message}", err=True)
        ACTING.warnings.append(warned.as_json())


def print_json(document: object) -> None:
    """One JSON object on the last line of standard output; money is text."""
    if ACTING.answers is not None:
        ACTING.answers.append(cast("dict[str, Any]", document))
        return
    typer.echo(json.dumps(document, ensure_ascii=False, default=str))


def show(document: dict[str, Any], lines: list[str], *, as_json: bool) -> None:
    """The result for a machine, or in words."""
    if as_json:
        ACTING.words = lines
        warned = [*document.get("warnings", []), *ACTING.warnings]
        print_json(document | {"warnings": warned} if warned else document)
    else:
        for line in lines:
            typer.echo(line)


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, silent where that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None  # noqa: ARG005 nobody looks
        return
    # whoever has no terminal, and whoever draws no bar, does not wait for it to be imported
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task(title, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance
