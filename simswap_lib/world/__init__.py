"""The face world: people and photographs that do not exist, where every swap has a true answer."""

from simswap_lib.world.clip import Clip, Syllable
from simswap_lib.world.people import HELD_OUT, Identity, Labels
from simswap_lib.world.renderer import LARGEST, PARTS, SMALLEST, Rendering, render, render_batch
from simswap_lib.world.scene import Place, Scene, SceneRendering
from simswap_lib.world.sheet import contact_sheet
from simswap_lib.world.shots import Shot
from simswap_lib.world.truth import swap_truth

__all__ = [
    "HELD_OUT",
    "LARGEST",
    "PARTS",
    "SMALLEST",
    "Clip",
    "Identity",
    "Labels",
    "Place",
    "Rendering",
    "Scene",
    "SceneRendering",
    "Shot",
    "Syllable",
    "contact_sheet",
    "render",
    "render_batch",
    "swap_truth",
]
