"""Supply chain: the lock with hashes, the list of licences. Run from the repository; not part of the distribution."""
