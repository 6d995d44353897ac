"""Coming in by a provider of identities: by its word alone only where no factor of ours is asked, or where it says that it asked several."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import NamedTuple

from ledger.access.asking import PasskeyAsked, ask_passkey, passkeys_elsewhere
from ledger.access.links import digest_of_code
from ledger.access.sessions import (
    ASKING,
    counted_place,
    digest_of_token,
    login_elsewhere,
    note,
    opened_factor,
    refused_login,
    step_of,
    tried,
)
from ledger.core.errors import LedgerError, Unauthenticated
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work


class FactorAsked(NamedTuple):
    """What a user is asked whom the provider named: the code of the telephone, a passkey, or either. Answered once, in five minutes."""

    user: str
    question: str
    code: bool
    passkey: PasskeyAsked | None


class FactorNeeded(Exception):
    """The provider's word was good, and a factor of ours is asked now; no refusal."""

    def __init__(self, asked: FactorAsked) -> None:
        super().__init__(asked.user)
        self.asked = asked


def begin_by_identity(
    engine: Engine, issuer: str, subject: str, before: str, address: str, origin: str, *, several: bool
) -> str:
    """The token of a new session of the user enrolled as that `subject` of that `issuer`; the one in `before` ends. Logged as `log_in`.

    `several`: the provider says that it asked more than one factor. Else who has a telephone's code or a passkey here is asked for
    it: raises FactorNeeded, and no session begins. Raises Unauthenticated `login.identity_unknown` where nobody is enrolled (nobody is
    made, and no post given, by a provider's word), `login.factor_needed` where a region of the user's asks a second factor of
    everybody and there is none, `login.passkey_elsewhere` where the only ones are passkeys of another address.
    """
    token = secrets.token_urlsafe(32)
    with unit_of_work(engine, ASKING) as tx:
        found = tx.row(
            "SELECT user_name, asks FROM access.begin_identity_session(%(token)s, %(before)s, %(identity)s, %(several)s, %(came_from)s)",
            token=digest_of_token(token),
            before=digest_of_token(before),
            identity=digest_of_code(f"{issuer} {subject}"),
            several=several,
            came_from=address,
        )
    if found is None:
        raise Unauthenticated(
            "login.identity_unknown", "此身份没有登记：须由安全管理员提出、审计管理员确认后才能这样登录"
        )
    user, asks = found
    if asks:
        raise FactorNeeded(_ask(engine, user, asks, address, origin))
    return token


def _ask(engine: Engine, user: str, asks: str, address: str, origin: str) -> FactorAsked:
    if asks == "none":
        note(engine, user, "login", address, "refused", "login.factor_needed")
        raise Unauthenticated(
            "login.factor_needed",
            "统筹区要求经统一身份认证登录有第二因素，身份提供方未称已用多因素，您在此也没有：请以密码登录，在“本人”页启用动态口令或登记通行密钥",
        )
    if (passkey := ask_passkey(engine, user, origin)) is not None:
        return FactorAsked(user, passkey.question, asks == "code", passkey)
    if asks != "code":
        raise login_elsewhere(engine, user, address, passkeys_elsewhere(engine, user, origin))
    question = secrets.token_urlsafe(32)
    with unit_of_work(engine, user) as tx:
        tx.run("SELECT access.ask_passkey(%(asked)s)", asked=digest_of_token(question))
    return FactorAsked(user, question, code=True, passkey=None)


def log_in_by_code(
    engine: Engine, user: str, question: str, otp: str, before: str, address: str, home: Path | None
) -> str:
    """The token of a new session, as `log_in`, of a user whom the provider named and who was asked for the telephone's code then.

    A try like any other. Raises Unauthenticated `login.refused` for a wrong or used code, another question and one that was answered;
    `login.locked`; NotFound `data.key_missing`.
    """
    if (found := tried(engine, user, address)) is None:
        raise refused_login()
    _, secret, last = found
    token = secrets.token_urlsafe(32)
    step = step_of(opened_factor(home, secret), otp, last) if secret else None
    try:
        if step is None:
            raise refused_login()
        with unit_of_work(engine, user) as tx:
            tx.run(
                "SELECT access.begin_code_session(%(token)s, %(before)s, %(asked)s, %(step)s, %(place)s, %(came_from)s)",
                token=digest_of_token(token),
                before=digest_of_token(before),
                asked=digest_of_token(question),
                step=step,
                place=counted_place(address),
                came_from=address,
            )
    except LedgerError:
        note(engine, user, "login", address, "refused", "login.refused")
        raise refused_login() from None
    return token
