"""From the systems that hold customers to landed batches and the list of what changed.

Reads sources, sets bad rows aside and compares with what the hub already holds; what a value means (standardising,
matching) is not decided here.
"""
