"""What the API does, one function per operation; each may block."""
