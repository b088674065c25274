"""Generated worlds: source systems with realistic, spoilt customer records, and the truth about who is who.

Used by the demo, the tests and the benchmarks; the same size and seed give the same bytes. `hard` is hard to match,
`easy` is large, `demo` tells a story. No part of the hub imports this package but the `kehu demo` command.
"""
