"""The `rest` connector: JSON over HTTP, declared in `kehu.yaml` (paging, sign-in, incremental reading, nested rows).

Connectors of single products build on its parts and say what is particular to theirs; see `connectors.products`.
"""
