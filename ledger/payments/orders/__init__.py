"""Payment orders: drafted, claimed, approved, their states and entries. On no other room of payments."""
