"""What runs by itself, each slot once whichever worker does it. May import bootstrap and all below."""
