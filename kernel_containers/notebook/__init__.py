"""What a notebook says: its cells, its variables; pure functions over the source."""
