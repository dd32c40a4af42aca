"""A course and a library that teach SimSwap: An Efficient Framework For High Fidelity Face Swapping (ACM MM 2020)."""

__version__ = "0.1.0"
