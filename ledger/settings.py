"""Where this installation lives and which database it talks to: read from the environment, fixed for a process."""

from __future__ import annotations

import os
from datetime import date
from functools import lru_cache
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.core.dates import Clock, FixedClock, SystemClock


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
    `pg_bindir` names PostgreSQL's programs. `service_password` and `auditor_password` override the stored ones.
    `today` fixes the business date (Asia/Shanghai) of this process, for a dated run.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_ignore_empty=True, populate_by_name=True, env_prefix="FUNDLEDGER_"
    )

    home: Path = Field(default_factory=default_home)
    database_url: str | None = Field(default=None, repr=False, validation_alias="DATABASE_URL")
    pg_bindir: Path | None = None
    service_password: str | None = Field(default=None, repr=False)
    auditor_password: str | None = Field(default=None, repr=False)
    today: date | None = None

    @field_validator("home", "pg_bindir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    def clock(self) -> Clock:
        """The day fixed by `today`, else the machine's."""
        return SystemClock() if self.today is None else FixedClock(self.today)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
