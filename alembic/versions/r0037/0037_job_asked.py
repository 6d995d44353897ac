"""Persons ask the worker for a run, a rest, a going on; a run says when it began and ended; times are the region's choices."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0037")


def downgrade() -> None:
    raise RuntimeError("who asked what of the worker is not taken back")
