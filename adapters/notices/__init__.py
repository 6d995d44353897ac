"""How notices go out: over HTTPS under a signature, as mail over TLS. May import ledger.core only."""
