"""The control report and the three ways of a month are kept as they were drawn up, with what of the journal was known then."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0080"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0080")


def downgrade() -> None:
    raise RuntimeError("a time a region chose is not taken back")
