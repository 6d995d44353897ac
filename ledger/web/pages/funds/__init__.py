"""Money that no bill of the day owes: fund requests, refunds, advances, other regions; and reconciling with institutions."""
