"""Runs the library's models, losses and training with the reader's own pieces in them."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from unittest.mock import patch

PLACES = ("simswap_lib.models.", "simswap_lib.losses", "simswap_lib.batches", "simswap_lib.train_step")


class Transplant:
    """Inside the `with`, the library builds and runs these pieces in the place of its own models and losses.

        yours = Transplant(adain=adain, IDBlock=IDBlock)
        with yours:
            network = Generator(config)      # the library's, with the reader's blocks
            picture = network(target, v)     # and, while it runs, the reader's adain

    So a piece that passed is at work even where the piece around it is still the course's. May be entered many times.
    Raises: ValueError for a name that neither models nor losses of the library use.
    """

    def __init__(self, **pieces: Callable):
        self.places = []
        for name, piece in pieces.items():
            modules = [
                module for path, module in list(sys.modules.items()) if path.startswith(PLACES) and name in vars(module)
            ]
            if not modules:
                raise ValueError(f"No model of the library, and no part of its training, uses a piece called {name}.")
            self.places += [(module, name, piece) for module in modules]

    def __enter__(self) -> None:
        self.undo = ExitStack()
        for module, name, piece in self.places:
            self.undo.enter_context(patch.object(module, name, piece))

    def __exit__(self, *error: object) -> None:
        self.undo.close()
