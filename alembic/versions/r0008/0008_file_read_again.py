"""Files replaced under their name are seen, one set aside is read again, a blocked amount has its words."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0008")


def downgrade() -> None:
    raise RuntimeError("what was read again is not unread")
