"""Payables 应付款 after they came in: what marks them. On no other room of the fund; may import payments and below."""
