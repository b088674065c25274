"""Word lists of the standardisers as text files; lines that begin with # are remarks."""
