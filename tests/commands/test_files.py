"""What commands draw into files: the figure of a page, and its report."""

import html
import re

import pytest

from lmc_core.cli import COMMANDS, main
from lmc_core.figures import files
from lmc_core.figures.report import Picture

PAIR = ["digits-mlp-32/seed0", "digits-mlp-32/seed1", "--device", "cpu"]
SHORT = ["--points", "3", "--train-examples", "100"]
DRAWN = {
    "path": [*PAIR, *SHORT],
    "fuse": PAIR,
    "compare": [*PAIR, *SHORT, "--methods", "identity,weight-matching"],
    "inspect": PAIR[:1],
}


@pytest.mark.parametrize("command", DRAWN)
def test_a_command_writes_the_figure_and_the_report_of_its_page(command, tmp_path, capsys):
    figure, report = tmp_path / "figure.html", tmp_path / "report.html"
    assert main([command, *DRAWN[command], "--figure", str(figure), "--report", str(report)]) == 0
    printed = capsys.readouterr().out
    page = report.read_text()
    assert page.count("Plotly.newPlot(") >= figure.read_text().count("Plotly.newPlot(") == 1
    assert f"python -m lmc_core {command} digits-mlp-32/seed0" in page
    assert not re.findall(r'(?:src|href)="http', re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL))
    heading = html.unescape(re.sub(r"<[^>]*>", "", re.search(r"<h1.*?</h1>", page, re.DOTALL)[0])).strip()
    assert command == "inspect" or heading.split(".")[0] in printed


@pytest.mark.skipif(not files._browser(), reason="no Chrome or Chromium")
def test_a_picture_for_a_paper_holds_the_words_of_the_figure_and_nothing_to_press(tmp_path):
    at = tmp_path / "path.svg"
    assert main(["path", *DRAWN["path"], "--figure", str(at)]) == 0
    drawn = at.read_text()
    assert drawn.startswith("<svg")
    assert "barrier" in drawn
    assert "slider" not in drawn
    assert "updatemenu" not in drawn


def test_what_cannot_be_drawn_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lmc_core.runs.work.path.path_run", None)
    monkeypatch.setattr(files, "_browser", lambda: None)
    for words, said in (
        (["--figure", "a.gif"], ".html, .svg, .png, .pdf"),
        (["--figure", "a.pdf"], "Chrome or Chromium"),
        (["--report", "a.pdf"], "must end in .html"),
        (["--report", str(tmp_path / "none" / "a.html")], "there is no folder"),
    ):
        assert main(["path", *DRAWN["path"], *words]) == 2
        assert said in capsys.readouterr().err


def test_a_figure_without_controls_keeps_its_plot(tmp_path, monkeypatch):
    import plotly.graph_objects as go

    seen = []
    monkeypatch.setattr(files, "_browser", lambda: "a browser")
    monkeypatch.setattr(go.Figure, "to_image", lambda figure, **how: seen.append(figure) or b"")
    layout = {"height": 500, "margin": {"t": 20, "b": 80}}
    for sliders in ([], [{"steps": [{"label": "0"}]}]):
        made = go.Figure(go.Scatter(y=[0, 1]), {**layout, "sliders": sliders})
        files.write_figure(Picture("one", made), tmp_path / "one.svg")
        assert not seen[-1].layout.sliders
        plot = seen[-1].layout.height - seen[-1].layout.margin.b - seen[-1].layout.margin.t
        assert plot == 400
        assert made.layout.height == 500


@pytest.mark.parametrize("command", [name for name in COMMANDS if name in {*DRAWN, "plane", "theory", "width", "show"}])
def test_every_command_whose_page_has_a_figure_offers_both_files(command, capsys):
    assert main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert "--figure FILE" in said
    assert "--report FILE" in said
