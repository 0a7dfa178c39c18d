"""What is said of results: one file per noun, sentences with neutral marks (`marks`), numbers as people write them."""
