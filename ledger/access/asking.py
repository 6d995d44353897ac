"""A passkey as second factor: what it is asked at log-in once the password was right, and whether an answer is one to that."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.access.signing.passkey import Passkey, challenge_of, encoded, holds_by, read_answer
from ledger.core.errors import InvalidInput
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work

_ACTOR: Final = "pages.session"
"""No user, sees no region: as a session is looked up (ledger.access.sessions)."""


class PasskeyAsked(NamedTuple):
    """What is asked of a person's authenticator: the question is answered once, within five minutes."""

    user: str
    question: str
    challenge: str
    """Base64url, as the browser takes it."""
    site: str
    credentials: Sequence[str]


class PasskeyNeeded(Exception):
    """The password was right, and a passkey is asked now; no refusal."""

    def __init__(self, asked: PasskeyAsked) -> None:
        super().__init__(asked.user)
        self.asked = asked


def ask_passkey(engine: Engine, user: str, origin: str) -> PasskeyAsked | None:
    """Ask a passkey of the user's at `origin`; None where there is none. The question that stood before is void."""
    keys = _keys(engine, user, origin)
    if not keys:
        return None
    question = secrets.token_urlsafe(32)
    with unit_of_work(engine, user) as tx:
        tx.run("SELECT access.ask_passkey(%(asked)s)", asked=hashlib.sha256(question.encode()).digest())
    challenge = encoded(challenge_of(_statement(user, question)))
    return PasskeyAsked(user, question, challenge, keys[0].rp_id, [key.credential for key in keys])


def passkeys_elsewhere(engine: Engine, user: str, origin: str) -> list[str]:
    """The other addresses of the pages at which a passkey of the user's would be asked."""
    return sorted({key.origin for key in _all_keys(engine, user)} - {origin})


def is_answer(engine: Engine, user: str, question: str, answer: str, origin: str) -> bool:
    """Whether a passkey of the user's at `origin`, as they stand now, gave this answer to this question; not whether it still stands."""
    try:
        given = read_answer(answer)
    except InvalidInput:
        return False
    return any(holds_by(key, _statement(user, question), given) for key in _keys(engine, user, origin))


def _statement(user: str, question: str) -> str:
    """What is signed: no statement of an act, which is a JSON object."""
    return f"fundledger login {user} {question}"


def _keys(engine: Engine, user: str, origin: str) -> list[Passkey]:
    return [key for key in _all_keys(engine, user) if key.origin == origin]


def _all_keys(engine: Engine, user: str) -> list[Passkey]:
    with unit_of_work(engine, _ACTOR) as tx:
        rows = tx.rows(
            "SELECT public_key, credential_id, rp_id, origin FROM access.login_passkeys(%(user)s) ORDER BY 2",
            user=user,
        )
    return [Passkey(*row) for row in rows]
