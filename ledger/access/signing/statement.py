"""The one text a person signs, whatever the act: where, which, over what was shown, who, when. Canonical, so that it is bytes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from ledger.core.errors import Forbidden, InvalidInput

VERSION: Final = 1
SKEW: Final = timedelta(minutes=5)
"""A statement's time further off than this is not believed."""
_FIELDS: Final = frozenset(
    {"version", "home", "region", "act", "object", "digest", "user", "person", "day", "key", "signed_at"}
)
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


class ToSign(NamedTuple):
    """What a signature is asked for: in which installation and region, for which act on what, over which digest, of whom."""

    home: str
    region: int
    act: str
    object: str
    digest: str
    """Of what was shown, lower-case hexadecimal."""
    user: str
    person: str
    day: date
    """The business date of the act."""

    def asked(self, content: str) -> dict[str, Any]:
        """For who is to sign elsewhere: the members of the statement, and the content the digest is the SHA-256 of (or empty)."""
        return {**self._asdict(), "day": self.day.isoformat(), "content": content}

    def statement(self, key: str, signed_at: datetime) -> str:
        """The text to sign with the key of that fingerprint at that moment (UTC)."""
        return canonical(
            {
                **self._asdict(),
                "version": VERSION,
                "day": self.day.isoformat(),
                "key": key,
                "signed_at": signed_at.astimezone(UTC).strftime(_TIME),
            }
        )


class SignedStatement(NamedTuple):
    """A statement with its signature (hexadecimal, 64 bytes)."""

    statement: str
    signature: str


def canonical(document: dict[str, Any]) -> str:
    """JSON with sorted keys and no blanks."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def read_statement(text: str) -> tuple[ToSign, str, datetime]:
    """What a statement says: what was signed, the key's fingerprint, when. Raises InvalidInput `signature.format`."""
    try:
        found = json.loads(text)
        if set(found) != _FIELDS or found["version"] != VERSION or canonical(found) != text:
            raise ValueError
        wanted = ToSign(
            **{name: found[name] for name in ToSign._fields if name != "day"},
            day=date.fromisoformat(found["day"]),
        )
        at = datetime.strptime(found["signed_at"], _TIME).replace(tzinfo=UTC)
        if type(wanted.region) is not int or not all(
            isinstance(value, str) for value in (found["key"], *wanted[2:7], wanted.home)
        ):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidInput("signature.format", "签名内容不是约定的形状，或不是规范的写法") from None
    return wanted, found["key"], at


def require_same(wanted: ToSign, said: ToSign) -> None:
    """Raise Forbidden `signature.other_content` naming the first thing of which the signed statement says something else."""
    for name, asked, signed in zip(ToSign._fields, wanted, said, strict=True):
        if asked != signed:
            raise Forbidden(
                "signature.other_content",
                f"所签的不是这一事项：{name}为“{str(signed)[:40]}”，应为“{str(asked)[:40]}”",
                field=name,
            )


def require_near(signed_at: datetime, now: datetime) -> None:
    """Raise Forbidden `signature.clock` unless the two clocks agree within five minutes."""
    if abs(now - signed_at) > SKEW:
        raise Forbidden(
            "signature.clock",
            f"签名时间{signed_at:%Y-%m-%d %H:%M:%S}与本机时间{now:%Y-%m-%d %H:%M:%S}（UTC）相差超过5分钟：请校准时钟后重新签名",
        )
