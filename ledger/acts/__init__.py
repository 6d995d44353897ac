"""An act, the same for the command line, HTTP, the scheduler and the pages: who, where, once, logged, anchored.

`acting` is the one way in, `tracing` what stays of an act that was not done, `anchoring` what follows one that booked;
a file a noun (`institutions`) says which acts there are and what they answer. May import fund and all below; no entry point.
"""
