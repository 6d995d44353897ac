"""Providers of identities: OpenID Connect. May import ledger.core only."""
