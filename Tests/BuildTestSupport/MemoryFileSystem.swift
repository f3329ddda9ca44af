// Test support; filled next.
