"""Everything that decides how a run goes, and named runs from half a minute on a CPU to the paper's own size."""

from dataclasses import dataclass, field, fields, replace

from simswap_lib.losses import LossWeights


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a run. The defaults follow the paper's recipe, at a size for a CPU."""

    # The photographs.
    people: int = 3600  # people of the face world, with seeds from 0
    photos: int = 10  # photographs of each, every one a shot of its own
    size: int = 64  # pixels a side
    cache: str | None = None  # folder that keeps the rendered photographs; None renders them anew
    data: str | None = None  # a folder of people in place of all that; it needs a recogniser that knows them
    workers: int = 0  # processes that read pictures; no batch depends on their number
    # The networks.
    width: int = 24  # generator: channels at full resolution
    downs: int = 2  # generator: halvings
    blocks: int = 6  # generator: ID-blocks
    critic_width: int = 32  # discriminator: channels of its first map
    scales: int = 2  # discriminator: sizes of the picture that it looks at
    recogniser: str = "arcface"  # name, folder or .onnx file of the recogniser that gives the identity vectors
    start: str | None = None  # name or folder of a generator to go on from, at this size or another
    start_critic: str | None = None  # name or folder of a discriminator to go on from; its first `scales`
    # The objective.
    loss: LossWeights = field(default_factory=LossWeights)
    first_map: int = 4  # m: weak feature matching takes the discriminator's maps m to M
    gp_every: int = 16  # the gradient penalty is taken every so many steps, times as much
    # The optimisation.
    steps: int = 4000
    batch: int = 16  # pictures a step, shared among the processes
    learning_rate: float = 4e-4
    betas: tuple[float, float] = (0.0, 0.999)  # Adam, as in the paper
    ema: float = 0.998  # decay of the averaged generator, which is what ships
    seed: int = 0
    # The book-keeping, in steps.
    log_every: int = 20
    validate_every: int = 200
    checkpoint_every: int = 200

    def __post_init__(self):
        for name in ("steps", "batch", "gp_every", "log_every", "validate_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"TrainConfig.{name} must be at least 1, got {getattr(self, name)}.")
        if self.batch < 2:
            raise ValueError("TrainConfig.batch must be at least 2: batch normalisation needs company.")


# The paper's identity weight of 10 hardly moves the face within an hour of CPU; the released script has 30.
FAST = LossWeights(identity=30.0)

PRESETS = {
    # Half a minute: does everything work?
    "smoke": TrainConfig(
        people=60, photos=4, width=12, blocks=2, critic_width=16, loss=FAST,
        steps=40, batch=8, log_every=10, validate_every=20, checkpoint_every=20,
    ),
    # A few minutes on a CPU: the identity begins to move.
    "course": TrainConfig(people=400, photos=8, loss=FAST, steps=400, log_every=20, validate_every=100),
    # The shipped `halfway`, from which `tools/train_simswap.py` goes on to `simswap-64`: an hour on one core.
    "studio": TrainConfig(loss=FAST, steps=3200),
    # The last part of the shipped `simswap`, which `tools/train_simswap.py` grows from `simswap-64`. With
    # start=simswap start_critic=critic-128 it goes on from there.
    "studio-128": TrainConfig(
        photos=5, size=128, width=12, downs=3, scales=3, recogniser="arcface-128", steps=8000, batch=8,
        learning_rate=1e-4, seed=21, loss=LossWeights(identity=160.0, reconstruction=120.0, gp=20.0, wfm=0.5),
        validate_every=100, checkpoint_every=100,
    ),
    # One T4 of Colab, 20 minutes with the rendering: 128 pixels.
    "colab": TrainConfig(
        people=2000, photos=8, size=128, cache="cache", width=48, downs=3, workers=2, recogniser="arcface-128",
        loss=FAST, steps=3000, log_every=50, validate_every=250, checkpoint_every=250,
    ),
    # The paper's networks on a folder of aligned faces, VGGFace2 prepared as lesson 01 shows; for several GPUs.
    "paper": TrainConfig(
        size=224, width=64, downs=3, blocks=9, critic_width=64, workers=8, steps=500_000,
        log_every=100, validate_every=2000, checkpoint_every=2000,
    ),
}  # fmt: skip
NEEDS = {"paper": ("data", "recogniser")}  # settings that a preset cannot know

# Where the released code differs from the paper, as fields of TrainConfig. The released discriminator of the second
# entry stands on an EfficientNet trained on photographs; the course keeps the paper's.
AS_RELEASED = {
    # The repository's first commit: all maps are matched, each with 10 x 4/5 x 1/2, and there is no gradient penalty.
    "first": {
        "loss": LossWeights(identity=20.0, reconstruction=10.0, gp=0.0, wfm=4.0), "first_map": 1,
        "learning_rate": 2e-4, "betas": (0.5, 0.999), "batch": 8,
    },
    # Its train.py since 2022: one deep map, identity 30.
    "train.py": {
        "loss": LossWeights(identity=30.0, reconstruction=10.0, gp=0.0, wfm=10.0), "first_map": 4,
        "learning_rate": 4e-4, "betas": (0.0, 0.99), "batch": 4,
    },
}  # fmt: skip


def preset(name: str, as_released: str | None = None) -> TrainConfig:
    """The settings of a named run; `as_released` changes the objective to that of the released code.

    Raises: ValueError, naming those that there are.
    """
    if name not in PRESETS:
        raise ValueError(f"There is no preset {name!r}; there are {', '.join(PRESETS)}.")
    if as_released is None:
        return PRESETS[name]
    if as_released not in AS_RELEASED:
        raise ValueError(f"There is no released recipe {as_released!r}; there are {', '.join(AS_RELEASED)}.")
    return replace(PRESETS[name], **AS_RELEASED[as_released])


def check_preset(name: str, config: TrainConfig) -> None:
    """Raise ValueError if settings that the preset leaves open were not given."""
    open_ones = [field for field in NEEDS.get(name, ()) if getattr(config, field) == getattr(TrainConfig(), field)]
    if open_ones:
        raise ValueError(
            f"The preset {name!r} needs {' and '.join(open_ones)}: --set "
            + " ".join(f"{field}={'DIR' if field == 'data' else 'FILE'}" for field in open_ones)
            + " (a folder of aligned faces, and a recogniser that was trained on such faces)."
        )


def configured(settings: list[str], config: TrainConfig | None = None) -> TrainConfig:
    """`config`, or TrainConfig's defaults, with NAME=VALUE settings; a name of LossWeights sets that weight.

    Raises: ValueError for a name that is none, or a value that is not like the one that it replaces.
    """
    config = config or TrainConfig()
    for setting in settings:
        name, equals, text = setting.partition("=")
        holder = config.loss if name in {f.name for f in fields(config.loss)} else config
        known = {f.name for f in fields(config)} - {"loss"} | {f.name for f in fields(config.loss)}
        if not equals or name not in known:
            raise ValueError(f"{setting!r} is no setting; write NAME=VALUE with one of {', '.join(sorted(known))}.")
        old = getattr(holder, name)
        try:
            if isinstance(old, tuple):
                value = tuple(float(part) for part in text.split(","))
                if len(value) != len(old):
                    raise ValueError
            else:
                value = text if old is None or isinstance(old, str) else type(old)(text)
        except ValueError as error:
            raise ValueError(f"{name} should be like {old!r}, got {text!r}.") from error
        changed = replace(holder, **{name: value})
        config = changed if holder is config else replace(config, loss=changed)
    return config
