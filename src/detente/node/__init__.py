"""A party's server: one input, one transaction, then the effects."""
