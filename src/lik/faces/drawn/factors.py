"""What varies in a drawn face: named factors, how they are sampled, and what they mean.

Every factor is sampled on its own, so that none tells anything of another.
"""

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, fields

import numpy as np

HAIR_COLOURS = ("black", "brown", "blond", "grey", "red")
BEARDS = ("none", "stubble", "goatee", "full")


@dataclass(frozen=True)
class Factors:
    """One face. Shares run from 0 to 1, signed factors from −1 to 1; flags are yes or no.

    Left and right are those of the picture.
    """

    skin: float = 0.3  # 0 pale … 1 dark
    face_width: float = 0.5  # 0 narrow … 1 wide
    jaw: float = 0.5  # 0 pointed … 1 square
    hair_colour: int = 1  # index into HAIR_COLOURS
    hair_shade: float = 0.5  # 0 darker … 1 lighter of its colour
    hair_length: float = 0.1  # 0 above the ears … 1 below the shoulders
    hair_wave: float = 0.2  # 0 straight … 1 wavy; seen in long hair
    hair_part: float = 0.3  # −1 parted on the left … 1 on the right
    hairline: float = 0.3  # 0 low … 1 high
    fringe: bool = False
    bald: bool = False
    eyes_open: float = 0.8  # 0 nearly shut … 1 wide
    eye_colour: float = 0.2  # 0 brown … 0.5 green … 1 blue
    gaze_x: float = 0.0  # −1 left … 1 right
    gaze_y: float = 0.0  # −1 up … 1 down
    brow_thickness: float = 0.5  # 0 thin … 1 thick
    brow_raise: float = 0.0  # −1 low … 1 high
    brow_arch: float = 0.4  # 0 straight … 1 arched
    nose: float = 0.5  # 0 small … 1 large
    lips: float = 0.5  # 0 thin … 1 full
    smile: float = 0.0  # −1 corners down … 1 corners up
    mouth_open: float = 0.0  # 0 closed … 1 open
    blush: float = 0.4  # 0 none … 1 rosy cheeks
    beard: int = 0  # index into BEARDS
    moustache: bool = False
    lipstick: bool = False
    glasses: bool = False
    hat: bool = False
    hat_colour: float = 0.6  # hue, 0 red … 0.5 green … 1 violet
    clothes: float = 0.6  # hue, 0 red … 0.5 green … 1 violet
    background: float = 0.6  # hue, 0 red … 0.5 green … 1 violet
    background_light: float = 0.6  # 0 dark … 1 light
    yaw: float = 0.0  # −1 turned left … 1 right
    light: float = 0.0  # −1 from the left … 1 from the right
    scale: float = 0.0  # −1 smaller … 1 larger, by 3 %
    shift: float = 0.0  # −1 left … 1 right, by half a sixty-fourth of the picture

    @property
    def hair_seen(self) -> bool:
        # A hat leaves short hair no place to be seen.
        return not self.bald and (not self.hat or self.hair_length > 0.2)

    @property
    def top_seen(self) -> bool:
        return not self.bald and not self.hat

    @property
    def long_hair(self) -> bool:
        return self.hair_seen and self.hair_length > 0.4

    def hair_of(self, colour: str) -> bool:
        return self.hair_seen and HAIR_COLOURS[self.hair_colour] == colour


FACTOR_NAMES = tuple(field.name for field in fields(Factors))


def _flag(rate: float) -> Callable[[float], bool]:
    return lambda u: u < rate


def _one_of(*rates: float) -> Callable[[float], int]:
    """Indices with these rates; what the rates leave goes to the last index."""
    ends = np.cumsum(rates)
    return lambda u: int(np.searchsorted(ends, u, side="right"))


def _signed(u: float) -> float:
    return 2 * u - 1


def _mostly_small(u: float) -> float:
    return float(_signed(u) * abs(_signed(u)) ** 0.4)


# How a number that is even on 0…1 becomes a factor; those not named here stay as they are.
_SAMPLED: dict[str, Callable[[float], float | int | bool]] = {
    "skin": lambda u: u**1.2,
    "hair_colour": _one_of(0.26, 0.30, 0.22, 0.11),
    "fringe": _flag(0.32),
    "bald": _flag(0.08),
    "hair_part": _signed,
    "eyes_open": lambda u: 0.2 + 0.8 * u**0.6,
    "gaze_x": _mostly_small,
    "gaze_y": _mostly_small,
    "brow_raise": _signed,
    # Half of all faces smile, and no mouth turns down far.
    "smile": lambda u: 1.6 * u - 0.65,
    "mouth_open": lambda u: max(0.0, 1.8 * u - 0.8),
    "beard": _one_of(0.75, 0.06, 0.07),
    "moustache": _flag(0.13),
    "lipstick": _flag(0.25),
    "glasses": _flag(0.20),
    "hat": _flag(0.10),
    "yaw": _mostly_small,
    "light": _signed,
    "scale": _signed,
    "shift": _signed,
}


def sample_factors(seed: int, index: int) -> Factors:
    """The factors of face ``index`` of the set ``seed``; the same whatever else is drawn."""
    # One number for each factor, so that none changes when another is sampled differently.
    numbers = np.random.default_rng([seed, index]).random(len(FACTOR_NAMES)).tolist()
    values = dict(zip(FACTOR_NAMES, numbers, strict=True))
    values.update({name: become(values[name]) for name, become in _SAMPLED.items()})
    return Factors(**values)


def factor_values(factors: Factors) -> dict[str, float]:
    """The true factors as numbers; flags as 0 and 1, hair colour and beard as their index."""
    return dict(zip(FACTOR_NAMES, map(float, astuple(factors)), strict=True))


def factors_of(values: Mapping[str, float]) -> Factors:
    """The face of `factor_values`, read back."""
    kinds = vars(Factors())
    return Factors(**{name: type(kind)(values[name]) for name, kind in kinds.items()})


# Attribute of CelebA → the factors that it is decided by, and whether the picture shows it.
_SHOWN: dict[str, tuple[tuple[str, ...], Callable[[Factors], bool]]] = {
    "5_o_Clock_Shadow": (("beard",), lambda f: BEARDS[f.beard] == "stubble"),
    "Arched_Eyebrows": (("brow_arch",), lambda f: f.brow_arch > 0.6),
    "Bald": (("bald",), lambda f: f.bald and not f.hat),
    "Bangs": (("fringe",), lambda f: f.fringe and f.top_seen),
    "Big_Lips": (("lips",), lambda f: f.lips > 0.7),
    "Big_Nose": (("nose",), lambda f: f.nose > 0.7),
    "Black_Hair": (("hair_colour",), lambda f: f.hair_of("black")),
    "Blond_Hair": (("hair_colour",), lambda f: f.hair_of("blond")),
    "Brown_Hair": (("hair_colour",), lambda f: f.hair_of("brown")),
    "Bushy_Eyebrows": (("brow_thickness",), lambda f: f.brow_thickness > 0.7),
    "Chubby": (("face_width", "jaw"), lambda f: f.face_width > 0.7 and f.jaw > 0.5),
    "Eyeglasses": (("glasses",), lambda f: f.glasses),
    "Goatee": (("beard",), lambda f: BEARDS[f.beard] == "goatee"),
    "Gray_Hair": (("hair_colour",), lambda f: f.hair_of("grey")),
    "Mouth_Slightly_Open": (("mouth_open",), lambda f: f.mouth_open > 0.12),
    "Mustache": (("moustache",), lambda f: f.moustache),
    "Narrow_Eyes": (("eyes_open",), lambda f: f.eyes_open < 0.5),
    "No_Beard": (("beard",), lambda f: BEARDS[f.beard] == "none"),
    "Oval_Face": (("face_width", "jaw"), lambda f: f.face_width < 0.5 and f.jaw < 0.5),
    "Pale_Skin": (("skin",), lambda f: f.skin < 0.1),
    "Receding_Hairline": (
        ("hairline",),
        lambda f: f.hairline > 0.8 and f.top_seen and not f.fringe,
    ),
    "Rosy_Cheeks": (("blush",), lambda f: f.blush > 0.75 and f.skin < 0.7),
    "Smiling": (("smile",), lambda f: f.smile > 0.15),
    "Straight_Hair": (("hair_wave",), lambda f: f.long_hair and f.hair_wave < 0.35),
    "Wavy_Hair": (("hair_wave",), lambda f: f.long_hair and f.hair_wave > 0.5),
    "Wearing_Hat": (("hat",), lambda f: f.hat),
    "Wearing_Lipstick": (("lipstick",), lambda f: f.lipstick),
}

BEHIND = {name: factors for name, (factors, _) in _SHOWN.items()}
"""Attribute → the factors that it is decided by; those that may hide it (a hat, short hair) are
not among them."""


def attributes(factors: Factors) -> dict[str, int]:
    """The attributes of CelebA that the picture shows, 1 or −1."""
    return {name: 1 if shown(factors) else -1 for name, (_, shown) in _SHOWN.items()}
