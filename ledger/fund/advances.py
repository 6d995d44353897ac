"""Advances 暂付款: yearly prepayment 预付金, monthly pre-allocation 按月预拨, suppliers paid for an institution."""

from __future__ import annotations

from ledger.fund.advances_offset import KIND_ACCOUNTS, KIND_NAMES, Offset, due_offsets, take_offsets

__all__ = ["KIND_ACCOUNTS", "KIND_NAMES", "Offset", "due_offsets", "take_offsets"]
