"""One day of a province as the demo shows it, step by step, repeatable after a crash."""
