"""Risk (arts. 27, 28): what the rules find at institutions, kept once, and the steps that two persons take. May import ledger.fund and below."""
