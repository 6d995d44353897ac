"""Risk and the monitor at the command line: what the rules found, what was done about it, the figures of a day."""
