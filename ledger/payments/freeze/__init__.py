"""A region whose database is older than what was done pays nothing until two persons reconciled it with the bank. On nothing."""
