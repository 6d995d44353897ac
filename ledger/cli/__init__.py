"""`fundledger`: one file a group of commands. A command asks, calls what does it, and tells; no rule lives here.

May import everything below and, for the demo, simulation.
"""
