"""Persons sign: key files, the agent, statements, the one way through which an approval is signed, lists and evidence."""
