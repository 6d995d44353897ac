"""An act, the same for the command line, HTTP, the scheduler and the pages: who, where, once, logged, anchored.

May import fund and all below; no entry point.
"""
