"""Trial balance, ledgers, vouchers, exports, an institution's year. The read side only; may import all below the entry points."""
