"""The secret of a second factor is sealed for the home's key."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0035")


def downgrade() -> None:
    raise RuntimeError("what was sealed is not laid open again")
