"""`fundledger` on the books: vouchers, reports, exports, explanations, the rules, `verify`."""
