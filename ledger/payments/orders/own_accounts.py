"""The fund's own bank accounts: which there are, which a book uses, and the channel of each, confirmed by two persons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, NotFound
from ledger.core.text import bearable
from ledger.db.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """One of the fund's own accounts: kind 1002 收入户, 1003 财政专户 or 1004 支出户."""

    kind: str
    number: str
    name: str
    bank: str
    """Which bank's formats and channel it uses: a key of the adapters' registry."""
    bank_name: str
    cnaps: str


class ShownAccount(NamedTuple):
    """An own account with the state of its latest channel."""

    number: str
    kind: str
    name: str
    bank_name: str
    cnaps: str
    funds: list[int]
    """Whose books use it."""
    channel: str
    """channel.state of its latest channel; "" where none was ever proposed."""
    version: int
    """Of that channel: what a second person confirms as it was shown."""
    host: str
    """With the port, where one is named."""
    username: str
    folders: list[str]
    """For payments, papers, and what is filed away; those of them that are named."""
    host_keys: list[str]
    final: bool
    """Whether the bank's refusal is final; else it frees an order only with the day's statement."""
    proposed_by: str
    confirmed_by: str


def own_accounts(tx: Transaction) -> list[ShownAccount]:
    """The region's own accounts by number; each with its latest channel, which holds no secret."""
    return [
        ShownAccount(*row)
        for row in tx.rows(
            """SELECT a.account, a.kind, a.name, a.bank_name, a.cnaps,
                      ARRAY(SELECT b.fund::int FROM payments.book_account b WHERE b.region = a.region AND b.account = a.account ORDER BY 1),
                      coalesce(c.state, ''), coalesce(c.version, 0), concat_ws(':', c.channel ->> 'host', c.channel ->> 'port'),
                      coalesce(c.channel ->> 'username', ''),
                      array_remove(ARRAY[c.channel ->> 'inbox', c.channel ->> 'outbox', c.channel ->> 'archive'], NULL),
                      ARRAY(SELECT jsonb_array_elements_text(CASE jsonb_typeof(c.channel -> 'host_keys') WHEN 'array'
                                                             THEN c.channel -> 'host_keys' ELSE '[]' END)),
                      coalesce(c.channel ->> 'final_status', 'true') <> 'false', coalesce(c.proposed_by, ''), coalesce(c.confirmed_by, '')
                 FROM payments.bank_account a
                 LEFT JOIN LATERAL (SELECT * FROM payments.bank_channel c WHERE c.region = a.region AND c.account = a.account
                                     ORDER BY c.version DESC LIMIT 1) c ON true
                WHERE a.region = %(region)s ORDER BY a.account""",
            region=tx.region,
        )
    ]


def add_account(tx: Transaction, account: OwnAccount) -> None:
    """An account of the transaction's region; one that is there already stays as it is.

    Raises InvalidInput `text.unbearable` for a name that cannot stand in a payment file.
    """
    tx.run(
        """INSERT INTO payments.bank_account VALUES (%(region)s, %(number)s, %(kind)s, %(bank)s, %(name)s, %(bank_name)s,
               %(cnaps)s) ON CONFLICT DO NOTHING""",
        region=tx.region,
        number=account.number,
        kind=account.kind,
        bank=account.bank,
        name=bearable(account.name, "自有账户户名"),
        bank_name=bearable(account.bank_name, "开户行"),
        cnaps=account.cnaps,
    )


def use_account(tx: Transaction, fund: int, account: OwnAccount) -> None:
    """The book's account of its kind; the one it has already stays."""
    tx.run(
        "INSERT INTO payments.book_account VALUES (%(region)s, %(fund)s, %(kind)s, %(number)s) ON CONFLICT DO NOTHING",
        region=tx.region,
        fund=fund,
        kind=account.kind,
        number=account.number,
    )


def propose_channel(tx: Transaction, account: str, channel: Mapping[str, object]) -> None:
    """Propose how files of an own account travel (host, port, host keys, folders; never a secret).

    It carries nothing until another person confirms it: who can move the channel can move the money.
    """
    tx.run(
        """INSERT INTO payments.bank_channel (region, account, version, channel, state, proposed_by)
           SELECT %(region)s, %(account)s, coalesce(max(version), 0) + 1, %(channel)s, 'proposed', %(user)s
             FROM payments.bank_channel WHERE region = %(region)s AND account = %(account)s""",
        region=tx.region,
        account=account,
        channel=json.dumps(channel, ensure_ascii=False),
        user=tx.user,
    )


def confirm_channel(tx: Transaction, account: str, day: date, version: int = 0) -> None:
    """Confirm the newest proposed channel of an account, or none but the `version` that was shown.

    Raises NotFound `channel.none`; Conflict `channel.changed` where another was proposed meanwhile; Forbidden `payee.same_person`, `proposal.not_checker`.
    """
    latest = tx.row(
        """SELECT version, state FROM payments.bank_channel WHERE region = %(region)s AND account = %(account)s
            ORDER BY version DESC LIMIT 1""",
        region=tx.region,
        account=account,
    )
    if latest is None or latest[1] != "proposed":
        raise NotFound("channel.none", f"账户{account}没有待确认的通道", account=account)
    if version and version != latest[0]:
        raise Conflict(
            "channel.changed", f"账户{account}的通道已另有新的提出，请重新核对主机与主机公钥", account=account
        )
    sign_decision(tx, "payments.bank_channel", [account, latest[0]], day)
    tx.run(
        """UPDATE payments.bank_channel SET state = 'replaced'
            WHERE region = %(region)s AND account = %(account)s AND state = 'confirmed'""",
        region=tx.region,
        account=account,
    )
    tx.run(
        """UPDATE payments.bank_channel SET state = 'confirmed', confirmed_by = %(user)s, confirmed_on = %(day)s
            WHERE region = %(region)s AND account = %(account)s AND version = %(version)s""",
        region=tx.region,
        account=account,
        version=latest[0],
        user=tx.user,
        day=day,
    )


def account_of(tx: Transaction, fund: int, kind: str) -> str:
    """The number of the book's own account of a kind; '' where it has none."""
    number: str | None = tx.value(
        "SELECT account FROM payments.book_account WHERE region = %(region)s AND fund = %(fund)s AND kind = %(kind)s",
        region=tx.region,
        fund=fund,
        kind=kind,
    )
    return number or ""
