"""`fundledger outregion`: other regions' patients here, ours elsewhere, and the money between regions."""
