"""Plotly figures and small pictures of results, one file or folder per kind of run, on one `sheet` and `palette`."""
