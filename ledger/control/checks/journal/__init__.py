"""Checks of the journal alone: chain, anchors, numbers, dimensions, balances, signers, vouchers by hand."""
