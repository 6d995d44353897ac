"""Taking over a book at a month's end: the file set, its differences, proposal, confirmation, opening. Above `month`'s floor nothing."""
