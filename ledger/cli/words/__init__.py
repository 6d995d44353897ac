"""Answers in words and as JSON, where a group of commands needs many. May import what it tells of, not the line."""
