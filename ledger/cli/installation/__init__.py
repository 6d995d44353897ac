"""`fundledger` on the installation: database, set-up, users, banks, the calendar, the processes that serve."""
