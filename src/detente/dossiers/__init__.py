"""Folds over the transcript: every shared object is a pure function of (transcript, now)."""
