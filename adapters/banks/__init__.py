"""Banks: `ports` says what the ledger needs of any bank, `registry` which banks there are.

May import ledger.core; the ledger itself sees nothing of this room but `ports`.
"""
