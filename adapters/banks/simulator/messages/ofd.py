"""The bank packs a receipt's XML into an OFD with SM3 check values of every part, the same bytes every time.

Only what a reader of attachments meets: a page, the attachment list, the signature's digest list. There is no
SignedValue: SM2 is not in the cryptography library, and the reader does not verify it either.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.hashes import SM3, Hash

from adapters.banks.formats.xml import add, new_root, to_bytes

NAMESPACE: Final = "http://www.ofdspec.org/2016"
SM3_OID: Final = "1.2.156.10197.1.401"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_ofd(
    attachments: Mapping[str, bytes], *, namespace: str = NAMESPACE, file_loc: bool = True
) -> bytes:
    """An OFD holding `attachments` (file name: XML). With `file_loc` false the list names files as text, and
    some banks' `namespace` lacks /2016: both are met in the field.
    """
    parts = {
        "OFD.xml": _ofd(namespace),
        "Doc_0/Document.xml": _document(namespace),
        "Doc_0/Pages/Page_0/Content.xml": to_bytes(new_root("Page", namespace)),
        "Doc_0/Attachs/Attachments.xml": _attachments(attachments, namespace, file_loc=file_loc),
    }
    parts |= {f"Doc_0/Attachs/{name}": content for name, content in attachments.items()}
    parts["Doc_0/Signs/Signatures.xml"] = _signatures(namespace)
    parts["Doc_0/Signs/Sign_0/Signature.xml"] = _signature(parts, namespace)
    return pack(parts)


def pack(parts: Mapping[str, bytes]) -> bytes:
    """A deflated ZIP of `parts` in their order, with a fixed time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()


def _ofd(namespace: str) -> bytes:
    root = new_root("OFD", namespace)
    root.set("Version", "1.1")
    root.set("DocType", "OFD")
    body = add(root, "DocBody")
    add(body, "DocRoot", "Doc_0/Document.xml")
    add(body, "Signatures", "Doc_0/Signs/Signatures.xml")
    return to_bytes(root)


def _document(namespace: str) -> bytes:
    root = new_root("Document", namespace)
    add(root, "CommonData/MaxUnitID", "10")
    page = add(root, "Pages/Page")
    page.set("ID", "1")
    page.set("BaseLoc", "Pages/Page_0/Content.xml")
    add(root, "Attachments", "Attachs/Attachments.xml")
    return to_bytes(root)


def _attachments(attachments: Mapping[str, bytes], namespace: str, *, file_loc: bool) -> bytes:
    root = new_root("Attachments", namespace)
    for number, (name, content) in enumerate(attachments.items(), 1):
        attachment = add(root, "Attachment", None if file_loc else name)
        attachment.set("ID", str(number))
        attachment.set("Name", name.removesuffix(".xml"))
        attachment.set("Format", "xml")
        attachment.set("Size", str(max(1, len(content) // 1024)))
        if file_loc:
            add(attachment, "FileLoc", name)
    return to_bytes(root)


def _signatures(namespace: str) -> bytes:
    root = new_root("Signatures", namespace)
    signature = add(root, "Signature")
    signature.set("ID", "1")
    signature.set("BaseLoc", "Sign_0/Signature.xml")
    return to_bytes(root)


def _signature(parts: Mapping[str, bytes], namespace: str) -> bytes:
    root = new_root("Signature", namespace)
    references = add(root, "SignedInfo/References")
    references.set("CheckMethod", SM3_OID)
    for name, content in parts.items():
        digest = Hash(SM3())
        digest.update(content)
        reference = add(references, "Reference")
        reference.set("FileRef", f"/{name}")
        add(reference, "CheckValue", base64.b64encode(digest.finalize()).decode("ascii"))
    return to_bytes(root)
