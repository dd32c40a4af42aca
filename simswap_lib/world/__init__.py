"""The face world: people and photographs that do not exist, where every swap has a true answer."""

from simswap_lib.world.people import HELD_OUT, Identity
from simswap_lib.world.renderer import LARGEST, SMALLEST, Rendering, render
from simswap_lib.world.sheet import contact_sheet
from simswap_lib.world.shots import Shot
from simswap_lib.world.truth import swap_truth

__all__ = ["HELD_OUT", "LARGEST", "SMALLEST", "Identity", "Rendering", "Shot", "contact_sheet", "render", "swap_truth"]
