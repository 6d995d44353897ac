"""Made-up records and institutions in the platform's shapes, with the right answers."""
