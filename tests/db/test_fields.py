"""Sealed fields: the same text the same token, nothing in it to read, masked where shown; bytes whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.core.errors import NotFound
from ledger.db.safekeeping.fields import MAGIC, TOKEN, Fields, masked_field
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


def test_bytes_are_sealed_whole(known: Fields) -> None:
    content = "<Nm>张三</Nm>".encode() * 1000
    sealed = known.seal_bytes(content)
    assert sealed.startswith(MAGIC)
    assert known.seal_bytes(content) != sealed  # nobody sees that two are the same
    assert known.open_bytes(sealed) == content
    assert known.open_bytes(content) == content  # of before
    for broken in (sealed[:-1], sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:], MAGIC):
        assert known.open_bytes(broken) == broken  # its digest tells it
    assert (known.seal_bytes(b""), known.open_bytes(b"")) == (b"", b"")


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
