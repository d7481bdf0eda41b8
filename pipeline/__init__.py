"""One call's way from a recording to a draft scorecard, a stage a file; docs/architecture.md draws it."""
