"""One file a job: what it does at its slot."""
