"""Checks of orders, files and what banks said of them."""
