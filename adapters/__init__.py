"""What stands between the ledger and the outside: one folder a kind of partner. May import ledger.core only."""
