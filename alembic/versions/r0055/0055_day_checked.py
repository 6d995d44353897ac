"""What a day's check of business, finance and bank asks for: its recognitions, its split bills, and what an order replaces."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0055")


def downgrade() -> None:
    raise RuntimeError("forward only")
