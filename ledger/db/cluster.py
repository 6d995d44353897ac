"""The embedded PostgreSQL server of one home: made, started, asked and stopped here, and nothing else touched.

Layout of `<home>`: `pg/data` (the database), `pg/start.log` and `pg/log/` (what the server says), `run/` (its
socket, the only way in), `programs/` (a copy, only where needed), `secrets/` (passwords), `lock` (serialises start).
The socket stays inside the home, never in /tmp: a folder anybody may create first is no place for a database's door.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Final, Literal

from ledger.core.errors import Conflict, Unavailable
from ledger.core.private import write_private
from ledger.db import programs
from ledger.db.home import check_owner, check_path, check_way
from ledger.db.passwords import Passwords
from ledger.db.server import THROWAWAY
from ledger.db.urls import written_url
from ledger.settings import Settings

ADMIN: Final = "fundledger_admin"
DATABASE: Final = "fundledger"
PORT: Final = 5432  # names the socket file only; no TCP port is opened
START_SECONDS: Final = 600  # crash recovery of a large ledger is slow, and must not be cut short

# a login of a server of tests is as it is elsewhere, but for how often its password is hashed: 3 ms each time
CHEAP: Final = ("scram_iterations", "1")

# what a starting server says while the one before it is still going away
LEFTOVERS: Final = ("lock file", "shared memory block")

StopMode = Literal["smart", "fast", "immediate"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a home's server without starting it. `major` is None before the first start."""

    home: Path
    running: bool
    major: int | None


class Cluster:
    """The supervisor of the server in `home`.

    `durable=False` gives up safety against power loss for speed and is for tests only.
    `patience` is how long, in seconds, a start waits for the remains of a killed server to disappear.
    """

    def __init__(
        self, home: Path, *, bindir: Path | None = None, durable: bool = True, patience: float = 60.0
    ) -> None:
        self.home = home.absolute()
        self.durable = durable
        self.patience = patience
        self.pg = self.home / "pg"
        self.data = self.pg / "data"
        self.socket_dir = self.home / "run"
        self.user = programs.RunAs.choose(self.data)
        self.passwords = Passwords(self.home)
        self._wanted_bindir = bindir
        self._bindir: Path | None = None

    @property
    def bindir(self) -> Path:
        """The programs that serve this home; copied into it first when its user cannot reach them."""
        if self._bindir is None:
            found = programs.find_bindir(self._wanted_bindir)
            self._bindir = programs.reachable_copy(found, self.user, self.home / "programs")
        return self._bindir

    def url(self, role: str, password: str, dbname: str = DATABASE) -> str:
        """A libpq URL through the socket; SQLAlchemy reads it too once its driver is named."""
        where = (("host", str(self.socket_dir)), ("port", str(PORT)))
        return written_url(role, password, "", dbname, where)

    def admin_url(self, dbname: str = DATABASE) -> str:
        """The administrator's URL; raises Unavailable `db.secret_missing` when this home keeps no password."""
        password = self.passwords.read("admin")
        if password is None:
            path = self.passwords.path("admin")
            raise Unavailable(
                "db.secret_missing", f"缺少数据库管理口令文件{path}：请从备份恢复该文件", path=str(path)
            )
        return self.url(ADMIN, password, dbname)

    def running(self) -> bool:
        """Whether a server answers on the socket, be it only to say that it is starting or stopping."""
        return self._asked() in (0, 1)

    def status(self) -> Status:
        """What is there now; starts and changes nothing. Raises Forbidden `db.home_owner`."""
        check_owner(self.home, self.data)
        if not self.data.exists():
            return Status(self.home, running=False, major=None)
        return Status(self.home, running=self.running(), major=self._data_major())

    def start(self) -> str:
        """Make the cluster if there is none, start it unless it answers, and return `admin_url()`.

        Safe to call from many processes at once. Raises Conflict (`db.home_path`, `db.home_unreachable`,
        `db.socket_path`, `db.data_version`, `db.programs_unreachable`), Forbidden `db.home_owner`, Unavailable
        (`db.initdb`, `db.start`, `db.leftover_lock`).
        """
        check_owner(self.home, self.data)
        check_path(self.socket_dir / f".s.PGSQL.{PORT}")
        check_way(self.home, self.user)
        self._make_folders()
        with self._locked():
            if not self.data.exists():
                self._initdb()
            self._check_version()
            if not self.running():
                self._configure()
                self._launch()
            self._wait_until_ready()
        return self.admin_url()

    def stop(self, mode: StopMode = "fast") -> bool:
        """Stop the server and say whether one was running.

        Nothing is signalled unless the socket answers: the pid in a stale file may be a stranger's.
        Raises Forbidden `db.home_owner`, Unavailable `db.stop`.
        """
        check_owner(self.home, self.data)
        if not self.data.exists():
            return False
        with self._locked():
            if not self.running():
                return False
            done = self._pg_ctl("stop", "-m", mode)
            if done.returncode != 0:
                raise Unavailable(
                    "db.stop",
                    f"数据库未能停止（PostgreSQL原文）：{(done.stdout + done.stderr).strip()[-500:]}",
                )
            return True

    def _asked(self) -> int:
        """pg_isready's answer: 0 ready, 1 starting or stopping, 2 nobody there.

        `pg_ctl status` is not asked: it believes any living process that has the old pid.
        """
        if not self.socket_dir.exists():
            return 2
        program = self.bindir / "pg_isready"
        where = ("-h", self.socket_dir, "-p", str(PORT), "-d", "postgres")
        return programs.run(self.user, program, "-q", *where).returncode

    def _make_folders(self) -> None:
        for folder in (*reversed(self.home.parents), self.home):
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                folder.chmod(0o755)  # whatever the umask: the server's user must be able to pass through
        for folder in (self.pg, self.socket_dir):
            folder.mkdir(mode=0o700, exist_ok=True)
            if self.user.drop and folder.stat().st_uid != self.user.uid:
                os.chown(folder, self.user.uid, self.user.gid)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        handle = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _initdb(self) -> None:
        """Make the cluster aside and move it in place whole: a half-made one is never taken for a database."""
        aside = self.pg / "initdb.partial"  # never held a row: the only folder that is ever removed
        shutil.rmtree(aside, ignore_errors=True)
        secret = self.pg / "initdb.password"
        write_private(secret, self.passwords.ensure("admin"), (self.user.uid, self.user.gid))
        major = programs.major_of(self.bindir, self.user)
        # the builtin provider does not change with the system's C library, so no index can rot by an upgrade
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        locale = builtin if major >= 17 else ["--locale=C.UTF-8"]
        login = ("-U", ADMIN, "--pwfile", secret, "-A", "scram-sha-256")
        speed = (
            () if self.durable else ("--no-sync", *(("-c", f"{CHEAP[0]}={CHEAP[1]}") if major >= 16 else ()))
        )
        done = programs.run(
            self.user,
            self.bindir / "initdb",
            "-D",
            aside,
            *login,
            "-E",
            "UTF8",
            "--data-checksums",
            *locale,
            *speed,
        )
        secret.unlink()
        if done.returncode != 0:
            raise Unavailable(
                "db.initdb",
                f"数据库初始化失败（PostgreSQL原文）：{(done.stdout + done.stderr).strip()[-1000:]}",
            )
        own = (self.user.uid, self.user.gid)
        conf = aside / "postgresql.conf"
        # read last of all but what an operator appends below it
        write_private(conf, conf.read_text(encoding="utf-8") + "\ninclude = 'fundledger.conf'\n", own)
        self._configure(aside)
        aside.rename(self.data)

    def _configure(self, data: Path | None = None) -> None:
        values = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "max_connections": "100",
            "shared_buffers": "256MB",
            "max_wal_size": "2GB",
            "timezone": "Asia/Shanghai",
            "log_timezone": "Asia/Shanghai",
            "logging_collector": "on",
            "log_directory": str(self.pg / "log"),
            "log_filename": "postgresql-%Y%m%d.log",
            "log_rotation_age": "1d",
            "log_line_prefix": "%m [%p] %u@%d/%a ",
            "password_encryption": "scram-sha-256",
        }
        if not self.durable:
            values |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                THROWAWAY: "on",
            }
            if programs.major_of(self.bindir, self.user) >= 16:
                values |= {CHEAP[0]: CHEAP[1]}
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in values.items()]
        own = (self.user.uid, self.user.gid)
        write_private((data or self.data) / "fundledger.conf", "".join(lines), own)

    def _data_major(self) -> int:
        return int((self.data / "PG_VERSION").read_text(encoding="utf-8").strip())

    def _check_version(self) -> None:
        have, need = programs.major_of(self.bindir, self.user), self._data_major()
        if have != need:
            raise Conflict(
                "db.data_version",
                f"数据目录{self.data}由PostgreSQL {need}建立，现有程序为{have}，不会自动迁移："
                f"请用{need}版程序（FUNDLEDGER_PG_BINDIR）执行 fundledger db backup --out 文件，"
                f"再在新的FUNDLEDGER_HOME用{have}版程序执行 fundledger db restore --from 文件",
                data=need,
                programs=have,
            )

    def _pg_ctl(self, *args: str | Path) -> CompletedProcess[str]:
        waiting = ("-D", self.data, "-w", "-t", str(START_SECONDS))
        return programs.run(self.user, self.bindir / "pg_ctl", *args, *waiting, timeout=START_SECONDS + 60)

    def _launch(self) -> None:
        """Start the server. A killed one may linger (a zombie until reaped, backends still leaving): wait for that,
        and never remove postmaster.pid, which is what keeps two servers off the same files."""
        log = self.pg / "start.log"
        deadline = time.monotonic() + self.patience
        while True:
            log.unlink(missing_ok=True)
            done = self._pg_ctl("start", "-l", log)
            if done.returncode == 0:
                return
            said = log.read_text(encoding="utf-8", errors="replace")[-2000:] if log.exists() else done.stderr
            if not any(word in said for word in LEFTOVERS):
                raise Unavailable(
                    "db.start", f"数据库未能启动（日志{self.pg / 'log'}，PostgreSQL原文）：{said.strip()}"
                )
            if time.monotonic() > deadline:
                raise Unavailable(
                    "db.leftover_lock",
                    f"{self.data / 'postmaster.pid'}所记进程仍在运行，而套接字无人应答：请确认该进程不是"
                    f"PostgreSQL后再人工处理，程序不删除此文件。（PostgreSQL原文）{said.strip()}",
                )
            time.sleep(0.5)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._asked() != 0:
            if time.monotonic() > deadline:
                raise Unavailable("db.start", f"数据库{START_SECONDS}秒内未就绪（日志{self.pg / 'log'}）")
            time.sleep(0.1)


def cluster_of(settings: Settings) -> Cluster:
    """The embedded cluster these settings name, durable."""
    return Cluster(settings.home, bindir=settings.pg_bindir)
