"""How files travel: complete or not there, read back, told apart from what only seems lost.

May import adapters.banks.ports and ledger.core.
"""
