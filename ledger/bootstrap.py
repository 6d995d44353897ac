"""The one place where parts are put together: settings, engines, clock, and adapters behind their ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING

from adapters.banks.ports import AccountStatement, Assembled, BankFormat, Channel
from ledger.core.accounts import coded
from ledger.core.dates import Clock, moment_of, parse_day
from ledger.core.errors import Conflict, NotFound
from ledger.core.money import parse_fen
from ledger.db.connections import Direct, Engine, direct, driver_of, of_post
from ledger.db.identity import require_current
from ledger.db.passwords import Working
from ledger.db.server import require_safe
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.orders.bearing import BearsOf, asking
from ledger.settings import Settings

if TYPE_CHECKING:
    from adapters.banks.formats.statements.table import Stated
    from ledger.access.signing.signer import Signer


@dataclass(frozen=True, slots=True)
class OwnBank:
    """One own account's bank: how its files are written and how they travel."""

    account: str
    format: BankFormat
    channel: Channel


class _Post(local):
    """Whose login begins transactions while an act is under way: a thread's own, since the worker's jobs share their app."""

    login: Working | None = None


class App:
    """A running installation under one acting user."""

    def __init__(
        self, settings: Settings, user: str, engine: Engine | None = None, at_rest: Working = "service"
    ) -> None:
        """`engine` is one that its owner shares and closes; without it the app has its own. `at_rest` is the login of what is
        asked outside any act, where logins are split: `read` for who only looks then."""
        self.settings = settings
        self.user = user
        self.signer: Signer | None = None
        """Who signs for the user: a key at hand, or the signatures a request brought."""
        self._shared = engine
        self._at_rest: Working = at_rest if settings.split_logins else "service"
        self._post = _Post()
        self._own: dict[Working, Direct] = {}
        self._banks: dict[tuple[int, str], OwnBank] = {}

    @property
    def engine(self) -> Engine:
        """The connections of the post whose act is under way, else those at rest; raises Unavailable `db.not_migrated` before
        the first `migrate`."""
        login = self._post.login or self._at_rest
        if self._shared is not None:
            return of_post(self._shared, login)
        engine = self._own.get(login)
        if engine is None:
            engine = self._enter(login)
            self._own[login] = engine
        return engine

    def _enter(self, login: Working) -> Direct:
        """A login's connections. Where the database is and which schema it has is asked once, whoever logs in after."""
        for first in [*self._own.values()]:
            return first.beside(self.settings, login)
        engine = direct(self.settings, login)
        require_current(engine)
        return engine

    @contextmanager
    def as_post(self, login: Working) -> Iterator[None]:
        """Transactions of the block are begun by a post's login where logins are split, else by the service's."""
        before, self._post.login = self._post.login, login if self.settings.split_logins else "service"
        try:
            yield
        finally:
            self._post.login = before

    def require_safe(self) -> None:
        """Raise Conflict `db.unsafe` where the server may lose what it acknowledged: what runs for long does not begin there."""
        with self.engine.connect() as lent:
            connection = driver_of(lent)
            require_safe(connection)
            connection.rollback()

    @cached_property
    def auditor(self) -> Engine:
        """The auditor's connections, for verify."""
        return direct(self.settings, "auditor")

    @property
    def clock(self) -> Clock:
        """Where business dates come from."""
        return self.settings.clock()

    def now(self) -> datetime:
        """The moment for time stamps in files: the clock's day, the machine's time of day, Asia/Shanghai."""
        return moment_of(self.clock)

    def bank(self, region: int, account: str) -> OwnBank:
        """The bank of an own account, its wire kept open until `close`.

        Raises NotFound `account.unknown`, Conflict `bank.no_channel`.
        """
        known = self._banks.get((region, account))
        if known is None:
            known = self._banks[region, account] = self._connect(region, account)
        return known

    def _connect(self, region: int, account: str) -> OwnBank:
        with unit_of_work(self.engine, self.user, region) as tx:
            row = tx.row(
                """SELECT a.bank, c.channel FROM payments.bank_account a
                     LEFT JOIN payments.bank_channel c ON c.region = a.region AND c.account = a.account AND c.state = 'confirmed'
                    WHERE a.region = %(region)s AND a.account = %(account)s""",
                region=region,
                account=account,
            )
        if row is None:
            raise NotFound("account.unknown", f"统筹区{region}没有账户{account}", account=account)
        bank, channel = row
        if not channel:
            raise Conflict("bank.no_channel", f"账户{account}没有已确认的文件通道", account=account)
        # what speaks to banks is imported by who speaks to one: it costs more than most commands
        from adapters.banks.wire.sftp import SftpChannel, SftpConfig

        config = SftpConfig(
            host=channel["host"],
            port=channel["port"],
            username=channel["username"],
            client_key_path=client_key_path(self.settings.home, region, account),
            host_keys=tuple(channel["host_keys"]),
            inbox=channel.get("inbox", "/inbox"),
            outbox=channel.get("outbox", "/outbox"),
            archive=channel.get("archive", "/archive"),
        )
        return OwnBank(account, _format(bank, account), SftpChannel(config))

    def format_of(self, region: int, account: str) -> BankFormat:
        """How an own account's bank writes its files, no wire needed; raises NotFound `account.unknown`."""
        with unit_of_work(self.engine, self.user, region) as tx:
            bank = tx.value(
                "SELECT bank FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
                region=region,
                account=account,
            )
        if bank is None:
            raise NotFound("account.unknown", f"统筹区{region}没有账户{account}", account=account)
        return _format(bank, account)

    @staticmethod
    def bears() -> BearsOf:
        """What each own account's bank can write into its files, for drafting."""
        from adapters.banks.registry import make_format  # likewise

        return asking(make_format)

    def expenditure_accounts(self, region: int) -> list[str]:
        """The region's 支出户: the accounts files are sent from and received for."""
        with unit_of_work(self.engine, self.user, region) as tx:
            rows = tx.rows(
                coded(
                    "SELECT account FROM payments.bank_account WHERE region = %(region)s AND kind = '{SPENDING_DEPOSIT}' ORDER BY account"
                ),
                region=region,
            )
        return [account for (account,) in rows]

    def close(self) -> None:
        """Hang up on the banks and give the connections back."""
        while self._banks:
            self._banks.popitem()[1].channel.close()
        while self._own:
            self._own.popitem()[1].dispose()
        if "auditor" in self.__dict__:
            self.auditor.dispose()


def _format(bank: str, account: str) -> BankFormat:
    from adapters.banks.registry import make_format  # likewise

    return make_format(bank, frozenset({account}))


def client_key_path(home: Path, region: int, account: str) -> Path:
    """Where our private SFTP key for an account lies: 0600, never in the database."""
    return home / "keys" / f"{region}-{account}.ed25519"


class StatementReader:
    """AccountStatement files read by the banks' adapters; `stated` holds account, number, first, last, opening, closing as text."""

    def read(
        self, name: str, content: bytes, stated: Mapping[str, str], profile: tuple[str, bytes] | None
    ) -> tuple[AccountStatement, ...]:
        """Every statement of a bank's file. Raises InvalidInput `bankfile.*`."""
        from adapters.banks.formats.statements.read import read_statements  # likewise

        return read_statements(name, content, self._stated(stated), profile)

    def is_page(self, name: str, content: bytes, account: str) -> bool:
        """Whether a file is part of a statement in pages and not the whole of it. Raises InvalidInput `bankfile.*`."""
        from adapters.banks.formats.statements.read import is_page  # likewise

        return is_page(name, content, account)

    def read_pages(self, files: Sequence[tuple[str, bytes]], account: str) -> Assembled:
        """What pages of statements put together, and what is missing. Raises InvalidInput `bankfile.*`."""
        from adapters.banks.formats.statements.read import read_pages  # likewise

        return read_pages(files, account)

    def read_written(self, name: str, content: bytes, stated: Mapping[str, str]) -> AccountStatement:
        """The table a person wrote from a paper. Raises InvalidInput `bankfile.*`."""
        from adapters.banks.formats.statements.read import read_written  # likewise

        return read_written(name, content, self._stated(stated))

    @staticmethod
    def _stated(stated: Mapping[str, str]) -> Stated:
        from adapters.banks.formats.statements.table import Stated  # likewise

        first, last, opening, closing = (
            stated.get(name, "") for name in ("first", "last", "opening", "closing")
        )
        return Stated(
            stated["account"],
            stated.get("number", ""),
            parse_day(first) if first else None,
            parse_day(last) if last else None,
            parse_fen(opening) if opening else None,
            parse_fen(closing) if closing else None,
        )


def statement_reader() -> StatementReader:
    """How statement files are read."""
    return StatementReader()
