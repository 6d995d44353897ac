"""Two real banks to talk to: Debian's OpenSSH server (as root, jailed user) and the demonstration server."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adapters.banks.simulator.server import DemoServer
from adapters.banks.wire.sftp import SftpChannel, SftpConfig
from adapters.banks.wire.sftp.keys import ensure_ed25519_key
from tests.judges import program_of

FOLDERS = ("inbox", "outbox", "archive")


@dataclass
class Site:
    """One bank as a test sees it: its folders on disk and how to reach them."""

    config: SftpConfig
    inbox: Path
    outbox: Path
    archive: Path
    channels: list[SftpChannel] = field(default_factory=list)

    def channel(self, **changes: object) -> SftpChannel:
        channel = SftpChannel(replace(self.config, **changes))  # type: ignore[arg-type] # any field of the config
        self.channels.append(channel)
        return channel

    def close(self) -> None:
        for channel in self.channels:
            channel.close()


class OpenSsh:
    """Several sshd over one jail. Everything lies below /srv: sshd refuses keys and jails below /tmp."""

    def __init__(self) -> None:
        self.program = program_of("sshd")
        self.base = Path("/srv") / f"fundledger-sftp-{os.getpid()}-{secrets.token_hex(3)}"
        self.user = f"flbank{os.getpid()}"
        self.jail = self.base / "jail"
        self.client_key = self.base / "client"
        self.servers: list[subprocess.Popen[bytes]] = []
        self.mounts: list[Path] = []

    def set_up(self) -> None:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        for folder in (self.base, self.jail, self.base / "keys"):
            folder.mkdir(mode=0o755)
        shell = ("--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin")
        subprocess.run(["useradd", "--system", *shell, self.user], check=True)  # noqa: S607
        subprocess.run(["usermod", "-p", "*", self.user], check=True)  # noqa: S607
        (self.base / "keys" / self.user).write_text(ensure_ed25519_key(self.client_key) + "\n")

    def host_key(self, kind: str, name: str) -> Path:
        path = self.base / f"host_{kind}_{name}"
        if not path.exists():
            command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(path)]
            subprocess.run(command, check=True)
        return path

    def start(
        self, *, sftp: str = "internal-sftp -u 0027", kind: str = "ed25519", name: str = "bank"
    ) -> tuple[int, int, str]:
        """Start a server; returns its port, its process id and its public host key."""
        key = self.host_key(kind, name)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        config = self.base / f"sshd_{port}"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {key}\nPidFile none\n"
            f"AuthorizedKeysFile {self.base}/keys/%u\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin no\nUsePAM no\n"
            f"AllowUsers {self.user}\nAllowTcpForwarding no\nX11Forwarding no\n"
            f"Subsystem sftp internal-sftp\nMatch User {self.user}\n"
            f"  ChrootDirectory {self.jail}\n  ForceCommand {sftp}\n"
        )
        log = self.base / f"log_{port}"
        server = subprocess.Popen([self.program, "-D", "-f", str(config), "-E", str(log)])
        self.servers.append(server)
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, log.read_text()
            time.sleep(0.05)
        kind_and_key = key.with_suffix(".pub").read_text().split()[:2]
        return port, server.pid, " ".join(kind_and_key)

    def folders(self) -> Path:
        """Fresh folders in the jail, owned by the client's user."""
        home = self.jail / secrets.token_hex(4)
        home.mkdir(mode=0o755)
        for name in FOLDERS:
            (home / name).mkdir(mode=0o750)
            shutil.chown(home / name, self.user, "nogroup")
        return home

    def site(self, port: int, host_key: str) -> Site:
        home = self.folders()
        inside = "/" + home.name
        config = SftpConfig(
            "127.0.0.1",
            port,
            self.user,
            self.client_key,
            (host_key,),
            *(f"{inside}/{name}" for name in FOLDERS),
            login_seconds=10,
            answer_seconds=10,
        )
        return Site(config, *(home / name for name in FOLDERS))

    def tmpfs(self, folder: Path, size: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)  # noqa: S607
        self.mounts.append(folder)
        shutil.chown(folder, self.user, "nogroup")

    def tear_down(self) -> None:
        for server in self.servers:
            server.terminate()
            server.wait(10)
        for folder in self.mounts:
            subprocess.run(["umount", "-l", folder], check=True)  # noqa: S607
        subprocess.run(["userdel", self.user], check=False)  # noqa: S607
        shutil.rmtree(self.base, ignore_errors=True)


@pytest.fixture(scope="session")
def openssh() -> Iterator[OpenSsh]:
    bank = OpenSsh()
    try:
        bank.set_up()
        yield bank
    finally:
        bank.tear_down()


@pytest.fixture(scope="session")
def openssh_front(openssh: OpenSsh) -> tuple[int, int, str]:
    """The honest server most tests share."""
    return openssh.start()


@pytest.fixture
def openssh_site(openssh: OpenSsh, openssh_front: tuple[int, int, str]) -> Iterator[Site]:
    port, _, host_key = openssh_front
    site = openssh.site(port, host_key)
    yield site
    site.close()


@pytest.fixture
def make_demo_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """A demonstration server of the given class on fresh folders."""
    servers: list[DemoServer] = []
    sites: list[Site] = []

    def make(server_class: type[DemoServer] = DemoServer) -> Site:
        home = tmp_path / f"bank{len(servers)}"
        for name in FOLDERS:
            (home / name).mkdir(parents=True)
        client = ensure_ed25519_key(tmp_path / "client")
        server = server_class(home, tmp_path / "keys", "fundledger", client)
        servers.append(server)
        server.__enter__()
        config = SftpConfig(
            "127.0.0.1",
            server.port,
            "fundledger",
            tmp_path / "client",
            (server.host_key,),
            login_seconds=3,
            answer_seconds=3,
        )
        sites.append(Site(config, *(home / name for name in FOLDERS)))
        return sites[-1]

    yield make
    for site in sites:
        site.close()
    for server in servers:
        server.close()


@pytest.fixture(params=[pytest.param("openssh", marks=pytest.mark.judge("sshd")), "demo"])
def site(request: pytest.FixtureRequest) -> Site:
    """The same test against both servers."""
    if request.param == "openssh":
        found: Site = request.getfixturevalue("openssh_site")
        return found
    made: Site = request.getfixturevalue("make_demo_site")()
    return made
