"""What a person may ask for: who holds what about them (subject access), consent by purpose, and to be forgotten."""
