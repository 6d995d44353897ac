"""Persons sign with keys of their own; a region demands it from a moment on and for good."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0024")


def downgrade() -> None:
    raise RuntimeError("what persons signed is not taken away")
