"""What files to and from banks look like, and XML read without trust. Bytes in, values out; no network.

May import adapters.banks.ports and ledger.core.
"""
