"""A statement file, whatever it is: told by its content; a table by the profile given with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.evoucher.bker import ORDER_PATTERN
from adapters.banks.formats.evoucher.bkrs import is_bkrs, read_bkrs
from adapters.banks.formats.evoucher.container import is_zip
from adapters.banks.formats.evoucher.ofd import read_attachments
from adapters.banks.formats.iso20022 import camt053
from adapters.banks.formats.iso20022.camt054 import account_of
from adapters.banks.formats.statements.profile import Profile, read_profile
from adapters.banks.formats.statements.table import Stated, read_table
from adapters.banks.formats.xml import elements_named, many, parse_xml
from adapters.banks.ports import AccountStatement, Assembled
from ledger.core.errors import InvalidInput

_BLANKS: Final = b"\xef\xbb\xbf \t\r\n"
HAND: Profile = Profile(
    columns={
        "day": "记账日", "debit": "支出", "credit": "收入", "balance": "余额", "reference": "流水号", "receipt": "回单号",
        "order": "指令号", "other_account": "对方账号", "other_name": "对方户名", "text": "摘要",
    }
)  # fmt: skip
"""The table a person writes who has a statement on paper."""


def read_statements(
    name: str, content: bytes, stated: Stated, profile: tuple[str, bytes] | None = None
) -> tuple[AccountStatement, ...]:
    """Every statement of a file, each proven in itself and all of account `stated.account`.

    Raises InvalidInput `bankfile.*` naming the file and the place in it: `.kind` (no statement), `.foreign_account`, `.profile`,
    and what the readers raise; nothing of the file is believed then.
    """
    try:
        found = _read(content, stated, profile)
        for statement in found:
            if statement.account != stated.account:
                raise InvalidInput(
                    "bankfile.foreign_account",
                    f"{statement.where}的账号“{statement.account[:40]}”不是账户{stated.account}",
                    account=statement.account[:40],
                )
    except InvalidInput as refusal:
        details = {**refusal.details, "file": name[:200]}
        raise InvalidInput(refusal.code, f"文件{name[:200]}：{refusal.message}", **details) from refusal
    return found


def read_pages(files: Sequence[tuple[str, bytes]], account: str) -> Assembled:
    """Statements put together from files that are pages of them (camt.053), and which pages are missing.

    Raises as `read_statements`, naming the files.
    """
    names = "、".join(name for name, _ in files)
    try:
        messages = [_message(parse_xml(content)) for _, content in files]
        for message, (name, _) in zip(messages, files, strict=True):
            for element in many(message, "Stmt"):
                if account_of(element) != account:
                    own = account_of(element)
                    raise InvalidInput(
                        "bankfile.foreign_account",
                        f"{name}的账号“{own[:40]}”不是账户{account}",
                        account=own[:40],
                    )
        return camt053.assemble(messages)
    except InvalidInput as refusal:
        details = {**refusal.details, "file": names[:200]}
        raise InvalidInput(refusal.code, f"文件{names[:200]}：{refusal.message}", **details) from refusal


def is_page(name: str, content: bytes, account: str) -> bool:
    """Whether a file is part of a statement whose other pages are not in it; raises as `read_pages`."""
    return (
        b"PgNb" in content
        and content.lstrip(_BLANKS).startswith(b"<")
        and bool(read_pages([(name, content)], account).missing)
    )


def read_written(name: str, content: bytes, stated: Stated) -> AccountStatement:
    """The table a person wrote from a paper (`HAND`); raises as `read_statements`."""
    try:
        return read_table(content, HAND, stated, "hand")
    except InvalidInput as refusal:
        details = {**refusal.details, "file": name[:200]}
        raise InvalidInput(refusal.code, f"文件{name[:200]}：{refusal.message}", **details) from refusal


def _read(content: bytes, stated: Stated, profile: tuple[str, bytes] | None) -> tuple[AccountStatement, ...]:
    if profile is not None:
        return (read_table(content, read_profile(*profile), stated),)
    if is_zip(content):
        papers = [root for root in read_attachments(content, require_digest=True).values() if is_bkrs(root)]
        if not papers:
            raise InvalidInput("bankfile.kind", "文件内没有电子对账单（bkrs）")
        return tuple(read_bkrs(root, ORDER_PATTERN) for root in papers)
    if not content.lstrip(_BLANKS).startswith(b"<"):
        raise InvalidInput("bankfile.kind", "不是camt.053或电子对账单；表格须给出其格式文件（--profile）")
    root = parse_xml(content)
    if is_bkrs(root):
        return (read_bkrs(root, ORDER_PATTERN),)
    return camt053.read_camt053(_message(root))


def _message(root: Element) -> Element:
    messages: list[Element] = list(elements_named(root, camt053.MESSAGE))
    if len(messages) != 1:
        raise InvalidInput(
            "bankfile.kind", "文件不是（或不只是）一份对账单camt.053或bkrs", messages=len(messages)
        )
    return messages[0]
