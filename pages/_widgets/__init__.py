"""Interface parts that pages share."""
