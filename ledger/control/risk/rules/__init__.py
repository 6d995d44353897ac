"""One rule a file: a question over all institutions of a region at once, and the region's choices it is asked with."""
