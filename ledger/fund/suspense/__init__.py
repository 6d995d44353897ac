"""Bank papers nobody could match: what one is, one person proposes and another confirms. On cash, signed."""
