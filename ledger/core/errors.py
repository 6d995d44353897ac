"""One family of errors: a stable code for programs, a Chinese sentence for people, an HTTP status for the API."""

from __future__ import annotations

from collections.abc import Mapping


class LedgerError(Exception):
    """A refusal that names its rule.

    `code` is a stable dotted word such as `entry.unbalanced`; `message` is Chinese and says what to do;
    `details` holds the facts (strings, integers) that a program or a reviewer needs.
    """

    status = 422

    def __init__(self, code: str, message: str, **details: object) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details: Mapping[str, object] = details


class BadRequest(LedgerError):
    """The request as such cannot be read."""

    status = 400


class InvalidInput(LedgerError):
    """The input breaks a rule; the same input will always be refused."""


class NotFound(LedgerError):
    """Nothing by that name within the caller's scope."""

    status = 404


class Conflict(LedgerError):
    """The state of the ledger does not allow this now: a reused key, a closed period, a wrong order state."""

    status = 409


class InFlight(Conflict):
    """Another transaction is doing the same thing; ask again, never assume."""


class Forbidden(LedgerError):
    """The named user may not do this here: role, scope, or separation of duties."""

    status = 403


class Unauthenticated(LedgerError):
    """No user, or a key nobody holds."""

    status = 401


class Unavailable(LedgerError):
    """A part this needs is not there now (database, bank); nothing was changed."""

    status = 503
