"""A closed period is sealed by the chief with the signed file of it: it is never reopened after that."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0018")


def downgrade() -> None:
    raise RuntimeError("what was sealed is not opened")
