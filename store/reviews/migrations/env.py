"""Alembic's entry: runs the versions over the connection that store/reviews/database.py opened."""
from alembic import context

from store.reviews.schema import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
