"""The fund's own money: fund requests, interest and fees, payments to persons. On advances, ordering."""
