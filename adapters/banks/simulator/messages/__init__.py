"""The bank's own side of the formats: it reads payment files and writes reports, notifications and receipts."""
