"""A demand for signatures keeps its moment: what there was without one is listed, and whatever else is unsigned is found."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0036")


def downgrade() -> None:
    raise RuntimeError("what was signed by nobody is not forgotten")
