"""A person signs what an act asks for: one touch of the passkey over the digests of what was on the screen; void on change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from starlette.responses import Response

from ledger.access.signing.passkey import challenge_of, encoded, packed, read_answer, ways_of
from ledger.access.signing.persons import PersonKey, passkeys_of
from ledger.access.signing.statement import SignedStatement, ToSign, read_statement
from ledger.core.dates import machine_moment, parse_day
from ledger.core.errors import Forbidden, InvalidInput, LedgerError
from ledger.core.words import words_of
from ledger.db.unit_of_work import unit_of_work
from ledger.web.fields import again
from ledger.web.show import page
from ledger.web.sitting import Desk

_OWN: Final = ("csrf", "signed", "statements", "shown", "touch")
"""Fields of the form that signs; all others are the act's own."""
_SHOWN: Final = ("act", "thing", "digest", "text")
_MOST: Final = 2000
"""Statements one touch signs."""


class Way(NamedTuple):
    """One passkey by which the person may sign: what its authenticator is asked."""

    key: PersonKey
    statements: str
    challenge: str


def seated(desk: Desk, form: Mapping[str, str]) -> Desk:
    """The desk with the person's passkeys of this address, and what the form brings signed; of the region that the act is for.

    Raises InvalidInput `signature.format`.
    """
    asked = form.get("v.region") or form.get("v.book", "").partition("-")[0]
    region = next((one for one in desk.regions if str(one) == asked), desk.region)
    with unit_of_work(desk.reading, desk.user, region) as tx:
        keys = tuple(passkeys_of(tx, desk.origin))
    given = [SignedStatement(**one) for one in _list(form.get("signed", ""), dict)]
    touched = _list(form.get("statements", ""), str)
    if form.get("touch"):
        answer = read_answer(form["touch"])
        given += [
            SignedStatement(statement, packed(answer._replace(way=way)))
            for statement, way in zip(touched, ways_of(touched), strict=True)
        ]
    for one in given:
        read_statement(one.statement)
    _shown(form)
    return replace(desk, passkeys=keys, signatures=tuple(given))


def _list(text: str, kind: type) -> list[Any]:
    try:
        found = json.loads(text or "[]")
        if len(found) > _MOST or not all(isinstance(one, kind) for one in found):
            raise ValueError
        if kind is dict and any(set(one) != set(SignedStatement._fields) for one in found):
            raise ValueError
    except (ValueError, TypeError):
        raise InvalidInput("signature.format", "表单所带的签名不是约定的形状") from None
    return list(found)


def _shown(form: Mapping[str, str]) -> list[list[str]]:
    """Act, thing, digest and text of what the form was asked for; as this page wrote it. Raises InvalidInput `signature.format`."""
    found: list[list[str]] = _list(form.get("shown", ""), list)
    if not all(len(one) == len(_SHOWN) and all(isinstance(part, str) for part in one) for one in found):
        raise InvalidInput("signature.format", "表单所带的签名不是约定的形状")
    return found


def is_asked(desk: Desk, error: LedgerError) -> bool:
    """Whether the act waits for the person's signature, which can be given here."""
    return bool(error.code == "signature.missing" and error.details.get("to_sign") and desk.passkeys)


def ask_page(desk: Desk, action: str, form: Mapping[str, str], error: LedgerError) -> Response:
    """What is to be signed, and the form that signs it and does the act."""
    asked = _to_sign(error)
    now = machine_moment()
    ways = []
    for key in desk.passkeys:
        statements = [wanted.statement(key.fingerprint, now) for wanted, _ in asked]
        challenge = challenge_of(statements[0], ways_of(statements)[0])
        ways.append(Way(key, json.dumps(statements, ensure_ascii=False), encoded(challenge)))
    shown = _shown(form) + [[w.act, w.object, w.digest, text] for w, text in asked]
    return page(
        desk, "sign.html", title="请以本人的通行密钥签名", action=action, back=_back(form), ways=ways,
        asked=[(_named(desk, wanted), wanted, told(text)) for wanted, text in asked],
        signed=json.dumps([one._asdict() for one in desk.signatures], ensure_ascii=False),
        shown=json.dumps(shown, ensure_ascii=False),
        kept=again({name: value for name, value in form.items() if name not in _OWN}),
    )  # fmt: skip


def changed(form: Mapping[str, str], error: LedgerError) -> list[str]:
    """What became other between the showing and the signature, in words; nothing where it is not known."""
    shown = {(act, thing): (digest, text) for act, thing, digest, text in _shown(form)}
    if error.code == "signature.other_content":
        words = []
        for wanted, text in _to_sign(error):
            digest, before = shown.get((wanted.act, wanted.object), ("", ""))
            words += differences(before, text) or (
                [f"{wanted.object}：摘要由{digest[:16]}…变为{wanted.digest[:16]}…"] if digest else []
            )
        return words
    if error.code == "list.changed" and shown and "items" in error.details:
        now: Any = error.details["items"]
        return _list_differences({thing: one for (_, thing), (one, _) in shown.items()}, now)
    return []


def _list_differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    words = [f"新增：{name}" for name in now if name not in before]
    words += [f"不再在内：{name}" for name in before if name not in now]
    return words + [f"内容已变：{name}" for name in now if name in before and now[name] != before[name]]


def differences(before: str, now: str) -> list[str]:
    """Between two texts of one thing: by its members where they are documents, else by lines."""
    one, other = _members(before), _members(now)
    return [
        f"{name}：由“{one.get(name, '')}”变为“{other.get(name, '')}”"
        for name in dict.fromkeys([*one, *other])
        if one.get(name) != other.get(name)
    ]


def _members(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
        members = {str(name): _plain(value) for name, value in found["shown"].items()}
        members |= {f"第{n}行": _plain(line) for n, line in enumerate(found["lines"], 1)}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {f"第{n}行": line for n, line in enumerate(text.splitlines(), 1)}
    return members


def told(text: str) -> list[str]:
    """What is signed, line by line."""
    return [
        f"{name} {value}" if not name.startswith("第") else value for name, value in _members(text).items()
    ]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _to_sign(error: LedgerError) -> list[tuple[ToSign, str]]:
    """What a refusal asks to be signed, with the texts."""
    asked: Any = error.details.get("to_sign", ())
    return [
        (ToSign(**{n: one[n] for n in ToSign._fields} | {"day": parse_day(one["day"])}), str(one["content"]))
        for one in asked
    ]


def _named(desk: Desk, wanted: ToSign) -> str:
    """An act in words: by the log's, else as the command line's help begins."""
    name = wanted.act.replace(".", " ")
    summaries: Sequence[str] = [one.summary for one in desk.house.commands.described() if one.name == name]
    known = words_of("operator.action").get(wanted.act)
    return known or (summaries[0].split("：")[0].split("，")[0].split("。")[0] if summaries else wanted.act)


def _back(form: Mapping[str, str]) -> str:
    back = form.get("back", "")
    return back if back.startswith("/desk/") and "//" not in back else "/desk/today"


def without_key(error: LedgerError, origin: str) -> LedgerError:
    """The refusal for who has no passkey of this address: how to get one."""
    if error.code != "signature.missing" or not error.details.get("to_sign"):
        return error
    words = f"{error.message}。您在{origin}没有登记并确认的通行密钥：请在“本人”页生成，由另一人确认后再办"
    return Forbidden(error.code, words, **error.details)
