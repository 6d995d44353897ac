"""Days, months and the year of a region, one file a noun, with all that goes wrong in them."""
