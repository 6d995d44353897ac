"""What a request's head must be before anything is done for it (RFC 9112, RFC 9110): the rules the parser does not know.

The parser refuses what cannot be read: bare CR or LF, folded lines, a space before a colon, two lengths, a length beside
chunks. Here is refused what can be read in two ways, by us and by a proxy before us, or means something this service has not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from ledger.api.problems import Answer, problem

HEAD_BYTES_MAX: Final = 16 * 1024
HEADERS_MAX: Final = 64
TARGET_MAX: Final = 4_096

_TARGET: Final = re.compile(rb"/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*(?:\?[\x21-\x7e]*)?")
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ENCODED: Final = re.compile(rb"%(?:2[fF]|5[cC]|25|2[eE]|[01][0-9A-Fa-f]|7[fF])")
"""A slash, a backslash, a percent sign (of something encoded twice), a dot, a control character."""
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9\-._~!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

Headers = Sequence[tuple[bytes, bytes]]


def fault_of(method: bytes, target: bytes, version: str, headers: Headers) -> Answer | None:
    """Why a request of this head is not answered; None: it may go on. Header names are in lower case."""
    if version not in ("1.0", "1.1"):
        return problem(505, "http.version", "只支持HTTP/1.1与HTTP/1.0")
    return _of_target(method, target) or _of_host(version, headers) or _of_framing(version, headers)


def too_large() -> Answer:
    """A head of too many bytes or too many headers."""
    return problem(431, "http.head_too_large", f"请求头超过{HEAD_BYTES_MAX}字节或{HEADERS_MAX}项")


def unreadable() -> Answer:
    """Bytes that are no request."""
    return problem(400, "http.framing", "不是完整合规的HTTP请求：首行、请求头、长度或分块有误（RFC 9112）")


def too_slow() -> Answer:
    """A head that did not come in time."""
    return problem(408, "http.head_too_slow", "请求头没有在限定时间内到齐")


def too_often() -> Answer:
    """A request without a key that was found good, from an address that sent too many."""
    return problem(429, "http.too_often", "此地址未出示有效密钥的请求过快，请稍后再试")


def _of_target(method: bytes, target: bytes) -> Answer | None:
    if len(target) > TARGET_MAX:
        return problem(414, "http.target_too_long", f"请求地址超过{TARGET_MAX}字节")
    if method == b"CONNECT":
        return problem(501, "http.upgrade", "不支持协议升级与隧道")
    if not _TARGET.fullmatch(target):
        return _bad_target()
    path = target.partition(b"?")[0]
    if _BAD_PERCENT.search(target) or _ENCODED.search(path) or b"//" in path:
        return _bad_target()
    if any(part in (b".", b"..") for part in path.split(b"/")):
        return _bad_target()
    try:
        unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        return _bad_target()
    return None


def _bad_target() -> Answer:
    return problem(
        400,
        "http.target",
        "请求地址不合规：须以/开头，不得含编码的斜杠、反斜杠、点、百分号或控制字符，不得含空段、“.”段与“..”段",
    )


def _of_host(version: str, headers: Headers) -> Answer | None:
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1") or (hosts and not _HOST.fullmatch(hosts[0])):
        return problem(400, "http.host", "请求须有且仅有一个合规的Host")
    return None


def _of_framing(version: str, headers: Headers) -> Answer | None:
    encodings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    lengths = [value for name, value in headers if name == b"content-length"]
    if encodings and (version == "1.0" or lengths or len(encodings) > 1):
        return unreadable()
    if encodings and encodings != [b"chunked"]:
        return problem(501, "http.transfer_encoding", "传输编码只支持chunked")
    if len(lengths) > 1 or (lengths and not (lengths[0].isdigit() and len(lengths[0]) <= 15)):
        return unreadable()
    if any(name == b"upgrade" for name, _ in headers):
        return problem(501, "http.upgrade", "不支持协议升级与隧道")
    return None


def written(answer: Answer, default: list[tuple[bytes, bytes]]) -> bytes:
    """A refusal as bytes, after which the connection ends."""
    headers = [
        *default,
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        (b"connection", b"close"),
        *[(name, value) for name, value in answer.headers if name != b"connection"],
    ]
    lines = [name + b": " + value + b"\r\n" for name, value in headers]
    return b"".join([STATUS_LINE[answer.status], *lines, b"\r\n", answer.body])
