"""`evidence verify`: a file of evidence by itself: the list of persons signed by two, each signature, the content it is over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from ledger.access.signing.register import ListedPersonKey, check_list, signature_flaw_by
from ledger.access.signing.statement import SignedStatement, read_statement
from ledger.core.digests import batch_digest
from ledger.core.errors import InvalidInput, LedgerError


class Proven(NamedTuple):
    """One signature that holds: who, when, with which key, over which digest."""

    user: str
    person: str
    signed_at: str
    day: str
    key: str
    digest: str


class Checked(NamedTuple):
    """What a file of evidence proves; `flaws` empty where all of it holds."""

    listed: ListedPersonKey
    proven: list[Proven]
    flaws: list[str]
    content: bool
    """Whether what was signed is in the file, beside every signature, and gives the signed digest."""


def check_evidence(
    document: Mapping[str, Any], persons: Mapping[str, Any] | None = None, trusted: Collection[str] = ()
) -> Checked:
    """Check a file; `persons` is a list kept elsewhere, used instead of the one inside. Raises InvalidInput `evidence.*`."""
    listed = check_list(persons if persons is not None else document.get("persons", {}), trusted)
    flaws: list[str] = []
    proven: list[Proven] = []
    try:
        asked = (listed.home, listed.region, document["act"], document["object"])
        if document["region"] != listed.region:
            flaws.append("名册不是这一统筹区的")
        told = []
        for n, one in enumerate(document["signatures"], 1):
            given = SignedStatement(str(one["statement"]), str(one["signature"]))
            said, name, at = read_statement(given.statement)
            flaw = signature_flaw_by(listed.keys, given)
            if not flaw and (said.home, said.region, said.act, said.object) != asked:
                flaw = "所签的不是这一事项，或不是这一安装、统筹区的"
            content = _content_digest(document, one)
            told.append(bool(content))
            if not flaw and content and said.digest != content[: len(said.digest)]:
                flaw = "所附内容与所签的摘要不符"
            if flaw:
                flaws.append(f"第{n}个签名不成立：{flaw}")
            else:
                proven.append(
                    Proven(said.user, said.person, at.isoformat(), said.day.isoformat(), name, said.digest)
                )
    except (KeyError, TypeError, ValueError, LedgerError):
        raise InvalidInput("evidence.file", "证据文件不是约定的形状，或已损坏") from None
    if not proven and not flaws:
        flaws.append("没有任何签名")
    return Checked(listed, proven, flaws, all(told))


def _content_digest(document: Mapping[str, Any], signature: Mapping[str, Any]) -> str:
    """The digest of what is in the file of what a signature is over; "" where nothing of it is. A thing decided on more than once is
    not the same each time, so the text stands beside each signature but the last, whose is the file's."""
    if document["orders"]:
        digests = [sha256(str(text).encode()).digest() for text in document["orders"]]
        return batch_digest(str(document["object"]), digests).hex()
    content = str(signature.get("content", document["content"]))
    return sha256(content.encode()).hexdigest() if content else ""
