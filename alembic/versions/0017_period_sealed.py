"""A closed period is sealed by the chief with the signed file of it: it is never reopened after that."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0017"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0017")


def downgrade() -> None:
    raise RuntimeError("what was sealed is not opened")
