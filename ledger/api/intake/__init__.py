"""Settlement records over HTTP, past FastAPI: queued, stored in groups, answered in order."""
