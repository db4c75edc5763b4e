"""Tests with the real parts; `scripts/services` and `tests/support` start them."""
