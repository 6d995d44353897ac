"""Closing a month and a year: the check list, the close by two persons, what income and expense are carried to, reopening.

May import control, fund, payments, rules, books, db, core.
"""
