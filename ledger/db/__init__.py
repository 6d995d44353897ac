"""The database: embedded server, roles, schema and its revisions, backup, one transaction of one user in one region.

May import settings and core.
"""
