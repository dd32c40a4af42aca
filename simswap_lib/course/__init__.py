"""The exercises: checked on the spot, with hints and solutions; our code runs where the reader's is not ready.

In a notebook: `setup`, `check`, `hint`, `solution`, `progress`, `in_use`. For tests and tools: `exercises`, `grade`.
"""

from simswap_lib.course.grading import grade
from simswap_lib.course.session import check, exercises, hint, in_use, progress, solution
from simswap_lib.course.start import setup
from simswap_lib.course.transplant import Transplant

__all__ = ["Transplant", "check", "exercises", "grade", "hint", "in_use", "progress", "setup", "solution"]
