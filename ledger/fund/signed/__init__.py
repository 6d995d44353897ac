"""Papers two persons sign: their keys and decisions, and the entry each becomes. On nothing of the fund."""
