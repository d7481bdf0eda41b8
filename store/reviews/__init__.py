"""The review database: people, the queue of cards, what they decided, and the log of it all."""
