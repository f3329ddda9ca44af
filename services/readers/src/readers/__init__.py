"""The people who borrow: who they are, and whether they may. Knows no book and no loan."""
