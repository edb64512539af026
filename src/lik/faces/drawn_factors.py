"""What varies in a drawn face: named factors, how they are sampled, and what they mean.

Every factor is drawn on its own, so that none tells anything of another.
"""

from dataclasses import astuple, dataclass, fields

import numpy as np

HAIR_COLOURS = ("black", "brown", "blond", "grey", "red")


@dataclass(frozen=True)
class Factors:
    """One face. Shares run from 0 to 1, signed factors from −1 to 1; flags are 0 or 1."""

    skin: float = 0.3  # 0 pale … 1 dark
    face_width: float = 0.5  # 0 narrow … 1 wide
    jaw: float = 0.5  # 0 pointed … 1 square
    hair_colour: int = 1  # index into HAIR_COLOURS
    hair_shade: float = 0.5  # 0 darker … 1 lighter of its colour
    hair_length: float = 0.4  # 0 short … 1 below the chin
    fringe: bool = False
    bald: bool = False
    eyes_open: float = 0.7  # 0 nearly shut … 1 wide
    eye_colour: float = 0.2  # 0 brown … 0.5 green … 1 blue
    gaze_x: float = 0.0  # −1 to the left of the picture … 1 to the right
    gaze_y: float = 0.0  # −1 up … 1 down
    brow_thickness: float = 0.5
    brow_raise: float = 0.0  # −1 low … 1 high
    nose: float = 0.5  # 0 small … 1 large
    smile: float = 0.0  # −1 corners down … 1 corners up
    mouth_open: float = 0.0  # 0 closed … 1 open
    beard: bool = False
    moustache: bool = False
    glasses: bool = False
    hat: bool = False
    hat_colour: float = 0.6  # hue
    lipstick: bool = False
    yaw: float = 0.0  # −1 turned to the left of the picture … 1 to the right
    light: float = 0.0  # −1 from the left … 1 from the right
    background: float = 0.6  # hue
    background_light: float = 0.6  # 0 dark … 1 light
    clothes: float = 0.6  # hue
    scale: float = 0.0  # −1 smaller … 1 larger, by 4 %
    shift: float = 0.0  # −1 to the left … 1 to the right, by a sixty-fourth of the picture


FACTOR_NAMES = tuple(field.name for field in fields(Factors))


def sample_factors(seed: int, index: int) -> Factors:
    """The factors of face ``index`` of the set ``seed``; the same whatever else is drawn."""
    random = np.random.default_rng([seed, index])
    # One number for each factor, so that a change to one factor leaves the others as they are.
    u = dict(zip(FACTOR_NAMES, random.random(len(FACTOR_NAMES)), strict=True))
    signed = {name: float(2 * value - 1) for name, value in u.items()}
    share = {name: float(value) for name, value in u.items()}
    return Factors(
        skin=share["skin"] ** 1.4,
        face_width=share["face_width"],
        jaw=share["jaw"],
        hair_colour=int(np.searchsorted([0.27, 0.57, 0.80, 0.91], u["hair_colour"], side="right")),
        hair_shade=share["hair_shade"],
        hair_length=share["hair_length"],
        fringe=bool(u["fringe"] < 0.30),
        bald=bool(u["bald"] < 0.08),
        eyes_open=0.25 + 0.75 * share["eyes_open"] ** 0.7,
        eye_colour=share["eye_colour"],
        gaze_x=signed["gaze_x"],
        gaze_y=signed["gaze_y"],
        brow_thickness=share["brow_thickness"],
        brow_raise=signed["brow_raise"],
        nose=share["nose"],
        smile=signed["smile"],
        mouth_open=max(0.0, 1.6 * share["mouth_open"] - 0.6),
        beard=bool(u["beard"] < 0.22),
        moustache=bool(u["moustache"] < 0.16),
        glasses=bool(u["glasses"] < 0.20),
        hat=bool(u["hat"] < 0.10),
        hat_colour=share["hat_colour"],
        lipstick=bool(u["lipstick"] < 0.28),
        yaw=signed["yaw"] * abs(signed["yaw"]) ** 0.3,
        light=signed["light"],
        background=share["background"],
        background_light=share["background_light"],
        clothes=share["clothes"],
        scale=signed["scale"],
        shift=signed["shift"],
    )


def factor_values(factors: Factors) -> dict[str, float]:
    """The true factors as numbers; flags as 0 and 1, the hair colour as its index."""
    return dict(zip(FACTOR_NAMES, map(float, astuple(factors)), strict=True))


def attributes(factors: Factors) -> dict[str, int]:
    """The attributes of CelebA that the drawing shows, 1 or −1."""
    hair = HAIR_COLOURS[factors.hair_colour]
    visible = not factors.bald and (not factors.hat or factors.hair_length > 0.25)
    truths = {
        "Bald": factors.bald and not factors.hat,
        "Bangs": factors.fringe and not factors.bald and not factors.hat,
        "Big_Nose": factors.nose > 0.7,
        "Black_Hair": visible and hair == "black",
        "Blond_Hair": visible and hair == "blond",
        "Brown_Hair": visible and hair == "brown",
        "Bushy_Eyebrows": factors.brow_thickness > 0.7,
        "Chubby": factors.face_width > 0.8 and factors.jaw > 0.4,
        "Eyeglasses": factors.glasses,
        "Gray_Hair": visible and hair == "grey",
        "Mouth_Slightly_Open": factors.mouth_open > 0.15,
        "Mustache": factors.moustache,
        "Narrow_Eyes": factors.eyes_open < 0.5,
        "No_Beard": not factors.beard,
        "Pale_Skin": factors.skin < 0.08,
        "Smiling": factors.smile > 0.1,
        "Wearing_Hat": factors.hat,
        "Wearing_Lipstick": factors.lipstick,
    }
    return {name: 1 if truth else -1 for name, truth in truths.items()}
