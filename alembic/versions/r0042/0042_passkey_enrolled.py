"""Persons sign at the pages with passkeys, come in by an identity of their own provider; a link's code is in two hands."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0042"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0042")


def downgrade() -> None:
    raise RuntimeError("what persons signed is not taken away")
