"""Bank statements of every form, each proven in itself before anybody sees it.

May import adapters.banks.ports, formats.xml, formats.iso20022, formats.evoucher and ledger.core.
"""
