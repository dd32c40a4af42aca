"""The right answer to a swap. For judging and for figures only: no loss and no shipped weight ever sees it."""

from simswap_lib.world.people import Identity
from simswap_lib.world.renderer import Rendering, render
from simswap_lib.world.shots import Shot


def swap_truth(identity: Identity, shot: Shot, size: int = 128) -> Rendering:
    """What a perfect swap of the person `identity` into the photograph `shot` looks like, `render(identity, shot)`.

    It has exactly the framing of the target picture. Raises: ValueError for a size outside 32 to 512.
    """
    return render(identity, shot, size)
