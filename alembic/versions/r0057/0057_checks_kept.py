"""A nightly check rests on what the auditor's login wrote it found."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0057"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0057")


def downgrade() -> None:
    raise RuntimeError("what checks found is not forgotten")
