"""Lesson 08: its exercises, how each answer is checked, and the wrong answers that the checks must turn down."""
