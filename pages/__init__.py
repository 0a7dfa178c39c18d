"""What a person sees. Pages are thin scripts; `_shell.py` is the frame around them."""
