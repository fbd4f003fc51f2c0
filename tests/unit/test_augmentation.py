"""Movements of training images, held against torchvision's RandomAffine."""

import numpy as np
import pytest
import torch
from scipy import stats
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from digitbench.training.pixels import Augmentation, draw_movements, move

AUGMENTATION = Augmentation(rotation=10, shift=0.1, zoom=0.2)
COUNT = 4_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(0, 256, (40, 28, 28), generator=generator(), dtype=torch.uint8)


def test_each_image_moves_as_torchvision_moves_it_alone(images: torch.Tensor) -> None:
    movements = draw_movements(AUGMENTATION, len(images), 28, generator())
    for image, moved, (angle, right, down, scale) in zip(
        images, move(images, movements), movements.tolist(), strict=True
    ):
        expected = functional.affine(
            image[None].float(),
            angle=angle,
            translate=[right, down],
            scale=scale,
            shear=[0.0, 0.0],
            interpolation=v2.InterpolationMode.BILINEAR,
        )[0]
        torch.testing.assert_close(moved, expected, atol=0.01, rtol=0)


def test_movements_are_distributed_as_those_of_torchvision() -> None:
    torch.manual_seed(1)
    reference = v2.RandomAffine(degrees=10, translate=(0.1, 0.1), scale=(0.8, 1.2))
    blank = torch.zeros(1, 28, 28)
    drawn = [reference.make_params([blank]) for _ in range(COUNT)]
    theirs = np.array([[p["angle"], *p["translate"], p["scale"]] for p in drawn])
    ours = draw_movements(AUGMENTATION, COUNT, 28, generator()).numpy()
    for column in (0, 3):
        assert stats.ks_2samp(ours[:, column], theirs[:, column]).pvalue > 1e-3
    for column in (1, 2):  # whole pixels from -3 to 3
        values = np.arange(-3, 4)
        table = [[(of[:, column] == value).sum() for value in values] for of in (ours, theirs)]
        assert np.sum(table) == 2 * COUNT
        assert stats.chi2_contingency(table).pvalue > 1e-3
    together = np.corrcoef(ours.T) - np.eye(4)
    assert np.abs(together).max() < 5 / COUNT**0.5, "the four are drawn independently"


def test_the_same_generator_gives_the_same_movements_and_another_others() -> None:
    first, again, other = (draw_movements(AUGMENTATION, 9, 28, generator(s)) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_batch_of_any_size_moves_its_images_alike(size: int, images: torch.Tensor) -> None:
    movements = draw_movements(AUGMENTATION, len(images), 28, generator())
    parts = zip(images.split(size), movements.split(size), strict=True)
    assert torch.equal(torch.cat([move(*part) for part in parts]), move(images, movements))


def test_no_movement_leaves_the_image(images: torch.Tensor) -> None:
    still = {"rotation": 0, "shift": 0, "zoom": 0}
    assert not Augmentation(**still).moves
    assert all(Augmentation(**still | {which: 0.1}).moves for which in still)
    movements = draw_movements(Augmentation(**still), len(images), 28, generator())
    torch.testing.assert_close(move(images, movements), images.float(), atol=0.01, rtol=0)


def test_a_shift_by_hand() -> None:
    image = torch.zeros(1, 28, 28)
    image[0, 10, 12] = 200
    moved = move(image, torch.tensor([[0.0, 3.0, -2.0, 1.0]]))  # 3 right, 2 up
    expected = torch.zeros(1, 28, 28)
    expected[0, 8, 15] = 200
    torch.testing.assert_close(moved, expected, atol=1e-3, rtol=0)
