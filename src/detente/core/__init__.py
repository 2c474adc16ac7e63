"""The protocol: no I/O, no clock, no entropy, no logging. Inputs and effects are values."""
