import pytest

from digitbench.studies.phrases import gap_sentence
from figure_data import gap


def test_a_gap_between_mappings_names_both_and_every_part() -> None:
    parts = {"model": 0.2, "augmentation": 0.1, "mapping": 0.1}
    assert gap_sentence(gap("stretch", "box", parts, 0.01)) == (
        "From the MLP without augmentation on stretched digits to the CNN with augmentation on "
        "digits in the 20 px box, accuracy changes by +40.00 (+39.00 to +41.00) points: "
        "architecture +20.00 (+19.00 to +21.00; 50 %), augmentation +10.00 (+9.00 to +11.00; "
        "25 %) and alignment +10.00 (+9.00 to +11.00; 25 %)."
    )


def test_a_gap_within_a_mapping_of_one_seed_has_two_parts_and_no_interval() -> None:
    assert gap_sentence(gap("box", "box", {"model": 0.01, "augmentation": 0.07}, None)) == (
        "From the MLP without augmentation to the CNN with augmentation, both on digits in the "
        "20 px box, accuracy changes by +8.00 points: architecture +1.00 (12 %) and "
        "augmentation +7.00 (88 %)."
    )


@pytest.mark.parametrize(
    ("parts", "half_width"),
    [
        ((0.01, -0.01), None),  # no gap
        ((0.03, -0.01), None),  # parts that go different ways
        ((0.01, 0.01), 0.05),  # a gap that may be none
    ],
)
def test_shares_are_told_only_of_a_gap_that_all_parts_make_up(
    parts: tuple[float, float], half_width: float | None
) -> None:
    by_factor = dict(zip(("model", "augmentation"), parts, strict=True))
    assert "%" not in gap_sentence(gap("box", "box", by_factor, half_width))
