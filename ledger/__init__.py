"""The ledger: `bootstrap` puts its parts together, `founding` begins an installation, `settings` says where it lives."""
