"""A made-up region with everything that happens in one: its people, money and bank.

May import everything but the entry points; only the command line, tests and benchmarks import it.
"""
