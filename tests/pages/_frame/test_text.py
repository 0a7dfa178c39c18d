"""Words of others in Markdown."""

from pages._frame.text import escaped


def test_no_name_from_a_file_becomes_markdown() -> None:
    hostile = "![x](http://evil/p.png) <img src=x> **b** __init__ :red[r] $x$ `c` | # 1. ~s~"
    assert all(f"\\{sign}" in escaped(hostile) for sign in "![]()<>*_:$`|#.~")
    assert escaped(hostile).replace("\\", "") == hostile
