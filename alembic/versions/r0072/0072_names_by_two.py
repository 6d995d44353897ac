"""What an institution is called is part of its agreement's version: two persons confirm it, and no working login changes it."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0072")


def downgrade() -> None:
    raise RuntimeError("a confirmed name keeps its version")
