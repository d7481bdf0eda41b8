"""Prefect flows: batches over many calls. What one call goes through is in pipeline/."""
