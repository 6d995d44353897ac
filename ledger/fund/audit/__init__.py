"""Findings, appeal, sampling and trace codes (art. 18), and what of them is still to deduct. On reconcile."""
