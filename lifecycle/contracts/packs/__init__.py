"""Contracts that come with Kehu, as YAML."""
