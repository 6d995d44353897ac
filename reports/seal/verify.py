"""`seal verify`: a seal proven by itself, without a database: every digest, link, balance and the signature made anew.

What is wrong is named: the entry by its number, the block, the dimension, the account, the line. Memory holds the chain and
the balances, not the entries.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from ledger.access.signing.pair import signature_flaw
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from reports.seal.digests import SECTIONS, Twice, block_hash, dim_hash, dim_start, entry_digest, line

FINDINGS_MAX: Final = 1000
_ORDER: Final = ("seal", *SECTIONS, "manifest", "signature")


@dataclass(slots=True)
class SealCheck:
    """What came out: no findings, or what and where. `manifest` is empty where it could not be read."""

    manifest: Mapping[str, Any] = field(default_factory=dict)
    findings: list[tuple[str, str]] = field(default_factory=list)
    """(where, what is wrong)."""
    entries: int = 0
    key_checked: bool = False
    """Whether the key was compared with one that was kept elsewhere."""

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def find(self, where: str, what: str) -> None:
        """One thing that is wrong."""
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append((where, what))


def verify_seal(path: Path, kept: Collection[str] = ()) -> SealCheck:
    """Check a file; `kept` are public keys in hex as they were printed when they were made. Raises InvalidInput `seal.file`."""
    try:
        with path.open("rb") as file:
            return _Reader(file, kept).check()
    except OSError as error:
        raise InvalidInput(
            "seal.file", f"封存文件{path}不能读取：{os_reason(error)}", file=str(path)
        ) from error


class _Reader:
    """One pass over the lines."""

    def __init__(self, file: BinaryIO, kept: Collection[str]) -> None:
        self._file = file
        self._kept = kept
        self.done = SealCheck()
        self._digests = {name: Twice() for name in ("head", *SECTIONS)}
        self._region = self._fund = self._period = 0
        self._links: list[str] = []
        self._accounts: dict[int, int] = {}
        self._blocks: list[dict[str, Any]] = []
        self._at = 0
        """The block the next entry is looked for in, among those of the period."""
        self._own: list[dict[str, Any]] = []
        self._expected = 0
        self._legs = 0
        self._turnover: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        self._sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def check(self) -> SealCheck:
        """Everything."""
        place, signed, ended = 0, b"", False
        takers = {name: getattr(self, f"_{name}") for name in SECTIONS}
        for number, raw, row in self._lines():
            kind = row.get("t")
            where = f"第{number}行"
            if kind not in _ORDER or _ORDER.index(kind) < place or ended:
                self.done.find(where, "不应在此处")
                continue
            place = _ORDER.index(kind)
            if kind in SECTIONS or kind == "seal":
                self._digests["head" if kind == "seal" else kind].update(raw)
            try:
                if kind == "seal":
                    self._head(row)
                elif kind in takers:
                    takers[kind](row)
                elif kind == "manifest":
                    signed = raw
                    self._manifest(row)
                else:
                    ended = True
                    self._signature(row, signed)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError):
                self.done.find(where, f"{kind}的内容不合规")
        if not ended:
            self.done.find("文件末尾", "没有签名，文件不完整")
        return self.done

    def _lines(self) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """Lines that are what the program writes; any other is named."""
        for number, raw in enumerate(self._file, 1):
            try:
                row = json.loads(raw)
                sound = isinstance(row, dict) and line(row) == raw
            except (ValueError, RecursionError):
                row, sound = {}, False
            if sound:
                yield number, raw, row
            else:
                self.done.find(f"第{number}行", "不是规范的JSON行，已被改动")

    def _head(self, row: Mapping[str, Any]) -> None:
        region, fund = row["book"].split("-")
        self._region, self._fund, self._period = int(region), int(fund), int(row["period"])
        self._links = [dim_start(self._region)]
        if row["version"] != 1:
            self.done.find("第1行", f"不认识的版本{row['version']}")

    def _account(self, row: Mapping[str, Any]) -> None:
        self._accounts[row["account"]] = row["section"]

    def _dim(self, row: Mapping[str, Any]) -> None:
        if row["dim"] != len(self._links):
            self.done.find(f"辅助核算{row['dim']}", "编号不连续")
        self._links.append(dim_hash(self._links[-1], row))

    def _block(self, row: dict[str, Any]) -> None:
        where = f"区块{row['block']}"
        before = self._blocks[-1] if self._blocks else None
        if before is not None and (row["block"], row["prev"]) != (before["block"] + 1, before["hash"]):
            self.done.find(where, "与前一区块不相连")
        if before is not None and row["first_seq"] != before["last_seq"] + 1:
            self.done.find(where, "凭证序号与前一区块不相连")
        if block_hash(self._region, self._fund, row) != row["hash"]:
            self.done.find(where, "哈希与其内容不符，已被改动")
        if len(row["digests"]) != 64 * (row["last_seq"] - row["first_seq"] + 1):
            self.done.find(where, "摘要个数与凭证个数不符")
        if row["dim_last"] >= len(self._links) or self._links[row["dim_last"]] != row["dim_hash"]:
            self.done.find(where, "所记的辅助核算链与文件中的不同：辅助核算的含义已被改动")
        self._blocks.append({name: row[name] for name in ("block", "prev", "hash", "last_seq")})
        if row["period"] == self._period:
            self._own.append(row)

    def _entry(self, row: Mapping[str, Any]) -> None:
        self.done.entries += 1
        name = f"{row['series']}-{self._period}-{row['vno']}（链上第{row['seq']}号）"
        block = self._block_of(row["seq"])
        if block is None:
            self.done.find(name, "不在任何区块中")
            return
        place = 64 * (row["seq"] - block["first_seq"])
        if row["voucher_date"] != block["voucher_date"] or row["recorded_at"] != block["recorded_at"]:
            self.done.find(name, f"日期或时间与区块{block['block']}不同")
        if entry_digest(row).hex() != block["digests"][place : place + 64]:
            self.done.find(name, f"与区块{block['block']}所记的摘要不符，已被改动")
        sums: dict[int, int] = defaultdict(int)
        for account, dim, fen in zip(row["accounts"], row["dims"], row["amounts"], strict=True):
            code, side = abs(account), 0 if account > 0 else 1
            if code not in self._accounts:
                self.done.find(name, f"科目{code}不在科目表中")
            self._turnover[code, dim][side] += fen
            sums[2 if str(code)[0] == "9" else 1] += fen if account > 0 else -fen
        self._legs += len(row["accounts"])
        if any(sums.values()):
            self.done.find(name, "借贷不平")

    def _block_of(self, seq: int) -> Mapping[str, Any] | None:
        """The block of the next entry; what is skipped between is missing."""
        while self._at < len(self._own):
            block = self._own[self._at]
            expected = max(self._expected, block["first_seq"])
            if seq < expected:
                return None
            for missing in range(expected, min(seq, block["last_seq"] + 1)):
                self.done.find(f"链上第{missing}号", f"凭证缺失，区块{block['block']}记有其摘要")
            if seq <= block["last_seq"]:
                self._expected = seq + 1
                return block
            self._at += 1
        return None

    def _balance(self, row: Mapping[str, Any]) -> None:
        code, dim = row["account"], row["dim"]
        name = f"科目{code}（辅助核算{dim}）"
        opening, debit, credit, closing = (
            row[f"{part}_fen"] for part in ("opening", "debit", "credit", "closing")
        )
        if [debit, credit] != self._turnover.pop((code, dim), [0, 0]):
            self.done.find(name, "本期发生额与凭证合计不符")
        if closing != opening + debit - credit:
            self.done.find(name, "期初加本期发生额不等于期末")
        for n, fen in enumerate((opening, debit, -credit, closing)):
            self._sums[self._accounts[code]][n] += fen

    def _manifest(self, row: Mapping[str, Any]) -> None:
        self.done.manifest = row
        for block in self._own[self._at :]:
            for missing in range(max(self._expected, block["first_seq"]), block["last_seq"] + 1):
                self.done.find(f"链上第{missing}号", f"凭证缺失，区块{block['block']}记有其摘要")
        for code, dim in self._turnover:
            self.done.find(f"科目{code}（辅助核算{dim}）", "有发生额而余额表中没有")
        for section, (opening, debit, credit, closing) in self._sums.items():
            if opening or debit + credit or closing:
                self.done.find("会计账" if section == 1 else "备查账", "余额表试算不平衡")
        for name, digest in self._digests.items():
            if row["sections"].get(name) != digest.told():
                self.done.find(_NAMES[name], "与清单所记的摘要（SHA-256、SM3）或行数不符")
        ends = (
            (
                self._blocks[0]["prev"],
                self._blocks[-1]["hash"],
                self._blocks[0]["block"],
                self._blocks[-1]["block"],
            )
            if self._blocks
            else ("", "", 0, 0)
        )
        told = (row["prev_hash"], row["last_hash"], row["first_block"], row["last_block"])
        named = (f"{self._region}-{self._fund}", self._period, self.done.entries, self._legs)
        if told != ends or (row["book"], row["period"], row["entries"], row["lines"]) != named:
            self.done.find("清单", "与文件内容不符：账套、期间、区块、凭证数或行数")

    def _signature(self, row: Mapping[str, Any], signed: bytes) -> None:
        flaw = signature_flaw(row, signed)
        if flaw:
            self.done.find("签名", f"{flaw}：清单或签名已被改动")
        if self.done.manifest.get("key_id") != row["key_id"]:
            self.done.find("签名", "清单所记的密钥不是签名的密钥")
        if self._kept:
            self.done.key_checked = True
            if row["public_key"] not in self._kept:
                self.done.find("签名", "不是以留存的公钥所签：文件是另一把密钥重做的")


_NAMES: Final = {
    "head": "文件头",
    "account": "科目表",
    "dim": "辅助核算",
    "block": "账链区块",
    "entry": "凭证",
    "balance": "余额表",
}
