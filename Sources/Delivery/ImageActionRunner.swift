// Image building; filled next.
