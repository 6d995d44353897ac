"""A bank may write a return under the serial of its debit: a paper's direction is part of its key."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0003")


def downgrade() -> None:
    raise RuntimeError("papers kept under one number in both directions cannot share the old key")
