"""Persons at the pages: their passkeys, what they sign, and coming in by a provider of identities."""
