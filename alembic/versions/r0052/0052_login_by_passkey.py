"""Coming in by password and passkey: what the person's authenticator was asked, once and for five minutes."""

from alembic import op
from ledger.db.migrate import run_folder

revision = "0052"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_folder(op.get_bind(), "r0052")


def downgrade() -> None:
    raise RuntimeError("a way in is not taken back")
