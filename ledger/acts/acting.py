"""The one way of an act: by a named user, in one region, once under a key, logged, anchored.

- who, where: every transaction is the app's user's, in the act's region; the database checks role and second person;
- by which login: where logins are split, that of the act's post (`posts`);
- once: an answer given under a key is given again, and nothing is done, logged or anchored a second time;
- logged: the line `done` is written in the act's own transaction, so there is no act without its line and no line
  without its act; what was not done leaves `refused`, and a COMMIT nobody heard of `unknown` (tracing.py);
- anchored: after COMMIT, when the journal was written; what hinders it is a warning of an act that is done.

An act that commits by itself, step by step, writes a line of its own in the transactions that change something
(`payments.set_out`, `payments.sent`, `payments.received`, `intake.begun`, `outregion.accepted`, `balance.rebuilt`); its
closing line says how the whole ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from ledger.access.idempotency import Kept, KeyTaken, in_flight, lock_key, store_answer, stored_answer
from ledger.access.operator_log import append_line
from ledger.access.signing.signing import require_asked
from ledger.acts.anchoring import Warned, anchor
from ledger.acts.posts import login_of
from ledger.acts.tracing import What, traced
from ledger.acts.watching import watch
from ledger.bootstrap import App
from ledger.db.unit_of_work import Transaction, unit_of_work

OK: Final = 200


class OnceKey(NamedTuple):
    """A key of the caller's choice; `route` says of which act, `digest` is the SHA-256 of what was asked for."""

    route: str
    key: str
    digest: bytes


class Given(NamedTuple):
    """What an act under a key answered: `again` if it was done before and this is its first answer."""

    body: bytes
    again: bool
    warnings: list[Warned]


class Doing:
    """An act under way; after the block `warnings` says what the user should know of it."""

    def __init__(self, what: What) -> None:
        self.what = what
        self.warnings: list[Warned] = []


class Within(Doing):
    """An act that is one transaction, `tx`."""

    def __init__(self, what: What, tx: Transaction) -> None:
        super().__init__(what)
        self.tx = tx


@contextmanager
def acting(app: App, what: What) -> Iterator[Within]:
    """An act in one transaction, done and logged when the block ends, or neither. Raises what the block raises."""
    with app.as_post(login_of(what.action)):
        watch(app, what.region)
        with traced(app, what), unit_of_work(app.engine, app.user, what.region) as tx:
            tx.signer = app.signer
            doing = Within(what, tx)
            yield doing
            _done(tx, what)
        if tx.booked:
            doing.warnings += anchor(app, what.region)


@contextmanager
def stepping(app: App, what: What) -> Iterator[Doing]:
    """An act that commits by itself inside the block, and logs each of its steps there; its closing line is written here."""
    doing = Doing(what)
    with app.as_post(login_of(what.action)):
        watch(app, what.region)
        with traced(app, what):
            yield doing
            with unit_of_work(app.engine, app.user, what.region) as tx:
                _done(tx, what)
        doing.warnings += _anchored(app, what)


def once(app: App, what: What, key: OnceKey | None, answer: Callable[[Transaction], bytes]) -> Given:
    """An act in one transaction under a key (None: without); `answer` does it and gives what is kept with it.

    A refused act keeps nothing and may be tried again. Raises InFlight `in_flight`, Conflict `key_reused`, and what
    `answer` raises.
    """
    with app.as_post(login_of(what.action)):
        watch(app, what.region)
        with traced(app, what), unit_of_work(app.engine, app.user, what.region) as tx:
            known = _known(tx, key)
            if known is not None:
                return Given(known.body, again=True, warnings=[])
            tx.signer = app.signer
            body = answer(tx)
            _done(tx, what)
            _keep(tx, key, body)
        return Given(body, again=False, warnings=anchor(app, what.region) if tx.booked else [])


def once_by_steps(app: App, what: What, key: OnceKey | None, answer: Callable[[], bytes]) -> Given:
    """An act that commits by itself under a key: one that the ledger knows again, since its answer is kept after it.

    No transaction is held open while it speaks to a bank. Two at once under one key do their steps side by side, as two
    without a key would, and get the answer that was kept first.
    """
    with app.as_post(login_of(what.action)):
        watch(app, what.region)
        with traced(app, what):
            with unit_of_work(app.engine, app.user, what.region) as tx:
                known = _known(tx, key)
            if known is not None:
                return Given(known.body, again=True, warnings=[])
            body = answer()
            with unit_of_work(app.engine, app.user, what.region) as tx:
                other = _known(tx, key)
                if other is None:
                    _done(tx, what)
                    _keep(tx, key, body)
        warnings = _anchored(app, what)
    return Given(body if other is None else other.body, other is not None, warnings)


def _anchored(app: App, what: What) -> list[Warned]:
    """Anchors after an act of many transactions, whichever of them booked. What brings records in books nothing, and its login reads
    no books: the ends that others left are theirs to anchor, at the latest the hourly job's."""
    return [] if login_of(what.action) == "intake" else anchor(app, what.region)


def _done(tx: Transaction, what: What) -> None:
    require_asked(tx)
    append_line(tx, what.action, what.subject, "done", "")


def _known(tx: Transaction, key: OnceKey | None) -> Kept | None:
    if key is None:
        return None
    lock_key(tx, key.route, key.key)
    return stored_answer(tx, *key)


def _keep(tx: Transaction, key: OnceKey | None, body: bytes) -> None:
    if key is None:
        return
    try:
        store_answer(tx, *key, Kept(OK, body))
    except KeyTaken:  # only by somebody who did not ask for the lock
        raise in_flight() from None
