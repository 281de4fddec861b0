"""Drawn pictures of squares: 7 colours times 5 counts, all of which are concepts of the shipped word list."""

from dataclasses import dataclass
from itertools import product

import numpy as np

COLOURS = {
    "red": (1.0, 0.0, 0.0),
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "green": (0.0, 0.7, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0),
    "brown": (0.55, 0.3, 0.1),
}
"""Concept to red, green and blue."""
COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5, "seven": 7}
QUESTIONS = {"colour": tuple(COLOURS), "count": tuple(COUNTS)}
"""What is asked of a picture, and the concepts that can be the answer."""
SIZE, PATCH = 16, 8  # pixels
IMAGE_TOKENS = (SIZE // PATCH) ** 2
_CELL = 4  # pixels from one square to the next
_GREY, _NOISE = 0.5, 0.03  # brightness of the ground, and the standard deviation of every pixel


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture.

    Attributes:
        colour: concept of the squares' colour.
        count: concept of their number.
        pixels: [channel, row, column] float32 in about -1 to 1.
    """

    colour: str
    count: str
    pixels: np.ndarray

    def answer(self, question: str) -> str:
        """The concept that answers `colour` or `count`."""
        return self.colour if question == "colour" else self.count


def draw(colour: str, count: str, rng: np.random.Generator) -> Picture:
    """Draw so many squares of a colour side by side, row after row, on grey ground with noise.

    The first lies in one of the four places of the top row, at random.
    """
    row = SIZE // _CELL
    first = int(rng.integers(row))
    image = np.full((SIZE, SIZE, 3), _GREY)
    for cell in range(first, first + COUNTS[count]):
        top, left = (_CELL * part for part in divmod(cell, row))
        image[top : top + _CELL - 1, left : left + _CELL - 1] = COLOURS[colour]
    image += rng.normal(0, _NOISE, image.shape)
    return Picture(colour, count, scaled(image))


def draw_all(rng: np.random.Generator, *, limit: int | None = None) -> list[Picture]:
    """A picture of each colour and count, in a random order; at most `limit` of them."""
    every = list(product(COLOURS, COUNTS))
    return [draw(*every[int(number)], rng) for number in rng.permutation(len(every))[:limit]]


def blank(picture: Picture) -> Picture:
    """Nothing but the ground, with the answers of a picture."""
    return Picture(picture.colour, picture.count, scaled(np.full((SIZE, SIZE, 3), _GREY)))


def swapped(pictures: list[Picture]) -> list[Picture]:
    """For each picture another one, of another colour and another count.

    Raises:
        StopIteration: none differs in both.
    """
    return [
        next(
            other
            for other in pictures[place + 1 :] + pictures[:place]
            if other.colour != mine.colour and other.count != mine.count
        )
        for place, mine in enumerate(pictures)
    ]


def scaled(image: np.ndarray) -> np.ndarray:
    """Brightness 0 to 1, [row, column, channel], as the vision tower reads it."""
    return (2 * image - 1).transpose(2, 0, 1).astype(np.float32)
