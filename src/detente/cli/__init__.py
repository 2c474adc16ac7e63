"""One command that starts everything below it."""
