"""Sessions of the people at the pages: in by password and second factor, out by themselves, by time or when they are stopped.

The database counts tries, locks and ends, and writes each log-in's line of the operator log with its session
(ledger/db/sql/sessions.sql); what only a program can do, judging a hash, is here. Of a token and a link's code only the SHA-256 is kept.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from ledger.access.asking import PasskeyNeeded, ask_passkey, is_answer, passkeys_elsewhere
from ledger.access.links import digest_of_code
from ledger.access.operator_log import append_line
from ledger.core.addresses import place_of
from ledger.core.dates import machine_seconds
from ledger.core.errors import InvalidInput, LedgerError, NotFound, Unauthenticated
from ledger.db.connections import Engine
from ledger.db.safekeeping.region_keys import key_of_sealed, seal, unseal
from ledger.db.safekeeping.sealing import Recipient
from ledger.db.unit_of_work import Transaction, unit_of_work

ASKING: Final = "pages.session"
"""The actor of the transaction that looks up a session: no user, sees no region."""
SESSION_COOKIE: Final = "fundledger"
"""The cookie a session's token comes in."""
OTP_SECONDS: Final = 30
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY: Final = _HASHER.hash(secrets.token_urlsafe(16))
"""Judged where there is no such user, so that its answer takes as long."""
_USER: Final = re.compile(r"[a-z][a-z0-9_.-]{1,39}", re.ASCII)
ADDRESS_MAX: Final = 64
PASSWORD_MIN: Final = 10
PASSWORD_MAX: Final = 200


def log_in(
    engine: Engine,
    user: str,
    password: str,
    otp: str,
    before: str,
    address: str,
    home: Path | None = None,
    origin: str = "",
) -> str:
    """The token of a new session; the one in `before` ends. Logged in every region of the user, who came from `address`.

    `home` has the key that second factors are sealed for: without it a user who has one does not come in. Who has a second factor
    comes in by no password alone: who gives no code of the telephone (or has none) and has living passkeys is asked to touch one
    of those at `origin`, raises PasskeyNeeded. Who has neither comes in by the password.

    Raises Unauthenticated `login.refused`, whatever of the three is wrong, `login.locked`, `login.passkey_elsewhere` where the
    only factors are passkeys of another address; NotFound `data.key_missing` where the home's key is gone.
    """
    if not _USER.fullmatch(user):
        _judge(_NOBODY, password)
        raise refused_login()
    if (found := tried(engine, user, address)) is None:
        _judge(_NOBODY, password)
        raise refused_login()
    kept, secret, last = found
    right = _judge(kept, password)
    if right and not (secret and otp.strip()):
        _want_passkey(engine, user, origin, address, secret)
    step = step_of(opened_factor(home, secret), otp, last) if secret else 0
    if not right or step is None:
        note(engine, user, "login", address, "refused", "login.refused")
        raise refused_login()
    token = secrets.token_urlsafe(32)
    with unit_of_work(engine, user) as tx:
        tx.run(
            "SELECT access.begin_session(%(token)s, %(before)s, %(step)s, %(place)s, %(came_from)s)",
            token=digest_of_token(token),
            before=digest_of_token(before),
            step=step,
            place=counted_place(address),
            came_from=address,
        )
        if secret:
            _renew(tx, token, secret, home)
    return token


def _want_passkey(engine: Engine, user: str, origin: str, address: str, secret: str) -> None:
    """Ask for a passkey of who gave no code, wherever there is one; raises as `log_in`."""
    if (asked := ask_passkey(engine, user, origin)) is not None:
        raise PasskeyNeeded(asked)
    if not secret and (elsewhere := passkeys_elsewhere(engine, user, origin)):
        raise login_elsewhere(engine, user, address, elsewhere)


def log_in_by_passkey(
    engine: Engine, user: str, question: str, answer: str, before: str, address: str, origin: str
) -> str:
    """The token of a new session, as `log_in`, of a user whose password was right and whose passkey answered what it was asked then.

    A try like any other. Raises Unauthenticated `login.refused` for another's, a stopped or an expired key, another question and
    one that was answered; `login.locked`.
    """
    if not _USER.fullmatch(user) or tried(engine, user, address) is None:
        raise refused_login()
    token = secrets.token_urlsafe(32)
    try:
        if not is_answer(engine, user, question, answer, origin):
            raise refused_login()
        with unit_of_work(engine, user) as tx:
            tx.run(
                "SELECT access.begin_passkey_session(%(token)s, %(before)s, %(asked)s, %(place)s, %(came_from)s)",
                token=digest_of_token(token),
                before=digest_of_token(before),
                asked=digest_of_token(question),
                place=counted_place(address),
                came_from=address,
            )
    except LedgerError:
        note(engine, user, "login", address, "refused", "login.refused")
        raise refused_login() from None
    return token


def log_out(engine: Engine, user: str, token: str, address: str) -> None:
    """End a session for good, whoever has its token."""
    with unit_of_work(engine, user) as tx:
        tx.run("SELECT access.end_session(%(token)s)", token=digest_of_token(token))
    note(engine, user, "logout", address, "done", "")


def user_of_session(engine: Engine, token: str) -> str:
    """Whose session it is; raises Unauthenticated `login.ended`."""
    with unit_of_work(engine, ASKING) as tx:
        user: str | None = tx.value("SELECT access.user_of_session(%(token)s)", token=digest_of_token(token))
    if user is None:
        raise Unauthenticated("login.ended", "登录已失效，请重新登录")
    return user


def choose_password(
    engine: Engine, user: str, codes: tuple[str, str], password: str, today: date, address: str
) -> None:
    """A password chosen by a link's holder, who has both halves of its code; the second is empty where the database administrator
    gave it. Raises InvalidInput `login.password`, Forbidden `login.link`."""
    if not _USER.fullmatch(user):
        raise Unauthenticated("login.refused", "用户名、密码或动态口令不对")
    hashed = _hashed(user, password)
    try:
        with unit_of_work(engine, user) as tx:
            by_two = tx.value(
                "SELECT access.choose_password(%(first)s, %(second)s, %(hash)s, %(on)s, %(place)s)",
                first=digest_of_code(codes[0].strip()),
                second=digest_of_code(codes[1].strip()) if codes[1].strip() else None,
                hash=hashed,
                on=today,
                place=counted_place(address),
            )
    except LedgerError as error:
        note(engine, user, "login.password", address, "refused", error.code)
        raise
    note(engine, user, "login.password", address, "done", "" if by_two else "链接由数据库管理员签发")


def change_password(engine: Engine, user: str, token: str, old: str, new: str, address: str) -> None:
    """Another password of one's own. Raises Unauthenticated `login.refused`, `login.locked`, InvalidInput `login.password`, `login.same_password`."""
    hashed = _hashed(user, new)
    _prove(engine, user, old, address)
    if old == new:
        raise InvalidInput(
            "login.same_password", "新密码与现密码相同，没有更改：请另设一个", field="password"
        )
    with unit_of_work(engine, user) as tx:
        values = {"token": digest_of_token(token), "hash": hashed}
        tx.run("SELECT access.change_password(%(token)s, %(hash)s)", **values)
    note(engine, user, "login.password", address, "done", "")


def prove_password(engine: Engine, user: str, password: str, address: str) -> None:
    """Raise Unauthenticated `login.refused`, `login.locked` unless it is the user's own; a right one ends the count of wrong ones."""
    _prove(engine, user, password, address)


def begin_second_factor(user: str) -> tuple[str, str]:
    """A new secret and the address by which a telephone takes it in; nothing is kept."""
    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name="fundledger")


def set_second_factor(
    engine: Engine, user: str, token: str, secret: str, otp: str, password: str, address: str
) -> None:
    """Ask for this secret's code from now on. Raises InvalidInput `login.otp`, Unauthenticated `login.refused`, `login.locked`."""
    step = step_of(secret, otp, 0) if re.fullmatch("[A-Z2-7]{32}", secret) else None
    if step is None:
        raise InvalidInput("login.otp", "动态口令不对，请以手机上当前的六位数字确认", field="otp")
    _prove(engine, user, password, address)
    with unit_of_work(engine, user) as tx:
        sealed = _sealed(bytes(tx.value("SELECT access.house_key()")), secret)
        values = {"token": digest_of_token(token), "secret": sealed, "step": step}
        tx.run("SELECT access.set_second_factor(%(token)s, %(secret)s, %(step)s)", **values)
    note(engine, user, "login.second_factor", address, "done", "")


def _renew(tx: Transaction, token: str, kept: str, home: Path | None) -> None:
    """A second factor of before the home's key was turned is sealed for the new one when it is next used."""
    public = bytes(tx.value("SELECT access.house_key()"))
    if key_of_sealed(base64.b64decode(kept)) != Recipient("", public).id:
        tx.run(
            "SELECT access.renew_second_factor(%(token)s, %(was)s, %(secret)s)",
            token=digest_of_token(token),
            was=kept,
            secret=_sealed(public, opened_factor(home, kept)),
        )


def _sealed(public: bytes, secret: str) -> str:
    return base64.b64encode(seal(secret.encode(), public)).decode()


def opened_factor(home: Path | None, sealed: str) -> str:
    """A second factor's secret, by the home's key. Raises NotFound `data.key_missing`."""
    if home is None:
        raise NotFound("data.key_missing", "没有数据目录，不能核对动态口令")
    return unseal(home, base64.b64decode(sealed)).decode()


def note(engine: Engine, user: str, action: str, address: str, outcome: str, detail: str) -> None:
    """A line of the operator log in every region where a user works; none for a name that works nowhere."""
    with unit_of_work(engine, user) as tx:
        regions = [found for (found,) in tx.rows("SELECT access.regions_of(%(user)s)", user=user)]
    for region in regions:
        with unit_of_work(engine, user, region) as tx:
            append_line(tx, action, address, outcome, detail)


def digest_of_token(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def _prove(engine: Engine, user: str, password: str, address: str) -> None:
    """That it is the user who sits there: one try, counted like a log-in's."""
    if (found := tried(engine, user, address)) is None:
        raise refused_login()
    if not _judge(found.hash, password):
        note(engine, user, "login.password", address, "refused", "login.refused")
        raise refused_login()
    with unit_of_work(engine, user) as tx:
        tx.run("SELECT access.password_proved(%(place)s)", place=counted_place(address))


class Tried(NamedTuple):
    """What a try is judged by: the password's hash, the second factor's sealed secret ('' where there is none), its last code used."""

    hash: str
    otp_secret: str
    otp_step: int


def tried(engine: Engine, user: str, address: str) -> Tried | None:
    """One try of a user from an address, counted; None where there is no such user. Raises Unauthenticated `login.locked`, logged."""
    with unit_of_work(engine, ASKING) as tx:
        found = tx.row(
            "SELECT hash, otp_secret, otp_step, locked FROM access.try_password(%(user)s, %(place)s)",
            user=user,
            place=counted_place(address),
        )
    if found is None:
        return None
    *judged, seconds = found
    if seconds:
        note(engine, user, "login", address, "refused", "login.locked")
        raise Unauthenticated(
            "login.locked",
            f"此用户名在此地址已错多次，请过{-(-seconds // 60)}分钟再试；在平时登录的地址不受影响",
        )
    return Tried(*judged)


def counted_place(address: str) -> str:
    """An address as tries are counted by it."""
    return place_of(address)[:ADDRESS_MAX]


def _judge(kept: str, password: str) -> bool:
    try:
        return _HASHER.verify(kept, password[:PASSWORD_MAX])
    except VerificationError:
        return False


def step_of(secret: str, otp: str, last: int) -> int | None:
    """The half minute whose code was given: this one or a neighbour, never one that was used; None where none fits."""
    now = int(machine_seconds()) // OTP_SECONDS
    code = otp.strip()
    totp = pyotp.TOTP(secret)
    for step in (now, now - 1, now + 1):
        if step > last and secrets.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


def _hashed(user: str, password: str) -> str:
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    several = sum(any(map(kind, password)) for kind in kinds) >= 2
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX or user in password.lower() or not several:
        raise InvalidInput(
            "login.password",
            f"密码应为{PASSWORD_MIN}至{PASSWORD_MAX}个字符，不含用户名，至少有两类字符",
            field="password",
        )
    return _HASHER.hash(password)


def refused_login() -> Unauthenticated:
    """The one answer to a wrong name, password, code or touch."""
    return Unauthenticated("login.refused", "用户名、密码或动态口令不对")


def login_elsewhere(engine: Engine, user: str, address: str, there: Sequence[str]) -> Unauthenticated:
    """The answer, logged, to whose only factors are passkeys of other addresses of this service."""
    note(engine, user, "login", address, "refused", "login.passkey_elsewhere")
    return Unauthenticated(
        "login.passkey_elsewhere",
        f"登录须用通行密钥，此用户名的通行密钥登记于{'、'.join(there)}：请在该网址登录，或请管理员停用后重新登记",
    )
