"""What happens between the demo's company and its customers: streams, histories, planted gaps, and the days after.

Knows nothing of how the hub checks it: a gap says by itself which findings must follow from it.
"""
