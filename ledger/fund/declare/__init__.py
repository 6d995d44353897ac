"""The monthly declaration 申报 (art. 17) and the settlement lists it needs. On reconcile."""
