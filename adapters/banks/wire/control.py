"""The control file that follows every file, in both directions: only a file whose control file lies there is complete.

Plain `key=value` lines, UTF-8, LF: `name`, `bytes`, `sha256`, and for payment files `count` and `total_fen`.
Our files are followed by `<name>.ctl`, the bank's by `<name>.ok`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger.core.errors import InvalidInput

CONTROL_SUFFIX: Final = ".ctl"
READY_SUFFIX: Final = ".ok"
CONTROL_BYTES_MAX: Final = 4096

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
_REQUIRED = ("name", "bytes", "sha256")
_PAYMENT = ("count", "total_fen")


@dataclass(frozen=True, slots=True)
class ControlFile:
    """What a control file says of its file; `count` and `total_fen` are None where the file pays nothing."""

    name: str
    size: int
    sha256: str
    count: int | None = None
    total_fen: int | None = None

    def matches(self, content: bytes) -> bool:
        """Whether `content` is the file this control file was written for."""
        return len(content) == self.size and sha256(content).hexdigest() == self.sha256


def is_plain_name(name: str) -> bool:
    """Letters, digits, `.`, `_`, `-`, at most 200: a name that means the same file on every system."""
    return _NAME.fullmatch(name) is not None


def describe(
    name: str, content: bytes, *, count: int | None = None, total_fen: int | None = None
) -> ControlFile:
    """The control file of `content`."""
    return ControlFile(name, len(content), sha256(content).hexdigest(), count, total_fen)


def encode_control(control: ControlFile) -> bytes:
    """A control file's bytes; the same values always give the same bytes."""
    lines = [f"name={control.name}", f"bytes={control.size}", f"sha256={control.sha256}"]
    if control.count is not None and control.total_fen is not None:
        lines += [f"count={control.count}", f"total_fen={control.total_fen}"]
    return ("\n".join(lines) + "\n").encode()


def decode_control(name: str, content: bytes) -> ControlFile:
    """Read the control file that lies beside `name`.

    Raises InvalidInput `control.format` for anything but the known keys, once each, with plain values, and
    `control.other_file` if it speaks of another file. Unknown keys pass: a bank may add some.
    """
    values = _values(name, content)
    if any(key not in values for key in _REQUIRED) or not _DIGEST.fullmatch(values["sha256"]):
        raise InvalidInput(
            "control.format", f"文件“{name}”的控制文件不完整：应有name、bytes、sha256", file=name
        )
    numbers = {key: values[key] for key in ("bytes", *_PAYMENT) if key in values}
    if any(not _NUMBER.fullmatch(text) for text in numbers.values()):
        raise InvalidInput("control.format", f"文件“{name}”的控制文件中数字不合规", file=name, values=numbers)
    if values["name"] != name:
        raise InvalidInput(
            "control.other_file",
            f"文件“{name}”旁的控制文件说的是另一个文件“{values['name']}”",
            file=name,
            stated=values["name"],
        )
    count, total = (int(numbers[key]) if key in numbers else None for key in _PAYMENT)
    return ControlFile(name, int(numbers["bytes"]), values["sha256"], count, total)


def _values(name: str, content: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    try:
        if len(content) > CONTROL_BYTES_MAX:
            raise ValueError
        for line in filter(None, content.decode().split("\n")):
            key, value = line.split("=", 1)
            if key in values:
                raise ValueError
            values[key] = value
    except ValueError:
        raise InvalidInput(
            "control.format", f"文件“{name}”的控制文件不合规：应为逐行“键=值”，键不重复", file=name
        ) from None
    return values
