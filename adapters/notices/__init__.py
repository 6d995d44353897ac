"""How notices go out: over HTTPS under a signature, as mail over TLS. Imports nothing of the ledger."""
