"""The reference frame: the square of a CelebA picture that the paper's crops show.

Shares are of the side of the frame, from its upper left corner; left as one looks at the picture.
"""

LEFT_EYE, RIGHT_EYE = (45.5 / 128, 59.5 / 128), (84.5 / 128, 59.5 / 128)
"""Where the eyes of CelebA's faces lie in the frame."""

Point = tuple[float, float]


def eyes_in_crop(widen: float = 1.0) -> tuple[Point, Point]:
    """Where they lie in a crop ``widen`` times as wide as the frame, about the same middle."""

    def widened(share: Point) -> Point:
        return 0.5 + (share[0] - 0.5) / widen, 0.5 + (share[1] - 0.5) / widen

    return widened(LEFT_EYE), widened(RIGHT_EYE)
