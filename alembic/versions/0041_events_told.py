"""Business events are told outside: found by when they were recorded."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0041"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0041")


def downgrade() -> None:
    raise RuntimeError("what was told is not taken back")
