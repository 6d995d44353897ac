"""What an account moved in a block, of all its dimensions: where a page of an account's ledger takes its balance from."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0054"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0054")


def downgrade() -> None:
    raise RuntimeError("sums of blocks posted meanwhile are not made anew")
