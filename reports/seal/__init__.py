"""A closed period sealed: a signed file that proves itself without this program's database."""
