"""What the fund does, one room a noun of the procedure; the dictionaries they share lie in `data/`.

May import payments, rules, books, access, db, core.
"""
