"""The desk: pages at which accountants, checkers, cashiers and reviewers work. They show and ask; every act goes through the
command line's acts (`ledger.api.ports.Commands`), no rule lives here. May import ledger.api and all below.
"""
