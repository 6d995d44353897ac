"""Who may enter the server, and by what: the lines of `pg_hba.conf`, and passwords that anybody would guess.

Both only a login with the right to it sees: `pg_hba_file_rules()` the auditor where the administrator could give it (roles.py),
`pg_authid` a superuser. What a login may not see is said, never taken for good.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

KNOWN: Final = (
    "", "123456", "12345678", "123456789", "admin", "admin123", "changeme", "fundledger", "password", "passw0rd", "postgres",
    "postgresql", "qwerty", "root", "secret", "test",
)  # fmt: skip
"""Passwords that come with servers, images and examples; besides these a login's own name."""
RULES: Final = "pg_hba_file_rules"
PASSWORDS: Final = "pg_authid"
_WITHOUT: Final = ("trust", "password", "md5", "ident")
"""Methods that let in by less than SCRAM or a certificate, whatever is stored for the login."""

# For each line the superusers it lets in: by name, by `all`, by a pattern, or by a group of theirs.
_RULES: Final = """
    SELECT r.line_number, concat_ws(' ', r.type, array_to_string(r.database, ','), array_to_string(r.user_name, ','), r.address, r.netmask, r.auth_method),
           r.type, r.address, r.netmask, r.auth_method, ARRAY(
        SELECT s.rolname::text FROM pg_roles s WHERE s.rolsuper AND s.rolcanlogin AND EXISTS (
            SELECT FROM unnest(r.user_name) AS u (name)
             WHERE u.name IN ('all', s.rolname) OR starts_with(u.name, '/') AND s.rolname ~ substr(u.name, 2)
                OR starts_with(u.name, '+') AND EXISTS (
                   WITH RECURSIVE up AS (
                       SELECT s.oid AS role UNION SELECT m.roleid FROM pg_auth_members m JOIN up ON m.member = up.role)
                   SELECT FROM up JOIN pg_roles g ON g.oid = up.role WHERE g.rolname = substr(u.name, 2)))
         ORDER BY 1)
      FROM pg_hba_file_rules() r WHERE r.error IS NULL AND r.auth_method <> 'reject' ORDER BY r.line_number
"""
_PASSWORDS: Final = """
    SELECT rolname::text, rolpassword, rolsuper FROM pg_authid
     WHERE rolcanlogin AND (rolpassword IS NOT NULL) AND (rolvaliduntil IS NULL OR rolvaliduntil > now()) ORDER BY 1
"""
_MAY: Final[dict[str, LiteralString]] = {
    RULES: "SELECT has_function_privilege('pg_hba_file_rules()', 'EXECUTE')",
    PASSWORDS: "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')",
}
_SCRAM: Final = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):[A-Za-z0-9+/=]+")


class WayIn(NamedTuple):
    """A way in that should not be there: its code, what it goes by, whether from another machine, and what is wrong with it."""

    code: str
    name: str
    remote: bool
    message: str


def entrances(connection: psycopg.Connection[Any]) -> tuple[list[WayIn], list[str]]:
    """What this login sees that should not be there, and which of RULES and PASSWORDS it may not see."""
    found: list[WayIn] = []
    hidden = []
    for what, looked in ((RULES, _rules), (PASSWORDS, _passwords)):
        [(may,)] = connection.execute(_MAY[what]).fetchall()
        if may:
            found += looked(connection)
        else:
            hidden.append(what)
    return found, hidden


def _rules(connection: psycopg.Connection[Any]) -> Iterator[WayIn]:
    for line, text, kind, address, mask, method, superusers in connection.execute(_RULES).fetchall():
        remote = kind != "local" and not _here(address or "", mask or "")
        said = f"pg_hba.conf第{line}行（{text}）"
        if method == "trust" and remote:
            yield WayIn("entrance.trust", f"pg_hba {line}", remote, f"{said}不问口令就让别的机器进入")
        elif superusers and method in _WITHOUT:
            who = "、".join(superusers)
            yield WayIn("entrance.superuser", f"pg_hba {line}", remote, f"{said}让超级用户{who}不经SCRAM进入")


def _here(address: str, mask: str) -> bool:
    """Whether a line speaks of this machine alone."""
    if address in ("samehost", "localhost"):
        return True
    try:
        low = ipaddress.ip_address(address)
        within = ~int(ipaddress.ip_address(mask)) & (1 << low.max_prefixlen) - 1 if mask else 0
    except ValueError:
        return False  # `all`, `samenet`, a host's name
    return low.is_loopback and type(low)(int(low) | within).is_loopback


def _passwords(connection: psycopg.Connection[Any]) -> Iterator[WayIn]:
    for role, kept, superuser in connection.execute(_PASSWORDS).fetchall():
        if superuser and not _SCRAM.fullmatch(kept):
            yield WayIn("entrance.superuser", f"login {role}", True, f"超级用户{role}的口令不是以SCRAM保存")
        if any(_opens(word, role, kept) for word in (*KNOWN, role)):
            yield WayIn("entrance.password", f"login {role}", True, f"登录{role}的口令是众所周知的口令")


def _opens(word: str, role: str, kept: str) -> bool:
    """Whether a password is the one that a verifier was made of."""
    if found := _SCRAM.fullmatch(kept):
        salted = hashlib.pbkdf2_hmac("sha256", word.encode(), base64.b64decode(found[2]), int(found[1]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        return hashlib.sha256(key).digest() == base64.b64decode(found[3])
    return kept == "md5" + hashlib.md5((word + role).encode(), usedforsecurity=False).hexdigest()
