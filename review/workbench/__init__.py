"""The review workbench: where people confirm, change and publish what the rules drafted."""
