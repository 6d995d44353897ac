"""`verify`: every promise (INV-01…) checked anew from the rows, without the code that wrote them.

May import fund and below, for values only; reads as the auditor.
"""
