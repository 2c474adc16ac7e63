"""Détente: a direct line between parties that do not trust one another."""

__version__ = "0.1.0"
