"""Reconciliation with institutions 对账 (art. 16): totals, details, differences and their decisions. On record."""
