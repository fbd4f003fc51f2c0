"""The schema of params.yaml: what it accepts, and what it says about what it doesn't."""

import copy
import difflib
import re
from collections.abc import Callable
from functools import reduce
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import parse_yaml
from pydantic import ValidationError

from digitbench.errors import DigitbenchError
from digitbench.models import mlp
from digitbench.params import ARCHITECTURES, Params, load_params, refuse_unknown_params
from digitbench.schema import Section

COMMITTED = Path(__file__).resolve().parents[2] / "params.yaml"
TEXT = COMMITTED.read_text(encoding="utf-8")
CONTENT: dict[str, Any] = yaml.safe_load(TEXT)
GONE = object()

WHOLE = "a whole number from"
SEED = "a whole number from 0 to 4,294,967,295"
PROBABILITY = "a probability from 0 to below 1"
# Key, what the message calls allowed, smallest and largest accepted, and the nearest refused.
LIMITS: list[tuple[str, str, Any, Any, Any, Any]] = [
    ("epochs", f"{WHOLE} 1 to 1,000", 1, 1_000, 0, 1_001),
    ("margin", "points of accuracy above 0, at most 100", 1e-6, 100, 0, 100.1),
    ("batch_size", f"{WHOLE} 1 to 60,000", 1, 60_000, 0, 60_001),
    ("learning_rate", "a number above 0 and at most 1", 1e-12, 1, 0, 1.001),
    ("adam_epsilon", "a number above 0 and at most 1", 1e-12, 1, 0, 1.001),
    ("patience", f"{WHOLE} 0 to 1,000", 0, 1_000, -1, 1_001),
    ("augmentation.rotation", "degrees from 0 to 180", 0, 180, -0.1, 180.1),
    ("augmentation.shift", "a share of the side from 0 to below 1", 0, 0.999, -0.001, 1),
    ("augmentation.zoom", "a share from 0 to below 1", 0, 0.999, -0.001, 1),
    ("validation_share", "a share from 0.01 to 0.9", 0.01, 0.9, 0.0099, 0.91),
    ("mlp.hidden", "a list of 1 to 16 widths", [1], [65_536] * 16, [], [8] * 17),
    ("mlp.dropout_hidden", PROBABILITY, 0, 0.999, -0.001, 1),
    ("mlp.dropout", PROBABILITY, 0, 0.999, -0.001, 1),
    ("cnn.channels", "a list of 1 to 4 widths", [1], [65_536] * 4, [], [8] * 5),
    ("cnn.hidden", f"{WHOLE} 1 to 65,536", 1, 65_536, 0, 65_537),
    ("cnn.dropout_maps", PROBABILITY, 0, 0.999, -0.001, 1),
    ("cnn.dropout", PROBABILITY, 0, 0.999, -0.001, 1),
    ("download.timeout_seconds", "above 0 and at most 600", 0.001, 600, 0, 600.1),
    ("preprocess.split_seed", SEED, 0, 2**32 - 1, -1, 2**32),
    ("preprocess.samples_per_class", f"{WHOLE} 1 to 50", 1, 50, 0, 51),
    ("evaluate.batch_size", f"{WHOLE} 1 to 10,000", 1, 10_000, 0, 10_001),
    ("evaluate.confused_pairs", f"{WHOLE} 1 to 90", 1, 90, 0, 91),
    ("evaluate.robustness_images", f"{WHOLE} 100 to 10,000", 100, 10_000, 99, 10_001),
    ("report.title", "a text of 1 to 200 characters", "x", "x" * 200, "", "x" * 201),
    ("seeds", "a list of 1 to 1,000 different", [2**32 - 1], list(range(1000)), [], [*range(1001)]),
]

Load = Callable[[str], Params]
Refuse = Callable[[str], str]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    # Not params.yaml: a message has to name the file that was read, not the usual one.
    return tmp_path / "other.yaml"


@pytest.fixture
def load(path: Path) -> Load:
    def load_text(text: str) -> Params:
        path.write_text(text, encoding="utf-8")
        return load_params(path)

    return load_text


@pytest.fixture
def refuse(load: Load, path: Path) -> Refuse:
    """Load a text that must be refused; gives the message, every line of which names the file."""

    def refuse_text(text: str) -> str:
        with pytest.raises(DigitbenchError) as caught:
            load(text)
        message = str(caught.value)
        assert all(line.startswith(str(path)) for line in message.splitlines())
        return message

    return refuse_text


def changed(key: str, value: object) -> str:
    """The committed parameters with one dotted key set, or taken out."""
    content = copy.deepcopy(CONTENT)
    *sections, last = key.split(".")
    place = content
    for section in sections:
        place = place[section]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return yaml.safe_dump(content, sort_keys=False)


def value_of(params: Params, key: str) -> object:
    value: object = params
    for part in key.split("."):
        value = getattr(value, part)
    return value


def leaves(node: yaml.Node | None, prefix: str = "") -> list[tuple[str, yaml.Node]]:
    """Dotted key and key node of everything that has a value of its own."""
    assert isinstance(node, yaml.MappingNode)
    found = []
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if isinstance(value, yaml.MappingNode):
            found += leaves(value, f"{name}.")
        else:
            found.append((name, key))
    return found


def all_sections(base: type[Section] = Section) -> set[type[Section]]:
    direct = set(base.__subclasses__())
    return direct.union(*(all_sections(section) for section in direct))


# --- the committed file ----------------------------------------------------------------------


def test_committed_file_gives_the_values_it_shows() -> None:
    params = load_params(COMMITTED)
    assert params.model_dump(mode="json") == CONTENT


def test_every_committed_key_has_a_comment_above_it_or_at_the_end_of_its_line() -> None:
    lines = TEXT.splitlines()
    found = leaves(yaml.compose(TEXT, Loader=yaml.SafeLoader))
    assert {name for name, _ in found} >= {key for key, *_ in LIMITS}
    bare = [
        name
        for name, key in found
        if not re.match(
            rf" {{{key.start_mark.column}}}# (?!-)\S", lines[max(key.start_mark.line - 1, 0)]
        )
        and not re.search(r"  # \S", lines[key.start_mark.line])
    ]
    assert bare == []


@pytest.mark.parametrize("name", [name for name, _ in leaves(yaml.compose(TEXT, yaml.SafeLoader))])
def test_an_override_by_dvc_changes_its_own_lines_alone(name: str, tmp_path: Path) -> None:
    """`dvc exp run -S` writes the file anew; comments, blank lines and order must survive that."""
    value = reduce(lambda part, key: part[key], name.split("."), CONTENT)
    file = tmp_path / "params.yaml"
    file.write_text(TEXT, encoding="utf-8")
    other = [7] if isinstance(value, list) else 7
    for _ in range(3):
        apply_overrides(file, [f"{name}={other}"])
    changed = [
        line
        for line in difflib.ndiff(TEXT.splitlines(), file.read_text(encoding="utf-8").splitlines())
        if line[0] in "+-"
    ]
    own = rf"[+-] +(- .*|{name.rpartition('.')[2]}:.*)|[+-] (- .*|{name}:.*)"
    assert changed
    assert not [line for line in changed if not re.fullmatch(own, line)]


def test_limits_above_are_those_of_every_shared_key() -> None:
    choices = {"precision", "device", "arithmetic", "initialisation"}
    choices |= {"evaluate.domains", "checks.mute"}
    keys = {name for name, _ in leaves(yaml.compose(TEXT, Loader=yaml.SafeLoader))}
    shared = {key for key in keys if key.split(".")[0] not in ARCHITECTURES}
    assert shared - choices <= {key for key, *_ in LIMITS} <= keys


def test_every_key_of_the_schema_has_a_description() -> None:
    sections = all_sections()
    assert {Params, mlp.Params} <= sections
    bare = [
        f"{section.__name__}.{name}"
        for section in sections
        for name, field in section.model_fields.items()
        if not (field.description or "").strip()
    ]
    assert bare == []


def test_parameters_cannot_be_changed_after_reading() -> None:
    params = load_params(COMMITTED)
    with pytest.raises(ValidationError, match="frozen"):
        params.epochs = 2
    with pytest.raises(ValidationError, match="frozen"):
        params.mlp.dropout = 0.0


# --- values ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, value) for key, _, low, high, _, _ in LIMITS for value in (low, high)),
        *(("precision", choice) for choice in ("float32", "bfloat16")),
        *(("device", choice) for choice in ("auto", "cpu", "cuda")),
        *(("arithmetic", choice) for choice in ("native", "portable")),
        *(("evaluate.domains", names) for names in (["usps"], ["usps", "optical"])),
        ("report.title", "Größe – Ziffern"),
    ],
)
def test_both_ends_of_a_range_and_every_choice_are_accepted(
    key: str, value: object, load: Load
) -> None:
    expected = tuple(value) if isinstance(value, list) else value
    assert value_of(load(changed(key, value)), key) == expected


@pytest.mark.parametrize(
    ("key", "allowed", "value"),
    [(key, text, value) for key, text, _, _, low, high in LIMITS for value in (low, high)],
)
def test_just_outside_a_range_is_refused_by_name(
    key: str, allowed: str, value: object, refuse: Refuse
) -> None:
    message = refuse(changed(key, value))
    # Of a long list the beginning is enough.
    assert f" {key}: {value!r}"[:100] in message
    assert f" is not allowed; {key} must be " in message
    assert len(message) < 500
    assert allowed in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("value", ["abc", True, -1, float("nan"), 10**12, None, {"a": 1}])
@pytest.mark.parametrize(
    "key",
    [
        f"{name}.{key}"
        for name in ARCHITECTURES
        for key, value in CONTENT[name].items()
        if not isinstance(value, str)
    ],
)
def test_every_number_of_every_architecture_is_checked(
    key: str, value: object, refuse: Refuse
) -> None:
    assert f": {key}: {value!r} is not allowed; {key} must be a" in refuse(changed(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", "abc"),
        ("epochs", 5.5),
        ("epochs", None),
        ("epochs", [1]),
        ("epochs", {"a": 1}),
        ("learning_rate", "fast"),
        ("mlp.hidden", 128),
        ("mlp.hidden", "128"),
        ("seeds", 3),
        ("seeds", None),
        ("mlp", 5),
        ("mlp", None),
        ("download", [1]),
        ("report.title", 5),
        ("report.title", None),
        ("precision", "float16"),
        ("precision", "Float32"),
        ("precision", 32),
        ("device", "tpu"),
        ("arithmetic", "equal"),
        ("device", "cuda:1"),
        ("device", None),
        *((key, value) for key in ("epochs", "learning_rate") for value in (True, False)),
        *(("evaluate.domains", names) for names in ([], ["usps", "usps"], "usps", None)),
        ("evaluate.domains", ["optical", "usps", "optical"]),
    ],
)
def test_wrong_type_or_choice_is_refused_by_name(key: str, value: object, refuse: Refuse) -> None:
    *sections, name = key.split(".")
    owner = getattr(load_params(COMMITTED), sections[0]) if sections else load_params(COMMITTED)
    description = type(owner).model_fields[name].description
    assert refuse(changed(key, value)).endswith(
        f": {key}: {value!r} is not allowed; {key} must be {description}."
    )


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("learning_rate", "1e-3", 0.001),  # PyYAML takes this for text
        ("learning_rate", "'0.5'", 0.5),
        ("epochs", "1e1", 10),
        ("epochs", "10.0", 10),  # what DVC makes of -S epochs=1e1
        ("epochs", "'7'", 7),
        # YAML 1.2, not 1.1, in which 010 is 8.
        *(("epochs", *item) for item in (("010", 10), ("0o10", 8), ("0x10", 16), ("1_0", 10))),
    ],
)
def test_number_written_otherwise_is_the_number_that_dvc_writes_to_its_lock(
    key: str, text: str, expected: float, path: Path, load: Load
) -> None:
    value = value_of(load(changed(key, "PLACE").replace("PLACE", text)), key)
    assert value == float(parse_yaml(path.read_text(), path)[key]) == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        *(("epochs", text) for text in ("'5.5'", "1e-1", "'-1'", "''", "'0x10'")),
        *product(
            ("epochs", "learning_rate", "mlp.dropout", "validation_share"),
            (".nan", ".inf", "-.inf", "nan", "inf", "1e999", "'1e400'"),
        ),
    ],
)
def test_text_that_is_no_finite_or_whole_number_is_refused(
    key: str, text: str, refuse: Refuse
) -> None:
    message = refuse(changed(key, "PLACE").replace("PLACE", text))
    assert re.search(
        rf": {re.escape(key)}: \S+ is not allowed; {re.escape(key)} must be a", message
    )


@pytest.mark.parametrize(
    ("key", "values", "place", "bad"),
    [
        ("mlp.hidden", [256, 0], 1, "0"),
        ("mlp.hidden", [256, 128, "wide"], 2, "'wide'"),
        ("mlp.hidden", [True, 128], 0, "True"),
        ("cnn.channels", [32, 64.5], 1, "64.5"),
        ("evaluate.domains", ["optical", "emnist"], 1, "'emnist'"),
        ("checks.mute", ["DB005", "DB5"], 1, "'DB5'"),
        ("seeds", [0, 1, -1], 2, "-1"),
        ("seeds", [0, 2**32], 1, "4294967296"),
    ],
)
def test_bad_element_of_a_list_is_named_with_its_place(
    key: str, values: list[object], place: int, bad: str, refuse: Refuse
) -> None:
    message = refuse(changed(key, values))
    element = rf"{re.escape(key)}(\.{place}|\[{place}\])"
    assert re.search(
        rf": {element}: {re.escape(bad)} is not allowed; {re.escape(key)} must be a list of",
        message,
    )


@pytest.mark.parametrize("seeds", [[0, 7, 1, 7], [7, 7.0], ["7", 7]])
def test_repeated_seed_is_named(seeds: list[object], refuse: Refuse) -> None:
    message = refuse(changed("seeds", seeds))
    assert ": seeds: " in message
    assert re.search(r"\b7\b", message.split(": seeds: ")[1])


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("epoch", "epochs"),
        ("learning_rat", "learning_rate"),
        ("Batch_size", "batch_size"),
        ("mlp.hiden", "hidden"),
        ("cnn.dropout_map", "dropout_maps"),
        ("evaluate.confusedpairs", "confused_pairs"),
    ],
)
def test_misspelt_key_gets_the_nearest_name(key: str, meant: str, refuse: Refuse) -> None:
    assert f": {key}: unknown key; did you mean {meant!r}?" in refuse(changed(key, 1))


@pytest.mark.parametrize(
    ("key", "section"),
    [
        ("zzz", type(load_params(COMMITTED))),
        ("mlp.qqq", mlp.Params),
        ("download.seeds", Params.model_fields["download"].annotation),
    ],
)
def test_unknown_key_near_nothing_gets_the_names_of_its_section(
    key: str, section: type[Section], refuse: Refuse
) -> None:
    known = ", ".join(section.model_fields)
    assert refuse(changed(key, 1)).endswith(f": {key}: unknown key; known here are {known}.")


def test_only_unknown_keys_are_refused_where_a_file_may_lack_some() -> None:
    path = Path("params.yaml of last year")
    refuse_unknown_params({"epochs": "many", "cnn": {"size": 1}, "report": {}}, path)
    with pytest.raises(DigitbenchError) as refused:
        refuse_unknown_params({"epoch": 1, "report": {"titel": ""}, "seeds": 0}, path)
    assert str(refused.value).splitlines() == [
        f"{path}: report.titel: unknown key; did you mean 'title'?",
        f"{path}: epoch: unknown key; did you mean 'epochs'?",
    ]


@pytest.mark.parametrize(
    ("key", "shown"), [("1", "1"), ("true", "True"), ("~", "None"), ("2.5", "2.5")]
)
def test_key_that_is_no_text_is_called_a_key(key: str, shown: str, refuse: Refuse) -> None:
    message = refuse(f"{TEXT}\n{key}: 77\n")
    assert re.search(rf"\b{shown}\b.*\bkey\b|\bkey {shown}\b", message)
    assert "must be ." not in message


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("epochs", "a whole number from 1 to 1,000"),
        ("seeds", "a list of 1 to 1,000 different whole numbers from 0 to 4,294,967,295"),
        ("mlp", "a section with the keys of the MLP"),
        ("cnn.dropout", PROBABILITY),
        ("report.title", "a text of 1 to 200 characters, on one line"),
    ],
)
def test_missing_key_is_named_with_what_it_must_be(key: str, allowed: str, refuse: Refuse) -> None:
    assert refuse(changed(key, GONE)).endswith(f": {key}: missing; it must be {allowed}.")


def test_all_errors_are_told_at_once(refuse: Refuse) -> None:
    content = {**CONTENT, "epochs": "abc", "epoch": 3, "mlp": {**CONTENT["mlp"], "hidden": [8, 0]}}
    del content["device"]
    lines = refuse(yaml.safe_dump(content)).splitlines()
    assert len(lines) == 4
    for start in ("epochs: 'abc'", "epoch: unknown", "mlp.hidden", "device: missing"):
        assert sum(f": {start}" in line for line in lines) == 1


# --- the file itself -------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["epochs", "dropout_maps", "title"])
def test_key_given_twice_is_named_with_its_line(key: str, refuse: Refuse) -> None:
    text, changes = re.subn(rf"(?m)^( *){key}: .*\n", rf"\g<0>\1{key}: 3\n", TEXT)
    assert changes == 1
    line = text[: text.index(f"{key}: 3\n")].count("\n") + 1
    assert re.search(rf", line {line}: .*\bkey {key!r} stands twice", refuse(text))


def test_same_key_in_two_sections_is_no_repetition(load: Load) -> None:
    params = load(changed("evaluate.batch_size", 7))
    assert (params.batch_size, params.evaluate.batch_size) == (CONTENT["batch_size"], 7)


@pytest.mark.parametrize("broken", ["\tepochs: 1", "epochs: 1: 2", "epochs: !odd 1", 'e: "a'])
def test_broken_yaml_is_named_with_its_line(broken: str, refuse: Refuse) -> None:
    before, after = re.split(r"(?m)^epochs: .*\n", TEXT)
    message = refuse(f"{before}{broken}\n{after}")
    found = re.search(r", line (\d+): this is not YAML \(.+\)\.$", message)
    assert found
    line = before.count("\n") + 1
    # A quote that is never closed is noticed only where the file ends, or where it goes astray.
    assert int(found[1]) == line or (broken.startswith('e: "') and int(found[1]) > line)


@pytest.mark.parametrize(
    "broken",
    [
        "epochs: {{ epochs }}",  # a template not filled in: YAML for a mapping used as a key
        "epochs: 2020-13-45",  # YAML tries to make a date of it
        "epochs: \x01",
    ],
)
def test_yaml_that_makes_no_value_is_refused_in_a_sentence(broken: str, refuse: Refuse) -> None:
    before, after = re.split(r"(?m)^epochs: .*\n", TEXT)
    assert len(refuse(f"{before}{broken}\n{after}").splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "found"), [("", "None"), ("# nothing\n", "None"), ("- 1\n- 2\n", "[1, 2]"), ("5", "5")]
)
def test_file_without_keys_is_refused(text: str, found: str, refuse: Refuse) -> None:
    assert refuse(text).endswith(f": expected keys with values, found {found}.")


def test_file_in_another_encoding_is_refused_in_a_sentence(path: Path) -> None:
    path.write_bytes(changed("report.title", "PLACE").replace("PLACE", "Größe").encode("latin-1"))
    with pytest.raises(DigitbenchError, match=re.escape(str(path))):
        load_params(path)


def test_missing_file_is_named_with_what_to_do(path: Path) -> None:
    with pytest.raises(DigitbenchError) as caught:
        load_params(path)
    assert str(caught.value).startswith(f"{path}: cannot be read (No such file")
    assert "Run from the project's root folder." in str(caught.value)


def test_words_that_an_older_yaml_took_for_truth_are_words(load: Load) -> None:
    assert load(changed("report.title", "PLACE").replace("PLACE", "on")).report.title == "on"


# --- architectures ---------------------------------------------------------------------------


def test_architectures_are_the_modules_of_models_in_the_order_of_the_comparison() -> None:
    params = load_params(COMMITTED)
    assert ARCHITECTURES[:4] == ("mlp", "cnn", "rnn", "lstm")
    for name in ARCHITECTURES:
        assert isinstance(params.network(name), Section)
        assert params.network(name) is getattr(params, name)


@pytest.mark.parametrize("name", ["nope", "MLP", "", "download", "epochs", "__class__"])
def test_unknown_architecture_is_named_with_the_known_ones(name: str) -> None:
    with pytest.raises(DigitbenchError) as caught:
        load_params(COMMITTED).network(name)
    known = ", ".join(ARCHITECTURES)
    assert str(caught.value) == f"{name!r} is not an architecture; known are {known}."


def test_a_network_in_the_making_stops_nobody_who_does_not_read_it(path: Path) -> None:
    path.write_text(changed("cnn", {"hiden": 0}), encoding="utf-8")
    assert load_params(path, networks=["mlp"]).network("mlp") == load_params(COMMITTED).mlp
    assert load_params(path, networks=()).epochs == CONTENT["epochs"]
    with pytest.raises(DigitbenchError, match=r"cnn\.hiden: unknown key"):
        load_params(path, networks=["cnn"])
    path.write_text(changed("cnn", GONE), encoding="utf-8")
    with pytest.raises(DigitbenchError, match="cnn: missing"):
        load_params(path, networks=())
