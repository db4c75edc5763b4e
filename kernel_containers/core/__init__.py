"""Values and rules shared by every stage; standard library only."""
