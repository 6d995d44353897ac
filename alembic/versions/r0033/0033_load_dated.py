"""A load says when it began, so that the age of what it left in quarantine raises an alarm; alarms leave traces."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0033")


def downgrade() -> None:
    raise RuntimeError("when a load began is not forgotten")
