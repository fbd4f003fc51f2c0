from digitbench.studies.gap_wording import gap_sentence
from figure_data import gap


def test_a_gap_between_mappings_names_both_and_every_part() -> None:
    parts = {"model": 0.2, "augmentation": -0.1, "mapping": 0.3}
    assert gap_sentence(gap("stretch", "box", parts, 0.01)) == (
        "From the MLP without augmentation on stretched digits to the CNN with augmentation on "
        "digits in the 20 px box, accuracy changes by +40.00 (+39.00 to +41.00) points: "
        "architecture +20.00 (+19.00 to +21.00; 50 %), augmentation −10.00 (−11.00 to −9.00; "
        "−25 %) and alignment +30.00 (+29.00 to +31.00; 75 %)."
    )


def test_a_gap_within_a_mapping_of_one_seed_has_two_parts_and_no_interval() -> None:
    assert gap_sentence(gap("box", "box", {"model": 0.01, "augmentation": 0.07}, None)) == (
        "From the MLP without augmentation to the CNN with augmentation, both on digits in the "
        "20 px box, accuracy changes by +8.00 points: architecture +1.00 (12 %) and "
        "augmentation +7.00 (88 %)."
    )


def test_a_gap_of_nothing_has_no_shares() -> None:
    assert gap_sentence(gap("box", "box", {"model": 0.01, "augmentation": -0.01}, None)).endswith(
        "accuracy changes by +0.00 points: architecture +1.00 and augmentation −1.00."
    )
