"""The journal and nothing else writes it: posting, chart, balances, periods, vouchers by hand, anchors.

May import access, db, core.
"""
