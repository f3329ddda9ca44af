"""Consumer contracts: what one service relies on another for, checked against the real one.

A contract is a JSON document in the shape of Pact version 3; docs in ../../README.md.
"""
