"""The internal-control report of art. 29: business against finance, payouts traced on a sample, day against month, what was changed by whom."""
