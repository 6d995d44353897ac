"""A region may ask a second factor of everybody who comes in by a provider of identities."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0081")


def downgrade() -> None:
    raise RuntimeError("a choice a region made is not taken back")
