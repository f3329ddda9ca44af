"""What every LMS service shares: an HTTP JSON server, settings, logs, a SQLite store, a client.

Nothing here knows a book, a reader or a loan.
"""
