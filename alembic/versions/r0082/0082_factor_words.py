"""The demand of a second factor says of whom it is asked: of who comes in by a provider of identities."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0082")


def downgrade() -> None:
    raise RuntimeError("words are not put back")
