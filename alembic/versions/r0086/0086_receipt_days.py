"""The days a bank has for its receipt are a number when they are proposed, not when the first page asks for them."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0086"
down_revision = "0082"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0086")


def downgrade() -> None:
    raise RuntimeError("a pattern is not put back")
