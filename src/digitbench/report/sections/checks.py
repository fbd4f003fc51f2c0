"""What weakens a conclusion."""

from digitbench.checks.catalogue import examine
from digitbench.document.blocks import Block, Code, Prose, Section, Table
from digitbench.results.collection import Results

POSITION = 22


def section(results: Results) -> Section:
    """The checks that fired, and how many were made."""
    found = examine([results], results.params.checks.mute)
    blocks: list[Block] = [Prose(found.summary)]
    if found.findings:
        rows = [[Code(f.check.code), f.check.title, f.text] for f in found.findings]
        blocks.append(Table("", ["code", "check", "what it saw"], rows))
    return Section("Checks of the method", blocks)
