"""`fundledger` on made-up regions: the demo, simulated months and years, generated files."""
