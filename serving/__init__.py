"""How people and other systems use the hub: the command line, exports, evaluation.

Nothing here decides who is whom or which value wins; it starts runs and reads what was published.
"""
