"""Loans, returns, renewals and holds. Asks catalog for copies and readers for people."""
