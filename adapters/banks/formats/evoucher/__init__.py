"""Electronic receipts of the MoF accounting-data standard, bare or inside an OFD (GB/T 33190).

May import adapters.banks.ports, formats.xml and ledger.core.
"""
