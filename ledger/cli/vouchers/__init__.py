"""Vouchers by hand at the command line: templates, lists, files, rhythms, attachments, corrections."""
