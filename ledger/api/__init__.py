"""The HTTP service: who calls and where, once under a key, refusals as problem documents, the OpenAPI description.

May import acts, control, reports and all below; not the command line.
"""
