"""Orders to the bank: files written, sent once, asked about when no answer comes. On orders."""
