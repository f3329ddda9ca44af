"""Books and the copies of them that the library owns. Knows no reader and no loan."""
