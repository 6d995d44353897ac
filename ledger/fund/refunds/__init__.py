"""Money an institution pays back, by its kind and one door; how much can still come back. On advances, signed."""
