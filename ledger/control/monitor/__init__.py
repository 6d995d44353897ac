"""The monitor (procedure.md 6): figures of a day by fund and institution, coverage of instant settlement. May import ledger.fund and below."""
