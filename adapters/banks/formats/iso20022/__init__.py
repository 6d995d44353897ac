"""pain.001 out; pain.002 and camt.054 in.

May import adapters.banks.ports, formats.xml, formats.evoucher and ledger.core.
"""
