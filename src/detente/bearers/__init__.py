"""The ways bytes travel. A bearer moves frames and promises nothing more."""
