"""What a picture needs to know of a pair: clouds, matching, dimension, transport cost."""
