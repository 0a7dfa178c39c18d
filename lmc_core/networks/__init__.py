"""Networks as values: from a module, from a checkpoint of any common format, from an exported program."""
