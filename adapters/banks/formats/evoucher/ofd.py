"""Receipts inside OFD files (GB/T 33190): the XML attachments of a ZIP whose signatures list SM3 digests.

The digests prove that the parts are those the signer listed. The SM2 signature over the list is not verified:
the cryptography library has no SM2. So an OFD proves integrity here, and the channel it came by its origin.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import posixpath
import re
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.hashes import SM3, Hash
from lxml.etree import _Element as Element

from adapters.banks.formats.evoucher.container import unpack
from adapters.banks.formats.xml import elements_named, first_text, need_text, parse_xml
from ledger.core.errors import InvalidInput

SM3_NAMES: Final = frozenset({"1.2.156.10197.1.401", "sm3"})

_ATTACHMENTS = re.compile(r"(?:[^/]+/)+attachments\.xml", re.IGNORECASE)
_SIGNATURE = re.compile(r"(?:[^/]+/)+signature\.xml", re.IGNORECASE)


def sm3(content: bytes) -> bytes:
    """The 32 bytes of SM3."""
    digest = Hash(SM3())
    digest.update(content)
    return digest.finalize()


def read_attachments(content: bytes, *, require_digest: bool) -> dict[str, Element]:
    """The XML attachments of an OFD, parsed, by their path in the container.

    Raises InvalidInput: those of `container.unpack` and `xml.parse_xml`; `bankfile.attachment` when there is no
    XML attachment or a listed one is absent; `bankfile.digest` when a part differs from its SM3 value, is absent,
    or an attachment is not among the digested parts; `bankfile.digest_missing` when `require_digest` and the
    file has no signature.
    """
    parts = unpack(content)
    names = _attachment_names(parts)
    signatures = [name for name in parts if _SIGNATURE.fullmatch(name)]
    if not signatures and require_digest:
        raise InvalidInput("bankfile.digest_missing", "OFD文件没有签名摘要（Signature.xml），无法核对附件")
    # a second signature may cover less, the reader's mark say: every digest listed must hold, each part hashed once
    digests: dict[str, bytes] = {}
    covered = {name for signature in signatures for name in _check_digests(parts, signature, digests)}
    uncovered = [name for name in names if signatures and name not in covered]
    if uncovered:
        raise InvalidInput(
            "bankfile.digest", f"附件“{uncovered[0]}”不在任何签名的摘要之列", name=uncovered[0]
        )
    return {name: parse_xml(parts[name]) for name in names}


def _attachment_names(parts: Mapping[str, bytes]) -> list[str]:
    names: dict[str, None] = {}
    for listing in (name for name in parts if _ATTACHMENTS.fullmatch(name)):
        for attachment in elements_named(parse_xml(parts[listing]), "Attachment"):
            location = first_text(attachment, "FileLoc") or (attachment.text or "").strip()
            is_xml = attachment.get("Format", "").lower() == "xml" or location.lower().endswith(".xml")
            if is_xml:
                names[_resolve(parts, listing, location)] = None
    if not names:
        raise InvalidInput("bankfile.attachment", "OFD文件没有XML附件")
    return list(names)


def _resolve(parts: Mapping[str, bytes], listing: str, location: str) -> str:
    """The part a location means: from the root if absolute, else beside the listing, its document, the root."""
    folder = posixpath.dirname(listing)
    bases = [""] if location.startswith("/") else [folder, posixpath.dirname(folder), ""]
    safe = bool(location) and ".." not in location.split("/")
    for base in bases if safe else ():
        name = posixpath.normpath(posixpath.join(base, location.lstrip("/")))
        if name in parts:
            return name
    where = "路径不安全" if not safe else "不在清单旁、其文档目录或根目录之内"
    raise InvalidInput("bankfile.attachment", f"OFD附件“{location[:80]}”{where}", name=location[:80])


def _check_digests(parts: Mapping[str, bytes], signature: str, digests: dict[str, bytes]) -> set[str]:
    """Verify every reference of one signature; returns the names of the parts it covers."""
    root = parse_xml(parts[signature])
    covered: set[str] = set()
    for references in elements_named(root, "References"):
        method = references.get("CheckMethod", "").lower()
        if method not in SM3_NAMES:
            raise InvalidInput("bankfile.digest", f"签名摘要的算法“{method[:40]}”不是SM3", method=method[:40])
        for reference in elements_named(references, "Reference"):
            name = reference.get("FileRef", "").lstrip("/")
            expected = _decode(need_text(reference, "CheckValue"), name)
            if name not in parts:
                raise InvalidInput(
                    "bankfile.digest", f"签名摘要所列的“{name[:80]}”不在文件内", name=name[:80]
                )
            if name not in digests:
                digests[name] = sm3(parts[name])
            if not hmac.compare_digest(digests[name], expected):
                raise InvalidInput("bankfile.digest", f"“{name[:80]}”与签名摘要不符", name=name[:80])
            covered.add(name)
    return covered


def _decode(text: str, name: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("bankfile.digest", f"“{name[:80]}”的签名摘要不是Base64", name=name[:80]) from None
