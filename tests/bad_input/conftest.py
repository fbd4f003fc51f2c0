"""How many cases there are, and the table of what became of them.

`pytest tests/bad_input --hypothesis-profile=torture` tries more than CI does, other ones each time.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

ALL_CHECKS = list(HealthCheck)
settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=500,
    suppress_health_check=ALL_CHECKS,
)
settings.register_profile(
    "torture",
    derandomize=False,
    database=None,
    deadline=None,
    max_examples=700,
    print_blob=True,
    suppress_health_check=ALL_CHECKS,
)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def tally(request: pytest.FixtureRequest) -> Iterator[Counter[tuple[str, str]]]:
    """Refused and accepted by reader."""
    found: Counter[tuple[str, str]] = Counter()
    yield found
    request.config.stash[TALLY] = found


TALLY = pytest.StashKey[Counter[tuple[str, str]]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table, where one process has seen all."""
    found = terminalreporter.config.stash.get(TALLY, Counter())
    rows = [
        (name, found[name, "refused"], found[name, "accepted"])
        for name in dict.fromkeys(name for name, _ in found)
    ]
    if rows:
        rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
        terminalreporter.write_line(f"{'bad input':30} {'cases':>7} {'refused':>7} {'accepted':>8}")
    for name, refused, accepted in rows:
        line = f"{name:30} {refused + accepted:>7,} {refused:>7,} {accepted:>8,}"
        terminalreporter.write_line(line)
