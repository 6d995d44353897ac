"""Bank statements taken in, matched with the journal, and 余额调节表 made of what is left. On incoming."""
