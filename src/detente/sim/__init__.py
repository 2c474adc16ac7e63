"""The simulator: production nodes under one virtual clock and one seed (docs/simulator.md)."""
