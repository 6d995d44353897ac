"""Business event → balanced entry, as data: `apply` runs the rules of `data/rules.csv`.

May import books, db, core.
"""

from ledger.rules.interpret import apply
from ledger.rules.values import Item, RuledEntry, Sheet

__all__ = ["Item", "RuledEntry", "Sheet", "apply"]
