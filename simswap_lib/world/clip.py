"""Clip: a shot that moves. The head turns, the mouth speaks, eyes blink and wander, the light changes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import cos, pi, radians, sin

import numpy as np

from simswap_lib.world import camera
from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import Rendering, crop
from simswap_lib.world.shots import Shot

LONGEST = 600.0  # seconds
LIMITS = (36.0, 20.0, 18.0)  # degrees of yaw, pitch and roll that the head never passes, as in `Shot.sample`
GAZE_LIMITS = (22.0, 12.0)  # degrees right and up
CLOSING, SHUT, OPENING = 0.08, 0.03, 0.17  # seconds of a blink: lids fall fast and rise slowly
SACCADE = 0.04  # seconds in which the eyes jump, and 0.002 more a degree
FOLLOWING = 0.8  # how much of a turn of the head the eyes take back, to stay on what they look at
RATES = (1, 240)  # frames a second

Waves = tuple[tuple[float, float, float], ...]  # amplitude, cycles a second, phase in radians


@dataclass(frozen=True)
class Syllable:
    """One opening of the mouth: jaw and lips go there and back in half a cosine."""

    start: float  # seconds
    length: float  # seconds
    jaw: float  # how far it opens, 0 to 1
    lips: float  # -1: spread as in "ee", 1: rounded as in "oo"


@dataclass(frozen=True)
class Clip:
    """A film of a shot without its person. Every moment of it is known exactly, so any frame rate shows the same film.

    Hair, clothes, glasses, what is in the way and the background are those of `base` and stay. So does the camera: the
    framing is that of `base` for the whole film, and heads move in it. The true swap of another person into the film
    is the same clip with another identity.

    Raises: ValueError for a length outside 0 to 600 seconds.
    """

    base: Shot
    seconds: float
    turns: tuple[Waves, Waves, Waves]  # degrees of yaw, pitch and roll that are added to the base's
    syllables: tuple[Syllable, ...]
    blinks: tuple[float, ...]  # seconds at which the lids begin to fall
    looks: tuple[tuple[float, float, float], ...]  # second at which the eyes jump; degrees right and up, at rest
    light_turn: Waves  # degrees by which the main light goes round
    light_strength: Waves  # of 1
    light_warmth: Waves  # of 1: more red, less blue

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= LONGEST:
            raise ValueError(f"A clip lasts more than 0 and up to {LONGEST:.0f} seconds, asked for {self.seconds!r}.")

    @classmethod
    def sample(cls, seed: int, seconds: float = 4) -> "Clip":
        """The film with this number, always the same; a longer one begins as a shorter one does.

        Speech: 3 to 6 syllables a second in phrases with pauses. Blinks: 12 to 30 a minute, the first within 2.4
        seconds. Eyes rest a second or so and jump. Seeds from 900,000 on give shots that are never trained on.

        Raises: ValueError for a length outside 0 to 600 seconds or a seed below 0.
        """
        if not 0 < seconds <= LONGEST:
            raise ValueError(f"A clip lasts more than 0 and up to {LONGEST:.0f} seconds, asked for {seconds!r}.")
        if seed < 0:
            raise ValueError(f"A clip's seed is 0 or more, got {seed}.")
        rng, *others = (np.random.default_rng([seed, 7, part]) for part in range(4))
        base = _resting(rng, HELD_OUT if seed >= HELD_OUT else 0)
        rest = (base.yaw, base.pitch, base.roll)
        turns = tuple(
            _waves(rng, min(rng.uniform(*swing), limit - abs(angle)), slowest=0.12, fastest=0.55)
            for swing, limit, angle in zip(((6, 22), (2, 9), (2, 7)), LIMITS, rest, strict=True)
        )
        return cls(
            base=base,
            seconds=float(seconds),
            turns=turns,
            syllables=_speech(others[0], seconds),
            blinks=_blinks(others[1], seconds),
            looks=_looks(others[2], base, seconds),
            light_turn=_waves(rng, rng.uniform(5, 30), slowest=0.05, fastest=0.25),
            light_strength=_waves(rng, rng.uniform(0.02, 0.2), slowest=0.05, fastest=0.4),
            light_warmth=_waves(rng, rng.uniform(0.0, 0.10), slowest=0.05, fastest=0.2),
        )

    def shot(self, t: float) -> Shot:
        """The shot at second `t`, exactly. Its `frame` counts microseconds, so that no two frames share their noise.

        Raises: ValueError for a time outside the clip.
        """
        if not 0 <= t <= self.seconds:
            raise ValueError(f"This clip lasts {self.seconds:g} seconds; there is nothing at second {t!r}.")
        base = self.base
        yaw, pitch, roll = (_sum(waves, t) for waves in self.turns)
        right, up = self._look(t)
        gaze = (
            float(np.clip(right - FOLLOWING * yaw, -GAZE_LIMITS[0], GAZE_LIMITS[0])),
            float(np.clip(up - FOLLOWING * pitch, -GAZE_LIMITS[1], GAZE_LIMITS[1])),
        )
        turn = radians(_sum(self.light_turn, t))
        x, y, z = base.light
        strength, warmth = 1 + _sum(self.light_strength, t), _sum(self.light_warmth, t)
        red, green, blue = base.light_colour
        return replace(
            base,
            yaw=base.yaw + yaw,
            pitch=base.pitch + pitch,
            roll=base.roll + roll,
            expression=self._expression(t),
            gaze=gaze,
            light=(x * cos(turn) + z * sin(turn), y, z * cos(turn) - x * sin(turn)),
            light_colour=(red * strength * (1 + warmth), green * strength, blue * strength * (1 - warmth)),
            frame=round(t * 1_000_000),
        )

    def frame(self, identity: Identity, t: float, size: int = 128, extras: bool = False) -> Rendering:
        """The picture of `identity` at second `t`, in the clip's own framing; size and extras as in `render`.

        The same arguments give the same bytes. Raises: ValueError for a time outside the clip, or for a size outside
        32 to 512.
        """
        return crop(identity, self.shot(t), camera.framing(self.base), size, extras)

    def frames(self, identity: Identity, rate: int = 25, size: int = 128, extras: bool = False) -> Iterator[Rendering]:
        """All frames in turn, frame k at second k / rate, each made when it is asked for; nothing is kept.

        rate: frames a second, 1 to 240. Raises: ValueError for another rate or size.
        """
        if not isinstance(rate, (int, np.integer)) or not RATES[0] <= rate <= RATES[1]:
            raise ValueError(f"A clip has {RATES[0]} to {RATES[1]} frames a second, asked for {rate!r}.")
        count = max(1, round(self.seconds * rate))
        return (self.frame(identity, min(k / rate, self.seconds), size, extras) for k in range(count))

    def _expression(self, t: float) -> tuple[tuple[str, float], ...]:
        """The base's actions, with speech on top; while the lids are down, nothing holds them up."""
        actions = dict(self.base.expression)
        for s in self.syllables:
            if s.start < t < s.start + s.length:
                open_ = 0.5 - 0.5 * cos(2 * pi * (t - s.start) / s.length)
                spread, rounded = open_ * max(-s.lips, 0.0), open_ * max(s.lips, 0.0)
                more = {
                    "jawOpen": s.jaw * open_,
                    "mouthFunnel": 0.55 * rounded,
                    "mouthPucker": 0.35 * rounded,
                    "mouthLowerDownLeft": 0.3 * spread,
                    "mouthLowerDownRight": 0.3 * spread,
                    "mouthStretchLeft": 0.45 * spread,
                    "mouthStretchRight": 0.45 * spread,
                }
                for name, strength in more.items():
                    actions[name] = min(actions.get(name, 0.0) + strength, 1.0)
        shut = max((_lid(t - start) for start in self.blinks), default=0.0)
        for side in ("Left", "Right"):
            for name in ("eyeWide", "eyeSquint"):
                if name + side in actions:
                    actions[name + side] *= 1 - shut
            actions["eyeBlink" + side] = max(actions.get("eyeBlink" + side, 0.0), shut)
        return tuple(sorted(actions.items()))

    def _look(self, t: float) -> tuple[float, float]:
        """Where the eyes are on their way from one thing to the next, degrees right and up."""
        right, up = self.base.gaze
        for start, to_right, to_up in self.looks:
            if t < start:
                break
            length = SACCADE + 0.002 * float(np.hypot(to_right - right, to_up - up))
            way = min((t - start) / length, 1.0)
            way = way * way * (3 - 2 * way)
            right, up = right + way * (to_right - right), up + way * (to_up - up)
        return right, up


def _sum(waves: Waves, t: float) -> float:
    return sum(amplitude * sin(2 * pi * frequency * t + phase) for amplitude, frequency, phase in waves)


def _lid(since: float) -> float:
    """How far a lid is down, 0 to 1, so many seconds after a blink began."""
    if since <= 0 or since >= CLOSING + SHUT + OPENING:
        return 0.0
    if since < CLOSING:
        return 0.5 - 0.5 * cos(pi * since / CLOSING)
    return 0.5 + 0.5 * cos(pi * max(since - CLOSING - SHUT, 0.0) / OPENING)


def _resting(rng: np.random.Generator, first: int) -> Shot:
    """A shot from which a film can start: the mouth is free, the eyes are open, the head has room to turn."""
    busy = {"jawOpen", "mouthFunnel", "mouthPucker", "mouthStretchLeft", "mouthLeft", "eyeBlinkLeft"}
    while True:
        shot = Shot.sample(first + int(rng.integers(100_000)))
        if not busy & set(dict(shot.expression)) and max(abs(shot.yaw) / 25, abs(shot.pitch) / 12) < 1:
            return replace(shot, roll=0.6 * shot.roll)


def _waves(rng: np.random.Generator, amplitude: float, slowest: float, fastest: float) -> Waves:
    """Three sines, the slower the larger, whose sum never passes `amplitude`."""
    frequency = np.sort(rng.uniform(slowest, fastest, 3))
    share = rng.dirichlet([4, 4, 4]) / frequency
    share = amplitude * share / share.sum()
    phase = rng.uniform(0, 2 * pi, 3)
    return tuple((float(a), float(f), float(p)) for a, f, p in zip(share, frequency, phase, strict=True))


def _speech(rng: np.random.Generator, seconds: float) -> tuple[Syllable, ...]:
    out, t = [], rng.uniform(0.1, 0.5)
    while t < seconds:
        for _ in range(rng.integers(4, 14)):  # a phrase
            length = rng.uniform(0.17, 0.33)
            out.append(Syllable(float(t), float(1.25 * length), rng.uniform(0.12, 0.5), rng.uniform(-1, 1)))
            t += length  # the next one begins before this one has closed
        t += rng.uniform(0.3, 1.0)
    return tuple(s for s in out if s.start < seconds)


def _blinks(rng: np.random.Generator, seconds: float) -> tuple[float, ...]:
    out, t = [], rng.uniform(0.3, 2.4)
    every = rng.uniform(2.0, 5.0)
    while t < seconds:
        out.append(float(t))
        t += 0.6 + rng.gamma(2.0, (every - 0.6) / 2)
    return tuple(out)


def _looks(rng: np.random.Generator, base: Shot, seconds: float) -> tuple[tuple[float, float, float], ...]:
    """Every other time back to where the eyes were at first, else somewhere near."""
    out, t = [], rng.uniform(0.3, 1.2)
    while t < seconds:
        away = len(out) % 2 == 0
        right, up = base.gaze + away * rng.normal(0, [8.0, 4.0])
        out.append((float(t), float(np.clip(right, -18, 18)), float(np.clip(up, -9, 9))))
        t += 0.25 + rng.gamma(2.0, 0.5)
    return tuple(out)
