"""Files given in at a page: `catalogue` says which there are, by which act each is taken, and who brings it."""
