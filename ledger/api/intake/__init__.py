"""Settlement records over HTTP, on a short way of its own: queued, stored in groups, answered in order."""
