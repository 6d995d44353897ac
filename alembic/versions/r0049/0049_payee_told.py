"""An account counts as one against the day's limit whether it stands sealed, as a person's, or in clear, as an institution's."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0049")


def downgrade() -> None:
    raise RuntimeError("orders keep what they were counted by")
