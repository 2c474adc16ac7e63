"""For every test: what is drawn at random may take as long as the machine takes."""

from __future__ import annotations

from hypothesis import settings

# A loaded machine took longer than hypothesis's 200 ms over one example, and a test failed for it.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
