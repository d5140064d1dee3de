"""Index for case-insensitive look-ups of email addresses"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_contact_email_lower", "contact", [sa.text("lower(email)")])


def downgrade() -> None:
    op.drop_index("ix_contact_email_lower", "contact")
