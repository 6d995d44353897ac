"""Orders from draft to receipt. May import rules, books, access, db, core and adapters.banks.ports."""
