"""Business events are told outside: found by when they were recorded."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0038")


def downgrade() -> None:
    raise RuntimeError("what was told is not taken back")
