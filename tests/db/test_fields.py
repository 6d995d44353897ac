"""Sealed fields: the same text the same token, nothing in it to read, masked where shown; bytes whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.safekeeping.fields import MAGIC, TOKEN, UNBOUND, Fields, masked_field
from ledger.db.safekeeping.keyring import content_cipher, forget, keep_tokens, tokens_file
from ledger.db.safekeeping.places import Place, place
from ledger.db.safekeeping.region_keys import new_key
from ledger.db.safekeeping.told import is_person


@pytest.fixture
def known(tmp_path: Path) -> Fields:
    return Fields(tmp_path, new_key(tmp_path, 0).id)


def test_a_field_is_matched_and_not_read(known: Fields, tmp_path: Path) -> None:
    token = known.seal("6222021234567890123")
    assert TOKEN.fullmatch(token)
    assert token == known.seal("6222021234567890123") == known.seal(token)
    assert "6222" not in token
    assert known.open(f"付 {token} 张三") == "付 6222021234567890123 张三"
    assert known.shown(token) == "***************0123"
    assert known.shown(known.seal("欧阳娜娜")) == "欧***"
    assert (known.seal(""), known.open("~x~"), known.shown("无")) == ("", "~x~", "无")
    other = Fields(tmp_path, new_key(tmp_path, 0).id)
    assert other.seal("6222021234567890123") != token
    assert other.open(token.replace(token[1:9], other.seal("x")[1:9])) != "6222021234567890123"
    lost = Fields(tmp_path / "elsewhere", "0" * 16)
    assert lost.shown(token) == "***"
    for failing in (lost.seal, lost.open):
        with pytest.raises(NotFound, match=r"data\.key_missing"):
            failing(token if failing == lost.open else "x")


HERE = place("payments.bank_file.content", 420100, "B-1")


def test_bytes_are_sealed_whole(known: Fields) -> None:
    content = "<Nm>张三</Nm>".encode() * 1000
    sealed = known.seal_bytes(content, HERE)
    assert sealed.startswith(MAGIC)
    assert len(sealed) == len(content) + 48  # the database tells the length of an attached paper by it
    assert known.seal_bytes(content, HERE) != sealed  # nobody sees that two are the same
    assert known.open_bytes(sealed, HERE) == content
    assert known.open_bytes(content, HERE) == content  # of before
    for broken in (sealed[:-1], sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:], MAGIC):
        assert known.open_bytes(broken, HERE) == broken  # its digest tells it
    assert (known.seal_bytes(b"", HERE), known.open_bytes(b"", HERE)) == (b"", b"")
    looks_sealed = MAGIC + b"as somebody hands it in"
    assert known.open_bytes(known.seal_bytes(looks_sealed, HERE), HERE) == looks_sealed


@pytest.mark.parametrize(
    "other",
    [
        place("payments.bank_file.content", 420100, "B-2"),
        place("payments.bank_file.content", 420200, "B-1"),
        place("payments.inbound_file.content", 420100, "a", bytes(32)),
    ],
)
def test_a_seal_opens_in_its_place_only(known: Fields, other: Place) -> None:
    sealed = known.seal_bytes(b"content", HERE)
    assert known.open_bytes(sealed, other) == sealed


def test_bytes_sealed_before_places_were_bound_are_read_on(known: Fields, tmp_path: Path) -> None:
    [key] = (tmp_path / "keys").glob("*.key")
    head, nonce = UNBOUND + bytes.fromhex(key.name[:8]), bytes(12)
    old = head + nonce + content_cipher(tmp_path, key.name[:8]).encrypt(nonce, b"of before", head)
    assert known.open_bytes(old, HERE) == b"of before"
    as_bound = MAGIC + old[len(UNBOUND) :]  # nobody makes of an old seal a new one
    assert known.open_bytes(as_bound, HERE) == as_bound


def test_the_key_of_tokens_stands_by_itself_and_makes_the_same_tokens(known: Fields, tmp_path: Path) -> None:
    token, [key] = known.seal("张三"), list((tmp_path / "keys").glob("*.key"))
    keep_tokens(tmp_path, key.stem)
    keep_tokens(tmp_path, key.stem)
    assert tokens_file(tmp_path, key.stem).stat().st_mode & 0o777 == 0o600
    key.unlink()
    forget()
    assert (known.seal("张三"), known.open(token)) == (token, "张三")
    with pytest.raises(NotFound, match=r"data\.key_missing"):  # the rest of the key is not to be had from it
        known.seal_bytes(b"x", HERE)
    keep_tokens(tmp_path, key.stem)
    tokens_file(tmp_path, key.stem).chmod(0o644)
    forget()
    with pytest.raises(InvalidInput, match=r"seal\.key_open"):
        known.seal("张三")


@pytest.mark.parametrize(
    ("account", "name", "person"),
    [
        ("1", "张三", True),
        ("1", "欧阳娜娜", True),
        ("1", "库尔班·艾山", True),
        ("1", "阿卜杜拉·药店", True),
        ("1", "", True),
        ("9", "张三", False),  # the account of an institution whose name the bank cuts
        ("", "", False),
        ("1", "武汉市第一医院", False),
        ("1", "国家税务总局武汉市税务局", False),
        ("1", "汉口大药房有限公司（二店）", False),
        ("1", "江汉区社区卫生服务中心", False),
        ("1", "JOHN SMITH", True),
    ],
)
def test_who_cannot_be_told_is_sealed(account: str, name: str, person: bool) -> None:
    assert is_person(account, name, {"9"}) is person


def test_masks() -> None:
    assert [masked_field(one) for one in ("张三", "62220001", "1234", "中国银行退汇")] == [
        "张*",
        "****0001",
        "1***",
        "中*****",
    ]
