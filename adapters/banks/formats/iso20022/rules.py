"""What a payment file must satisfy beyond the XSD, which knows neither fen nor duplicates nor GBK lengths.

Limits are those of pain.001.001.09 (banks.md 1.2): Max35Text ids, Max140Text names and remittance text,
34 characters of account number, and the platform's 14 digits of yuan.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from adapters.banks.ports import BankAccount, Instruction, PaymentBatch
from ledger.core.errors import InvalidInput
from ledger.core.money import AMOUNT_DIGITS_MAX, yuan_grouped
from ledger.core.text import NAME_MAX, character_words, flaw

PURPOSE_BYTES_MAX: Final = 2 * NAME_MAX
"""Ustrd full of Chinese characters; a bank with a shorter field (38 bytes at one, 62 at another) says so."""

NAME_BYTES_MAX: Final = 4 * NAME_MAX
"""As many bytes as a name of that many characters can take in GB 18030; a bank with a shorter field says so."""

FEN_LIMIT: Final = 10 ** (AMOUNT_DIGITS_MAX + 2)

_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,34}", re.ASCII)
_ACCOUNT = re.compile(r"[0-9A-Za-z-]{1,34}", re.ASCII)
_CNAPS = re.compile(r"[0-9]{12}", re.ASCII)


class Limits(NamedTuple):
    """What one bank can hold beyond the XSD; `charset` is a codec."""

    charset: str = "gb18030"
    name_bytes_max: int = NAME_BYTES_MAX
    purpose_bytes_max: int = PURPOSE_BYTES_MAX


ANY_BANK: Final = Limits()


def unbearable(payee: BankAccount, purpose: str, limits: Limits) -> str:
    """The sentence of the first thing that keeps an order to `payee` out of this bank's files; "" where nothing does."""
    try:
        _account(payee, "收款", limits)
        _purpose(purpose, "", "", limits)
    except InvalidInput as refusal:
        return refusal.message
    return ""


def check_batch(batch: PaymentBatch, limits: Limits) -> None:
    """Raises InvalidInput: `bankfile.batch_empty`, `.id`, `.duplicate_order`, `.amount`, `.account`, `.cnaps`,
    `.text`, `.text_length`, `.purpose_length`, `.created_at`; the message names the order and the field.
    """
    _id(batch.message_id, "报文标识")
    if batch.created_at.tzinfo is None:
        raise InvalidInput("bankfile.created_at", f"报文{batch.message_id}的创建时间没有时区")
    if not batch.instructions:
        raise InvalidInput("bankfile.batch_empty", f"报文{batch.message_id}没有任何付款指令")
    _account(batch.payer, f"报文{batch.message_id}付款方", limits)
    seen: set[str] = set()
    for instruction in batch.instructions:
        _instruction(instruction, limits)
        if instruction.order_no in seen:
            raise InvalidInput(
                "bankfile.duplicate_order",
                f"指令号{instruction.order_no}在同一文件中出现两次",
                order_no=instruction.order_no,
            )
        seen.add(instruction.order_no)
    total = sum(instruction.amount_fen for instruction in batch.instructions)
    if total >= FEN_LIMIT:
        raise InvalidInput(
            "bankfile.amount", f"报文{batch.message_id}合计超过{AMOUNT_DIGITS_MAX}位整数", total_fen=total
        )


def _instruction(instruction: Instruction, limits: Limits) -> None:
    _id(instruction.order_no, "指令号")
    where = f"指令{instruction.order_no}"
    if not 0 < instruction.amount_fen < FEN_LIMIT:
        raise InvalidInput(
            "bankfile.amount",
            f"{where}金额{yuan_grouped(instruction.amount_fen)}元不合规：应大于零且不超过{AMOUNT_DIGITS_MAX}位整数元",
            order_no=instruction.order_no,
            amount_fen=instruction.amount_fen,
        )
    _account(instruction.payee, f"{where}收款", limits)
    _purpose(instruction.purpose, where, instruction.order_no, limits)


def _purpose(purpose: str, where: str, order_no: str, limits: Limits) -> None:
    size = len(_encoded(purpose, f"{where}摘要", limits))
    if size > limits.purpose_bytes_max:
        raise InvalidInput(
            "bankfile.purpose_length",
            f"{where}摘要占{size}字节，超过该行上限{limits.purpose_bytes_max}字节",
            order_no=order_no,
            bytes=size,
        )


def _id(value: str, where: str) -> None:
    # Narrower than the XSD's 35 characters of anything: ids become file names and go through GBK systems.
    if _ID.fullmatch(value) is None:
        raise InvalidInput(
            "bankfile.id",
            f"{where}“{value[:50]}”不合规：应为至多35个ASCII字母、数字或._-，以字母或数字开头",
            value=value[:50],
        )


def _account(account: BankAccount, where: str, limits: Limits) -> None:
    for text, field in ((account.name, f"{where}户名"), (account.bank_name, f"{where}开户行")):
        size = len(_encoded(text, field, limits))
        if size > limits.name_bytes_max:
            raise InvalidInput(
                "bankfile.text_length",
                f"{field}占{size}字节，超过该行上限{limits.name_bytes_max}字节",
                bytes=size,
            )
    if _ACCOUNT.fullmatch(account.number) is None:
        raise InvalidInput(
            "bankfile.account",
            f"{where}账号“{account.number[:50]}”不合规：应为至多34个ASCII字母、数字或-",
            value=account.number[:50],
        )
    if _CNAPS.fullmatch(account.cnaps) is None:
        raise InvalidInput(
            "bankfile.cnaps", f"{where}联行号“{account.cnaps[:20]}”应为12位数字", value=account.cnaps[:20]
        )


def _encoded(value: str, where: str, limits: Limits) -> bytes:
    """The text in the bank's own characters, of which each bank has its own; what no bank can bear is core's to say."""
    found = flaw(value, where)
    if found is not None:
        code = "bankfile.text_length" if found.kind == "length" else "bankfile.text"
        raise InvalidInput(code, found.words, where=where)
    try:
        return value.encode(limits.charset)
    except UnicodeEncodeError as error:
        words = character_words(where, error.start, value[error.start])
        raise InvalidInput(
            "bankfile.text", f"{words}（该行字符集为{limits.charset.upper()}）", where=where
        ) from None
