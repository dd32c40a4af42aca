"""Ctrl-C as a question: a loop that asks between two steps can stop where all its state is consistent."""

import signal
import threading
from collections.abc import Callable


class Interruption:
    """Turns Ctrl-C into a question that the loop asks between two steps, where all state is consistent."""

    def __enter__(self) -> Callable[[], bool]:
        self.asked = False
        self.before = None
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self.ask)
        return lambda: self.asked

    def ask(self, *_) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self.before)  # who asks twice does not want to wait

    def __exit__(self, *_) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
