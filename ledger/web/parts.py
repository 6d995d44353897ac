"""A form that brings a file (multipart/form-data, RFC 7578): split by its boundary, a file's bytes left exactly as they came."""

from __future__ import annotations

import base64
from email.parser import HeaderParser
from email.policy import HTTP


def parts_of(kind: str, body: bytes, most: int) -> dict[str, str]:
    """Fields by name; a file's bytes in base64 under its field, its name under `<field>.name`, empty where none was chosen.

    `kind` is the request's content-type. Raises ValueError for anything else, or more than `most` parts.
    """
    boundary = HeaderParser(policy=HTTP).parsestr(f"Content-Type: {_line(kind)}").get_boundary()
    if not boundary:
        raise ValueError("boundary")
    mark = b"\r\n--" + boundary.encode()
    first, *parts = (b"\r\n" + body).split(mark, most + 2)
    if first.strip() or not parts or not parts[-1].startswith(b"--") or len(parts) > most + 1:
        raise ValueError("parts")
    found: dict[str, str] = {}
    for part in parts[:-1]:
        head, between, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        if not between:
            raise ValueError("part")
        _take(head.decode(), content, found)
    return found


def _take(head: str, content: bytes, found: dict[str, str]) -> None:
    read = HeaderParser(policy=HTTP).parsestr(head)
    name = read.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise ValueError("name")
    filename = read.get_filename()
    if filename is None:
        found[name] = content.decode()
        return
    found[f"{name}.name"] = filename
    found[name] = base64.b64encode(content).decode()


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("header")
    return text
