"""One settlement record, pure: its fields, amounts, identities and codes, and the judgement on them (arts. 9, 10)."""
