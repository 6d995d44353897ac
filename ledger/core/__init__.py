"""Pure values and rules: money, dates, the calendar, digests, errors, entry drafts. Imports nothing of ours, no I/O."""
