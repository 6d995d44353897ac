"""A bank to practise with: its own books, its faults by seed, its files, its SFTP front. For the demo, tests, benchmarks.

May import adapters.banks.formats, .wire, .ports and ledger.core; nothing that serves real money imports it.
"""
