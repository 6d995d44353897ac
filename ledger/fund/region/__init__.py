"""A pooling region: set-up, dated choices, calendar of working days. On nothing of the fund."""
