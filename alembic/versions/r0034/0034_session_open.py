"""People come in by a password, one-time links and sessions: who sits at the pages, and until when."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0034")


def downgrade() -> None:
    raise RuntimeError("who came in and when is not taken back")
