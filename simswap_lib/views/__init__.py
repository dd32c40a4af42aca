"""What the lessons show of one subject each: diagrams, curves, and views to play with."""
