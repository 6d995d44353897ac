"""Copies of the database and what they are sealed with: backups, the archived log, recipients, the keys of refused lines."""
