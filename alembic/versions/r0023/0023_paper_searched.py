"""Vouchers are found by their papers and by their days without a look at the journal; a movement's other papers by its serial."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0023")


def downgrade() -> None:
    raise RuntimeError("what the search knows of papers is not taken away")
