"""Reports as text on a terminal, CSV and JSON."""
