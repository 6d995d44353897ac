"""Where this installation lives and which database it talks to: read from the environment, fixed for a process."""

from __future__ import annotations

import os
from datetime import date
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.core.dates import Clock, FileClock, FixedClock, SystemClock, parse_day
from ledger.core.errors import InvalidInput

_ALLOWED: Final = {
    "today": "日期YYYY-MM-DD",
    "home": "目录路径",
    "pg_bindir": "目录路径",
    "clock_file": "文件路径",
    "backup_recipient": "文件路径",
    "key_file": "文件路径",
    "passphrase_file": "文件路径",
    "agent_socket": "文件路径",
    "seal_algorithm": "ed25519或sm2",
    "split_logins": "true或false",
    "tls_certificate": "PEM文件路径",
    "tls_key": "PEM文件路径",
    "trusted_proxies": "IP地址或网段，以逗号分隔",
    "connections": "50至100000的整数",
    "connections_per_address": "10至100000的整数",
    "requests_per_second": "1至1000000的整数",
    "strangers_per_second": "1至1000000的整数",
    "pages_origin": "网页地址，如https://主机名",
    "oidc_issuer": "https://开头的地址（本机可用http）",
    "oidc_secret_file": "文件路径",
}


def default_home() -> Path:
    """`/var/lib/fundledger` for root, whose own home is closed to the database's user; else below the user's home."""
    if os.geteuid() == 0:
        return Path("/var/lib/fundledger")
    return Path.home() / ".local/share/fundledger"


class Settings(BaseSettings):
    """One installation. Made from the environment by `Settings()`; every field may also be given by name.

    `home` holds the embedded database (`pg/`), its socket (`run/`) and the passwords (`secrets/`).
    `database_url` is an administrator's URL of another server; with it nothing embedded is started, and only
    `migrate`, `backup` and `restore` log in with it.
    `pg_bindir` names PostgreSQL's programs. `service_password`, `auditor_password`, `intake_password`, `books_password`,
    `payments_password` and `read_password` override the stored ones. With `split_logins` each act goes
    by the login of its post and what only looks by `read`; without it, all of it by the service's.
    `today` fixes the business date (Asia/Shanghai) of this process, for a dated run; else `clock_file` names a file whose
    one line is the business date, read whenever it is asked for: a practice home, its service, worker and bank live by it.
    `backup_recipient` is the public key file for which every backup is sealed that names nobody else.
    `key_file` is the acting person's own key, its passphrase in `passphrase_file` or asked for; `agent_socket` is that of an
    agent that holds the key instead.
    `seal_algorithm` is what seals and archive packages are signed with unless a command names another.
    `tls_certificate` (the chain) and `tls_key` have the service speak TLS itself; behind a proxy that does, `trusted_proxies`
    names the addresses whose X-Forwarded-For is believed. `connections` and `connections_per_address` are how many may be
    open, `requests_per_second` how many one user may send, `strangers_per_second` how many handshakes and how many requests
    without a key found good one address may begin.
    `pages_origin` is the address people know the pages by (`https://name[:port]`), to which passkeys are bound; without it the one
    a request was sent to. `oidc_issuer`, `oidc_client` and `oidc_secret_file` name a provider of identities by whose word persons
    enrolled under it come in at the pages; all three, or none. `oidc_multi_factor` are the words, between commas, by which it says in
    `acr` or `amr` that it asked more than one factor; where it says none of them, a factor of ours is asked.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_ignore_empty=True, populate_by_name=True, env_prefix="FUNDLEDGER_"
    )

    home: Path = Field(default_factory=default_home)
    database_url: str | None = Field(default=None, repr=False, validation_alias="DATABASE_URL")
    pg_bindir: Path | None = None
    service_password: str | None = Field(default=None, repr=False)
    auditor_password: str | None = Field(default=None, repr=False)
    intake_password: str | None = Field(default=None, repr=False)
    books_password: str | None = Field(default=None, repr=False)
    payments_password: str | None = Field(default=None, repr=False)
    read_password: str | None = Field(default=None, repr=False)
    split_logins: bool = True
    today: date | None = None
    clock_file: Path | None = None
    backup_recipient: Path | None = None
    seal_algorithm: Literal["ed25519", "sm2"] = "ed25519"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxies: str = ""
    connections: int = Field(default=1_000, ge=50, le=100_000)
    connections_per_address: int = Field(default=500, ge=10, le=100_000)
    requests_per_second: int = Field(default=10_000, ge=1, le=1_000_000)
    strangers_per_second: int = Field(default=20, ge=1, le=1_000_000)
    pages_origin: str = Field(default="", pattern=r"^(https?://[a-z0-9.-]+(:[0-9]{1,5})?)?$")
    oidc_issuer: str = Field(
        default="", pattern=r"^(https://\S+|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?(/\S*)?)?$"
    )
    oidc_client: str = ""
    oidc_secret_file: Path | None = None
    oidc_multi_factor: str = "mfa"
    key_file: Path | None = None
    passphrase_file: Path | None = None
    agent_socket: Path | None = None

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, given: str) -> str:
        for part in given.split(","):
            if part.strip():
                ip_network(part.strip())
        return given

    @field_validator(
        "home", "pg_bindir", "clock_file", "backup_recipient", "tls_certificate", "tls_key",
        "oidc_secret_file", "key_file", "passphrase_file", "agent_socket",
    )  # fmt: skip
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        try:
            return None if path is None else path.expanduser().absolute()
        except RuntimeError as error:  # ~somebody whom this machine does not know
            raise ValueError("no such user") from error

    @field_validator("today", mode="before")
    @classmethod
    def _day(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        try:
            return parse_day(given)  # pydantic would take 20261013 for a number of seconds since 1970
        except InvalidInput as error:
            raise ValueError(error.message) from error

    def clock(self) -> Clock:
        """The day fixed by `today`, else the one `clock_file` names at every asking, else the machine's."""
        if self.today is not None:
            return FixedClock(self.today)
        return SystemClock() if self.clock_file is None else FileClock(self.clock_file)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; raises InvalidInput `settings.value` naming the variable."""
    try:
        return Settings()
    except ValidationError as error:
        fields = [str(problem["loc"][0]) for problem in error.errors()]
        names = [name if name == "DATABASE_URL" else f"FUNDLEDGER_{name.upper()}" for name in fields]
        words = "，".join(
            f"{name}应为{_ALLOWED.get(field, '文字')}" for name, field in zip(names, fields, strict=True)
        )
        raise InvalidInput("settings.value", f"环境变量不合规：{words}", variables=names) from None


USERS_FILE: Final = "users.json"
"""In a demo home: role → user, so that a newcomer need not name one. A production home has none."""
MADE_FILE: Final = "backups/made.tsv"
"""Which nightly backups a home made, name and SHA-256 a line: it stays when the files are taken away, and no login of the database
can write it."""
