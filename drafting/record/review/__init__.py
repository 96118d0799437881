"""A draft under review: what may be done to it, what stops a signature, and the bytes that are signed. Pure: no store, no clock."""
