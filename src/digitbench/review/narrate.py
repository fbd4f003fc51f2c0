"""What was changed and what it costs, as tables and sentences."""

from collections.abc import Sequence

from digitbench import layout
from digitbench.reporting.document import Code, Prose, Table
from digitbench.reporting.wording import listing
from digitbench.review.changes import Changes, CostChange, StageChange, ValueChange
from digitbench.review.document import Block, Part
from digitbench.review.wording import NOTHING, name_of

# A table with more rows than this is folded; a list with more paths is cut.
LONG = 12
PATHS_SHOWN = 3


def change_parts(changes: Changes) -> list[Part]:
    """Parameters, stages (code and data), packages: a table of each that has changed."""
    found = {
        "Parameters": _values_table("parameter", changes.params),
        "Stages": _stages_table(changes.stages),
        "Packages": _values_table("package", changes.packages),
    }
    parts = [_part(heading, table) for heading, table in found.items() if table and table.rows]
    same = [heading.lower() for heading, table in found.items() if table and not table.rows]
    missing = [heading.lower() for heading, table in found.items() if table is None]
    if same:
        parts.append(Part("Not changed", [Prose(f"The same in both revisions: {_list(same)}.")]))
    if missing:
        text = f"Not recorded in both revisions: {_list(missing)}."
        parts.append(Part("Not compared", [Prose(text)]))
    return parts


def _list(headings: Sequence[str]) -> str:
    return listing([f"the {heading}" for heading in headings])


def cost_part(changes: Changes) -> Part:
    """Sizes and times, apart from quality."""
    blocks: list[Block] = []
    rows = [_cost_row(change, digits=0) for change in changes.sizes]
    if not rows:
        blocks.append(Prose("Parameters, multiply-accumulates and bytes are unchanged."))
    rows += [_cost_row(change, digits=1) for change in changes.times]
    if rows:
        header = ["architecture", "cost", "before", "after", "change"]
        blocks.append(Table("", header, rows))
    blocks.append(Prose(_hardware(changes)))
    return Part("Cost", blocks)


def _part(heading: str, table: Table) -> Part:
    if len(table.rows) <= LONG:
        return Part(heading, [table])
    return Part(heading, [table], f"{heading}: {len(table.rows)} have changed")


def _values_table(title: str, changes: Sequence[ValueChange] | None) -> Table | None:
    if changes is None:
        return None
    rows = [[Code(change.name), _code(change.before), _code(change.after)] for change in changes]
    return Table("", [title, "before", "after"], rows)


def _code(text: str | None) -> str:
    return NOTHING if text is None else Code(text)


def _stages_table(changes: Sequence[StageChange] | None) -> Table | None:
    if changes is None:
        return None
    rows = [[Code(change.stage), _changed(change)] for change in changes]
    return Table("", ["stage", "changed"], rows)


def _changed(change: StageChange) -> str:
    if change.presence:
        return f"the stage itself: {change.presence}"
    causes = [
        f"{kind}: {_some(names)}"
        for kind, names in (
            ("code", change.code),
            ("data", change.data),
            ("parameters", change.params),
        )
        if names
    ]
    if change.command:
        causes.append("command")
    # Every rerun takes other times; only other results deserve a name.
    results = [path for path in change.outputs if not path.startswith(layout.TIMING.as_posix())]
    if results:
        same = "" if causes else " (same inputs, other results)"
        causes.append(f"outputs: {_some(results)}{same}")
    elif change.outputs:
        causes.append("times")
    return "; ".join(causes)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:PATHS_SHOWN])
    more = len(names) - PATHS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _cost_row(change: CostChange, digits: int) -> list[str]:
    ratio = f"{100 * (change.after / change.before - 1):+.1f} %" if change.before else NOTHING
    return [
        name_of(change.architecture),
        change.quantity,
        f"{change.before:,.{digits}f}",
        f"{change.after:,.{digits}f}",
        ratio.replace("-", "−"),
    ]


def _hardware(changes: Changes) -> str:
    before, after = changes.hardware
    if not before or not after:
        return "Times cannot be compared: they are not recorded in both revisions."
    if before != after:
        return (
            f"Seconds cannot be compared: measured on {listing(before)} before, and on "
            f"{listing(after)} after."
        )
    if not changes.times:
        return "Training times are the same record in both revisions."
    return (
        f"Seconds were measured once per revision, on {listing(before)} both times, and get no "
        "verdict."
    )
