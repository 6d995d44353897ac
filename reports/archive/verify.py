"""`archive verify`: a package proven by itself: index, signature, every file's size and digests, nothing missing or added."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ledger.access.signing.pair import signature_flaw
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import opened, private_folder
from reports.archive import packing
from reports.archive.export import INDEX, SEAL, SIGNATURE
from reports.archive.index import Head, IndexEntry, from_xml, to_csv
from reports.seal.digests import digests_of, line
from reports.seal.verify import verify_seal


@dataclass(slots=True)
class ArchiveCheck:
    """What came out: no findings, or (file, what is wrong)."""

    findings: list[tuple[str, str]] = field(default_factory=list)
    head: Head | None = None
    files: int = 0
    key_id: str = ""
    key_checked: bool = False

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify_archive(path: Path, kept: Collection[str] = ()) -> ArchiveCheck:
    """Check a folder or ZIP, without a database; raises InvalidInput `archive.file` where it cannot be read at all."""
    done = ArchiveCheck()
    try:
        if path.is_dir():
            _folder(path, kept, done)
        else:
            _zip(path, kept, done)
    except OSError as error:
        raise InvalidInput(
            "archive.file", f"档案包{path}不能读取：{os_reason(error)}", file=str(path)
        ) from error
    return done


def _zip(path: Path, kept: Collection[str], done: ArchiveCheck) -> None:
    with path.open("rb") as file:
        own = file_digest(file, "sha256").hexdigest()
    try:
        with TemporaryDirectory(prefix="fundledger-") as folder:
            _unpack(path, Path(folder), done)
            _folder(Path(folder), kept, done)
        if packing.repacked_digest(path) != own:
            done.findings.append((path.name, "ZIP的结构（文件之外的字节）已被改动"))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        done.findings.append((path.name, f"ZIP已损坏：{error}"))


def _unpack(path: Path, folder: Path, done: ArchiveCheck) -> None:
    """Members into a folder; one that is damaged is named and left out, one that leads outside too."""
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            place = Path(os.path.normpath(folder / name))
            if not place.is_relative_to(folder) or place == folder or name.endswith("/"):
                done.findings.append((name, "名称不合规"))
                continue
            private_folder(place.parent)
            try:
                with packed.open(name) as file, opened(place) as out:
                    while part := file.read(1 << 20):
                        out.write(part)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
                done.findings.append((name, f"ZIP成员已损坏：{error}"))


def _folder(folder: Path, kept: Collection[str], done: ArchiveCheck) -> None:
    if not (folder / INDEX).is_file():
        done.findings.append((INDEX, "档案目录缺失"))
        return
    data = (folder / INDEX).read_bytes()
    _signature(folder, data, kept, done)
    try:
        done.head, items = from_xml(data)
    except InvalidInput as error:
        done.findings.append((INDEX, error.message))
        return
    there = set(packing.names_in(folder)) - {INDEX, SIGNATURE}
    for item in items:
        if item.path not in there:
            done.findings.append((item.path, "文件缺失"))
            continue
        there.discard(item.path)
        done.files += 1
        size, sha256, sm3 = digests_of(folder / item.path)
        if (size, sha256, sm3) != (item.size, item.sha256, item.sm3):
            done.findings.append((item.path, "与目录所记的大小或摘要（SHA-256、SM3）不符，已被改动"))
    done.findings += [(name, "目录中没有此文件") for name in sorted(there)]
    _agreement(folder, items, kept, done)


def _agreement(folder: Path, items: list[IndexEntry], kept: Collection[str], done: ArchiveCheck) -> None:
    """The two indexes say the same, and the seal inside proves itself and is of the same book, period and chain."""
    csv = folder / "index.csv"
    if csv.is_file() and csv.read_bytes() != to_csv(items[:-1]):
        done.findings.append(("index.csv", "与index.xml不符"))
    if not (folder / SEAL).is_file() or done.head is None:
        return
    seal = verify_seal(folder / SEAL, kept)
    done.findings += [(f"{SEAL} {where}", what) for where, what in seal.findings]
    told = [seal.manifest.get(name) for name in ("book", "period", "last_hash")]
    if told != [done.head.book, done.head.period, done.head.last_hash]:
        done.findings.append((SEAL, "与档案目录的账套、期间或账链不符"))


def _signature(folder: Path, data: bytes, kept: Collection[str], done: ArchiveCheck) -> None:
    try:
        raw = (folder / SIGNATURE).read_bytes()
        told: dict[str, Any] = json.loads(raw)
        flaw = signature_flaw(told, data)
        if line(told) != raw or set(told) != {"algorithm", "key_id", "public_key", "signature"}:
            flaw = flaw or "签名文件不是规范的写法"
    except FileNotFoundError:
        done.findings.append((SIGNATURE, "签名文件缺失"))
        return
    except (ValueError, KeyError, TypeError, RecursionError):
        done.findings.append((SIGNATURE, "签名与目录不符：目录或签名已被改动"))
        return
    if flaw:
        done.findings.append((SIGNATURE, f"{flaw}：目录或签名已被改动"))
    done.key_id = str(told["key_id"])
    if kept:
        done.key_checked = True
        if told["public_key"] not in kept:
            done.findings.append((SIGNATURE, "不是以留存的公钥所签：档案包是另一把密钥重做的"))
