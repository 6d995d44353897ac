"""The papers of one movement are found by the bank's serial, not by reading an account's papers."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0021")


def downgrade() -> None:
    op.execute("DROP INDEX payments.evidence_serial")
