"""A provider played to its consumer from the contract that both have; for tests. Verifies nothing: lmsbuild does."""
