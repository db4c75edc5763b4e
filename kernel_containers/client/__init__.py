"""What a notebook imports; standard library only."""
