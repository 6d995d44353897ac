"""What a person signed as a file of its own, checked without any database. May import ledger.access and below."""
