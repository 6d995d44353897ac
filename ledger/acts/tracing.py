"""What stays of an act that was not done, or of which nobody knows: one line of the operator log, after the rollback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final, NamedTuple

from ledger.access.operator_log import write_log
from ledger.bootstrap import App
from ledger.core.errors import LedgerError
from ledger.db.connections import is_lost

COMMIT_UNKNOWN: Final = "db.commit_unknown"
BUSY: Final = "service.busy"
_LOG: Final = logging.getLogger("ledger.acts")


class What(NamedTuple):
    """An act as the operator log names it: where, which, to what."""

    region: int
    action: str
    subject: str


def outcome_of(error: Exception) -> tuple[str, str]:
    """Outcome and detail of an act that ended in `error`.

    `unknown` where the connection was lost at COMMIT (it may have been done, and then its own line is there too);
    `refused` with the code; `failed` for what nobody foresaw, by its class alone: a driver's text may hold values.
    """
    if not isinstance(error, LedgerError):
        return "failed", type(error).__name__
    outcome = "unknown" if error.code == COMMIT_UNKNOWN else "refused"
    return outcome, f"{error.code}：{error.message}"


@contextmanager
def traced(app: App, what: What) -> Iterator[None]:
    """Leave a line in a transaction of its own for what ends the block early, and let it go on."""
    try:
        yield
    except Exception as error:
        if _is_asking(app, error):
            raise
        outcome, detail = outcome_of(error)
        try:
            with _by_whom(app, error):
                write_log(app.engine, app.user, what.region, what.action, what.subject, outcome, detail)
        except Exception as lost:
            if not isinstance(lost, LedgerError) and not is_lost(lost):
                raise
            # Why the act was not done is the answer; that the log could not be reached either goes to the program's log.
            _LOG.warning("no log line for %s (%s): %s", what.action, outcome, type(lost).__name__)
        raise


def _is_asking(app: App, error: Exception) -> bool:
    """Whether the act was not refused but waits for the person's signature, for which the page now asks."""
    if not (isinstance(error, LedgerError) and error.code == "signature.missing"):
        return False
    return bool(getattr(app.signer, "asks", False) and error.details.get("to_sign"))


def _by_whom(app: App, error: Exception) -> AbstractContextManager[None]:
    """The line goes by the act's own login; by the service's where all of that one's connections are lent to others."""
    busy = isinstance(error, LedgerError) and error.code == BUSY
    return app.as_post("service") if busy else nullcontext()
