"""The speech models, an adapter each, and the shelf that finds, fetches and verifies their weights."""
