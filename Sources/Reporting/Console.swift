// Console; filled next.
