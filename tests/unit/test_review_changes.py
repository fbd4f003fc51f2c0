"""What was changed besides results: parameters, stages, packages, cost."""

from collections.abc import Sequence
from typing import Any

import pytest

from digitbench.document.blocks import Code, Prose, Section, Table
from digitbench.review.quality import (
    Changes,
    CostChange,
    StageChange,
    ValueChange,
    collect_changes,
)
from digitbench.review.revisions import Snapshot, Stage, flatten
from digitbench.review.tell import LONG, change_parts, cost_part
from review_data import LEVEL, record, timing
from review_data import snapshot as snapshot_of


def snapshot(**parts: Any) -> Snapshot:
    return snapshot_of(parts.pop("metrics", {"cnn": LEVEL}), **parts)


def stage(**content: Any) -> Stage:
    return Stage.model_validate(content)


def files(**md5: str) -> list[dict[str, str]]:
    return [{"path": path.replace("__", "/"), "md5": value} for path, value in md5.items()]


# --- finding ---------------------------------------------------------------------------------


def test_nested_keys_are_joined_and_lists_are_values() -> None:
    content = {"epochs": 5, "cnn": {"channels": [32, 64], "deep": {"on": True}}, "none": None}
    assert flatten(content) == {
        "epochs": "5",
        "cnn.channels": "[32, 64]",
        "cnn.deep.on": "true",
        "none": "null",
    }


def test_parameters_changed_added_and_removed() -> None:
    changes = collect_changes(
        snapshot(params={"epochs": 5, "old": "x", "cnn": {"hidden": 128, "dropout": 0.5}}),
        snapshot(params={"cnn": {"dropout": 0.5, "hidden": 256}, "epochs": 5, "new": [1]}),
    )
    assert changes.params == [
        ValueChange("cnn.hidden", "128", "256"),
        ValueChange("new", None, "[1]"),
        ValueChange("old", "x", None),
    ]


def test_stages_tell_code_from_data_parameters_and_outputs() -> None:
    def train(cmd: str, hidden: int, out: str, **deps: str) -> Stage:
        params = {"params.yaml": {"epochs": 5, "cnn": {"hidden": hidden}}}
        return stage(cmd=cmd, deps=files(**deps), params=params, outs=files(out=out))

    same = stage(cmd="a", deps=files(src__a="1"), outs=files(out="1"))
    old, new = (
        train("a", 1, "1", src__a="1", data__b="1", src__gone="1"),
        train("b", 2, "2", src__a="2", data__b="2"),
    )
    changes = collect_changes(
        snapshot(stages={"same": same, "train": old, "gone": stage()}),
        snapshot(stages={"train": new, "new": stage(), "same": same}),
    )
    code, data = ("src/a", "src/gone"), ("data/b",)
    assert changes.stages == [
        StageChange("train", "", True, code, data, params=("cnn.hidden",), outputs=("out",)),
        StageChange("new", "added"),
        StageChange("gone", "removed"),
    ]


def test_listing_folders_for_files_is_no_change_of_what_is_in_them() -> None:
    """What both sides list by the same path decides, such as a folder of models."""
    one_by_one = files(src__a__x="1", src__a__y="2", src__b="3", data__in="4")
    models = files(models__cnn="5")
    folders = files(src__a="6.dir", src__b="3", data="7.dir")
    before = stage(deps=one_by_one, outs=[*models, *files(data__out__x="8", old="9")])
    after = stage(deps=folders, outs=[*models, *files(data__out="10.dir", new="11")])
    for sides in ((before, after), (after, before)):
        old, new = (snapshot(stages={"train": side}) for side in sides)
        (change,) = collect_changes(old, new).stages or ()
        assert (change.code, change.data) == ((), ())
        assert set(change.outputs) == {"old", "new"}, "these are on one side alone"
        assert change.regrouped
    other = stage(deps=folders, outs=files(models__cnn="12", data__out="10.dir", new="11"))
    changes = collect_changes(snapshot(stages={"t": after}), snapshot(stages={"t": other}))
    assert changes.stages == [StageChange("t", outputs=("models/cnn",))]


def test_cost_that_differs_is_listed_and_the_rest_is_not() -> None:
    larger = record(LEVEL, parameters=1500)
    changes = collect_changes(
        snapshot(timing={"cnn": timing(2.0)}),
        snapshot(timing={"cnn": timing(3.0)}, metrics={"cnn": larger}),
    )
    assert changes.sizes == [CostChange("cnn", "parameters", 1000, 1500)]
    assert changes.times == [
        CostChange("cnn", "seconds per epoch", 2.0, 3.0),
        CostChange("cnn", "seconds of the stage", 20.0, 30.0),
    ]


def test_missing_files_are_not_compared() -> None:
    changes = collect_changes(snapshot(params={}, packages={}), snapshot())
    assert changes.params is changes.stages is changes.packages is None


# --- telling ---------------------------------------------------------------------------------

NOTHING = Changes(params=[], stages=[], packages=[], sizes=[], times=[], hardware=(("x",), ("x",)))


def told(**parts: Any) -> dict[str, Section]:
    changes = Changes(**{**vars(NOTHING), **parts})
    return {part.heading: part for part in [*change_parts(changes), cost_part(changes)]}


def rows(part: Section) -> Sequence[Sequence[str]]:
    table = part.blocks[0]
    assert isinstance(table, Table)
    return table.rows


def prose(part: Section) -> str:
    return " ".join(block.text for block in part.blocks if isinstance(block, Prose))


def test_unchanged_and_unknown_are_sentences() -> None:
    same, unknown = "The same in both revisions: the ", "Not recorded in both revisions: the "
    assert prose(told()["Not changed"]) == f"{same}parameters, the stages and the packages."
    parts = told(stages=None, params=None)
    assert prose(parts["Not compared"]) == f"{unknown}parameters and the stages."
    assert prose(parts["Not changed"]) == f"{same}packages."


def test_values_are_shown_as_code_and_absence_as_a_dash() -> None:
    (cells,) = rows(told(params=[ValueChange("a.b", None, "5")])["Parameters"])
    assert cells == ["a.b", "—", "5"]
    assert [isinstance(cell, Code) for cell in cells] == [True, False, True]


def test_long_tables_are_folded_behind_a_count() -> None:
    for count, folded in ((LONG, False), (LONG + 1, True)):
        changes = [ValueChange(f"p{index}", "1", "2") for index in range(count)]
        part = told(packages=changes)["Packages"]
        assert bool(part.summary) == folded
        assert not folded or f"{count} have changed" in part.summary


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (StageChange("s", "added"), "the stage itself: added"),
        (StageChange("s", code=tuple("abcde")), "code: a, b, c and 2 more"),
        (StageChange("s", data=("d",), outputs=("o",)), "data: d; outputs: o"),
        (StageChange("s", outputs=("o",)), "outputs: o (same inputs, other results)"),
        (StageChange("s", outputs=("metrics/timing/cnn.json",)), "times"),
        (
            StageChange("s", outputs=("o",), regrouped=True),
            "files listed as folders or folders as files; outputs: o",
        ),
        (StageChange("s", command=True, params=("p",)), "parameters: p; command"),
    ],
)
def test_cause_and_effect_of_a_stage(change: StageChange, expected: str) -> None:
    assert rows(told(stages=[change])["Stages"]) == [["s", expected]]


def test_seconds_on_other_hardware_are_not_compared() -> None:
    times = [CostChange("cnn", "seconds per epoch", 2.0, 1.0)]
    same = prose(told(times=times)["Cost"])
    other = prose(told(times=times, hardware=(("x",), ("y", "z")))["Cost"])
    assert "on x both times" in same
    assert other.endswith("Seconds cannot be compared: measured on x before, and on y and z after.")


def test_cost_is_told_in_its_unit_with_the_change() -> None:
    sizes = [CostChange("cnn", "parameters", 421_642, 500_000), CostChange("mlp", "bytes", 0, 4)]
    assert rows(told(sizes=sizes)["Cost"]) == [
        ["CNN", "parameters", "421,642", "500,000", "+18.6 %"],
        ["MLP", "bytes", "0", "4", "—"],
    ]
