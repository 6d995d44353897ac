"""Two nodes of Patroni and their etcd on loopback, as an ordinary user: Debian's own programs, by docs/patroni.yml."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import psycopg

from ledger.db.programs import DEBIAN, RunAs, find_bindir
from tests.docs.rooms import ROOT
from tests.judges import program_of
from tests.scenes.server import new_home

PASSWORD: Final = "of-this-test"
QUICK: Final = (
    ("ttl: 30", "ttl: 12"),
    ("loop_wait: 10", "loop_wait: 2"),
    ("retry_timeout: 10", "retry_timeout: 4"),
)
"""The same, faster: who has been silent for twelve seconds has lost the lead."""


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def until(what: Callable[[], Any], seconds: float = 60) -> Any:
    """Asked again until the answer is something; what it raises of a server that is not there is no answer."""
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError, psycopg.OperationalError):
            if answer := what():
                return answer
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.1)


def _started(user: RunAs, log: Path, *command: str | Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen(
            [str(part) for part in command],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(log.parent)},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            user=user.uid if user.drop else None,
            group=user.gid if user.drop else None,
            extra_groups=[] if user.drop else None,
        )


class Node:
    """One machine: Patroni and the server it runs."""

    def __init__(self, name: str, folder: Path, user: RunAs, etcd: int) -> None:
        self.name, self.folder, self.user = name, folder, user
        self.port, self.rest = free_port(), free_port()
        programs = min(DEBIAN.glob("*/bin"), default=None) or find_bindir()
        text = (ROOT / "docs" / "patroni.yml").read_text(encoding="utf-8")
        for word, value in (
            ("ADDRESS:5432", f"127.0.0.1:{self.port}"), ("ADDRESS:8008", f"127.0.0.1:{self.rest}"), ("ETCD", f"127.0.0.1:{etcd}"),
            ("NAME", name), ("DATA", folder / "data"), ("PROGRAMS", programs), ("PASSFILE", folder / "pgpass"),
            ("SOCKETS", folder), ("ADMIN_PASSWORD", PASSWORD), ("REPLICATOR_PASSWORD", PASSWORD),
            ("REWINDER_PASSWORD", PASSWORD), *QUICK,
        ):  # fmt: skip
            assert word in text
            text = text.replace(word, str(value))
        self.config = folder / "patroni.yml"
        self.config.write_text(text, encoding="utf-8")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = _started(self.user, self.folder / "patroni.log", program_of("patroni"), self.config)

    def is_(self, role: str) -> bool:
        """Whether Patroni says so of itself: `primary`, `replica`, `sync`."""
        with urlopen(Request(f"http://127.0.0.1:{self.rest}/{role}", method="HEAD"), timeout=2) as answer:
            return bool(answer.status == 200)

    def change(self, **settings: Any) -> None:
        """Patroni's settings of the whole cluster, as `patronictl edit-config` does."""
        body = json.dumps(settings).encode()
        asked = Request(
            f"http://127.0.0.1:{self.rest}/config", body, {"Content-Type": "application/json"}, method="PATCH"
        )
        with urlopen(asked, timeout=5) as answer:  # noqa: S310 loopback
            assert answer.status == 200

    def server(self) -> list[int]:
        """The server's processes, its first before all."""
        first = int((self.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="utf-8")
        return [first, *map(int, children.split())]

    def kill_patroni(self) -> None:
        """Patroni alone: its server goes on, and nobody watches it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def kill(self) -> None:
        """As by a power cut: Patroni and every process of the server."""
        self.kill_patroni()
        self.kill_server()

    def kill_server(self) -> None:
        with suppress(OSError):
            for pid in self.server():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def admin(self, query: Any, *values: object) -> list[Any]:
        """Rows of this node, whichever role it has, as its administrator sees them."""
        url = f"postgresql://fundledger_admin:{PASSWORD}@127.0.0.1:{self.port}/postgres"
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as there:
            cursor = there.execute(query, values or None)
            return cursor.fetchall() if cursor.description else []


class Pair:
    """Both nodes; `url` names them as docs/operations.md has it."""

    def __init__(self, folder: Path, user: RunAs, etcd: int) -> None:
        self.nodes = []
        for name in ("north", "south"):
            own = folder / name
            own.mkdir(mode=0o700)
            self.nodes.append(Node(name, own, user, etcd))
            if user.drop:
                for path in (own, self.nodes[-1].config):
                    os.chown(path, user.uid, user.gid)

    @property
    def url(self) -> str:
        return self.url_of(*self.nodes)

    def url_of(self, *nodes: Node) -> str:
        """The database at these nodes, the first asked first."""
        places = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        asked = "?target_session_attrs=primary" if len(nodes) > 1 else ""
        return f"postgresql://fundledger_admin:{PASSWORD}@{places}/fundledger{asked}"

    def leader(self) -> Node:
        """The one in the lead, waited for until the other is its synchronous standby."""
        return until(
            lambda: next((one for one in self.nodes if _leads(one) and _is(self.other(one), "sync")), None)
        )

    def other(self, node: Node) -> Node:
        return next(one for one in self.nodes if one is not node)


def _leads(node: Node) -> bool:
    """Both Patroni and its server say so, and what is acknowledged waits for another."""
    return _is(node, "primary") and node.admin(
        "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
    ) == [(1,)]


def _is(node: Node, role: str) -> bool:
    with suppress(OSError):
        return node.is_(role)
    return False


@contextmanager
def patroni_pair() -> Iterator[Pair]:
    """Two nodes with one in the lead and the other its synchronous standby."""
    home = new_home("flp-")
    user = RunAs.choose(home / "none")
    client, peer = free_port(), free_port()
    store = home / "etcd"
    store.mkdir(mode=0o700)
    if user.drop:
        os.chown(store, user.uid, user.gid)
    here = f"http://127.0.0.1:{client}"
    etcd = _started(
        user, home / "etcd.log", program_of("etcd"), "--data-dir", store, "--listen-client-urls", here,
        "--advertise-client-urls", here, "--listen-peer-urls", f"http://127.0.0.1:{peer}",
        "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}",
    )  # fmt: skip
    pair = Pair(home, user, client)
    try:
        for node in pair.nodes:
            node.start()
        pair.leader()
        yield pair
    finally:
        for node in pair.nodes:
            if node.process is not None and node.process.poll() is None:
                node.kill_patroni()
            node.kill_server()
        etcd.kill()
        etcd.wait()
        shutil.rmtree(home, ignore_errors=True)
