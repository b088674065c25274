"""A test kit that any connector can be put through, those of other packages included.

    from connectors.conformance import checks_of, run

    @pytest.mark.parametrize("check", checks_of(MySystem))
    def test_conformance(check, tmp_path):
        run(check, MySystem(tmp_path), tmp_path)

`MySystem` is a `Subject`: it fills the system that the connector reads. The kit needs no test framework: a connector
that fails a check raises AssertionError, which says what was expected.
"""

from connectors.conformance.checks import CHECKS, checks_of, run
from connectors.conformance.subject import START, Row, Subject

__all__ = ["CHECKS", "START", "Row", "Subject", "checks_of", "run"]
