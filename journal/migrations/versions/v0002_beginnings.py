"""Version 2: the newest session and the newest claim are found at once.

Recovery reads from there: it no longer takes the longer the more sessions a journal holds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BEGINNINGS = sa.text("kind = 'session' OR kind = 'claim'")


def upgrade() -> None:
    """Index the beginnings of sessions and epochs; other records do not pay for it."""
    op.create_index("records_begin", "records", ["kind", "seq"], sqlite_where=BEGINNINGS, postgresql_where=BEGINNINGS)
    op.execute("UPDATE meta SET value = '2' WHERE name = 'version'")
