"""Whether three sides agree at the end: our books, the bank's, and a recomputation that knows neither."""
