"""What Alembic runs: the migrations, over the connection that `migrating` hands it."""

from __future__ import annotations

from alembic import context

from loccit.storage.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
