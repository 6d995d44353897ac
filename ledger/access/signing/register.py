"""The region's list of persons and their keys as a file, signed by two of them: what evidence is checked by without any database."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from ledger.access.signing.pair import key_id
from ledger.access.signing.passkey import PREFIX, Passkey, passkey_id
from ledger.access.signing.persons import PersonKey
from ledger.access.signing.signer import Holder, sign_with
from ledger.access.signing.signing import EnrolledKey, holds
from ledger.access.signing.statement import SignedStatement, ToSign, canonical, read_statement
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason

FORMAT: Final = "fundledger-persons"
ACT: Final = "key.list"
_KEPT: Final = (
    "fingerprint", "person", "users", "algorithm", "public_key", "valid_from", "valid_to", "confirmed_at", "revoked_at",
)  # fmt: skip
_BOUND: Final = ("credential_id", "rp_id", "origin")
"""Of a passkey alone."""
SIZE_MAX: Final = 50_000_000


class ListedPersonKey(NamedTuple):
    """A list that two persons signed: its keys by fingerprint, and the fingerprints it is signed by."""

    home: str
    region: int
    keys: Mapping[str, Mapping[str, Any]]
    signers: tuple[str, ...]


def make_list(home: str, region: int, keys: Collection[PersonKey], on: date) -> dict[str, Any]:
    """The list of all keys ever confirmed, not signed yet."""
    kept = [key.as_json() for key in keys if key.confirmed_at]
    return {
        "format": FORMAT,
        "version": 1,
        "home": home,
        "region": region,
        "made_on": on.isoformat(),
        "keys": [
            {name: one[name] for name in (*_KEPT, *_BOUND) if name in _KEPT or one[name]} for one in kept
        ],
        "signatures": [],
    }


def list_digest(document: Mapping[str, Any]) -> str:
    """What is signed of a list: all of it but the signatures."""
    return sha256(canonical({**document, "signatures": []}).encode()).hexdigest()


def sign_list(document: dict[str, Any], holder: Holder, user: str) -> None:
    """Add a signature of a person of the list. Raises InvalidInput `evidence.list`."""
    key = next((one for one in document["keys"] if one["fingerprint"] == holder.id), None)
    if key is None:
        raise InvalidInput("evidence.list", f"密钥{holder.id[:16]}…不在名册中，不能签名")
    said = ToSign(
        document["home"],
        document["region"],
        ACT,
        str(document["region"]),
        list_digest(document),
        user or key["users"][0],
        key["person"],
        date.fromisoformat(document["made_on"]),
    )
    document["signatures"].append(sign_with(holder, said)._asdict())


def read_document(path: Path, wanted: str) -> dict[str, Any]:
    """A file of ours as JSON. Raises InvalidInput `evidence.file`."""
    try:
        text = path.read_bytes()[: SIZE_MAX + 1]
        found = json.loads(text) if len(text) <= SIZE_MAX else None
    except OSError as error:
        raise InvalidInput(
            "evidence.file", f"文件{path}不能读取：{os_reason(error)}", file=str(path)
        ) from error
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("format") != wanted or found.get("version") != 1:
        raise InvalidInput("evidence.file", f"{path}不是{wanted}文件，或已损坏", file=str(path))
    return found


def check_list(document: Mapping[str, Any], trusted: Collection[str] = ()) -> ListedPersonKey:
    """A list if two different persons of it signed it as it is. With `trusted`, both by keys whose fingerprints begin so.

    Raises InvalidInput `evidence.list`, naming what is wrong.
    """
    try:
        keys = {one["fingerprint"]: one for one in document["keys"]}
        if any(_id_of(one) != name for name, one in keys.items()):
            raise _refused("有公钥与指纹不符")
        home, region, digest = str(document["home"]), int(document["region"]), list_digest(document)
        signers: dict[str, str] = {}
        for one in document["signatures"]:
            given = SignedStatement(str(one["statement"]), str(one["signature"]))
            said, name, _ = read_statement(given.statement)
            flaw = signature_flaw_by(keys, given)
            if flaw or (said.home, said.region, said.act, said.digest) != (home, region, ACT, digest):
                raise _refused(flaw or "签名不是对这份名册作出的")
            if trusted and not any(name.startswith(start.lower()) for start in trusted if len(start) >= 8):
                continue
            signers.setdefault(said.person, name)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _refused("不是约定的形状") from None
    if len(signers) < 2:
        now = f"现只有{'、'.join(signers)}" if signers else "现无人签名"
        raise _refused(f"须由两人签名，{now}" + ("（以所信任的密钥计）" if trusted else ""))
    return ListedPersonKey(home, region, keys, tuple(signers.values()))


def signature_flaw_by(keys: Mapping[str, Mapping[str, Any]], given: SignedStatement) -> str:
    """What is wrong with a signature by the list: unknown, not valid or revoked then, another's, or no signature; "" if good."""
    said, name, at = read_statement(given.statement)
    key = keys.get(name)
    if key is None:
        return f"密钥{name[:16]}…不在名册中"
    if said.person != key["person"] or said.user not in key["users"]:
        return f"密钥{name[:16]}…不是{said.user}本人的"
    day = at.astimezone(SHANGHAI).date()
    if not date.fromisoformat(key["valid_from"]) <= day <= date.fromisoformat(key["valid_to"]):
        return f"密钥{name[:16]}…在{day}不在有效期内"
    if key["revoked_at"] and _moment(key["revoked_at"]) <= at:
        return f"密钥{name[:16]}…已于{key['revoked_at']}停用"
    enrolled = EnrolledKey(key["algorithm"], key["public_key"], *(str(key.get(name, "")) for name in _BOUND))
    return "" if holds(enrolled, given) else "签名与所签的内容、密钥不符"


def _id_of(key: Mapping[str, Any]) -> str:
    if not str(key["algorithm"]).startswith(PREFIX):
        return key_id(key["public_key"])
    return passkey_id(Passkey(str(key["public_key"]), *(str(key[name]) for name in _BOUND)))


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def _refused(why: str) -> InvalidInput:
    return InvalidInput("evidence.list", f"人员密钥名册不可信：{why}")
