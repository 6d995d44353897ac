"""Persons' accounts, the bank's own bytes and stored answers are sealed; what is past its term is taken away by two persons."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0040")


def downgrade() -> None:
    raise RuntimeError("what was sealed is not laid open again")
