"""What changed beside the line, measured from event data and from the line's own record.

The optional extra ``detente[trends]``: nothing of a node imports it, and it imports nothing of one.
"""
