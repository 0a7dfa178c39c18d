"""The explore figure and the figures of the tabs, as plotly will be told to draw them."""

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import plotly.graph_objects as go
import pytest

from lmc_core.diagnostics.connectivity import Connectivity
from lmc_core.diagnostics.diagnose import Layer
from lmc_core.diagnostics.dimension import dimensions
from lmc_core.diagnostics.matching import match
from lmc_core.diagnostics.projection import project
from lmc_core.errors import InputError, SettingError
from lmc_core.figures.browser import plotly_config
from lmc_core.figures.labels import drawn as covered
from lmc_core.figures.palette import THEMES, contrast
from lmc_core.figures.path.figure import path_figure, worth_log
from lmc_core.figures.path.layers import layers_figure
from lmc_core.figures.path.matching import matching_figure
from lmc_core.figures.path.panels import LAYOUTS, LOSS, cloud_range
from lmc_core.figures.path.units import mosaic
from lmc_core.figures.report import figure_html
from lmc_core.paths.profile import Profile
from lmc_core.words.layers import layers_alt, layers_caption
from lmc_core.words.matching import matching_alt, matching_rows
from lmc_core.words.path import path_alt, path_caption, path_finding

T = np.linspace(0, 1, 25)
METHOD = {"method_title": "Activation matching"}


def path(height, *, peak=0.5, end=0.06, points=25, train=True):
    t = np.linspace(0, 1, points)
    bump = np.where(t < peak, t / peak, (1 - t) / (1 - peak)) ** 2
    splits = ("train", "test") if train else ("test",)
    values = {s: {"loss": end + height * bump, "accuracy": 0.98 - 0.4 * bump * height} for s in splits}
    return Profile(t, values, dict.fromkeys(splits, 100))


@cache
def units(n=512, points=25):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=(n, 8)) * np.linspace(3, 1, 8) for _ in range(2))
    after = a + 0.6 * rng.normal(size=(n, 8))
    return project(a, b, after, t=np.linspace(0, 1, points), group="fc1", label="layer 1", projection="pca-data")


@cache
def drawn(**settings):
    return path_figure(path(1.34), path(0.05), units(), **METHOD, **settings)


def text_of(figure):
    return json.dumps(json.loads(figure.to_json()), ensure_ascii=False)


def test_a_frame_holds_what_moves_and_nothing_else():
    figure = drawn()
    assert len(figure.frames) == 25
    for frame in figure.frames:
        assert list(frame.traces) == list(figure.frames[0].traces)
        assert len(frame.data) == len(frame.traces) == 2 + 4 + 2 * 5
        assert {key for trace in frame.data for key in trace.to_plotly_json()} <= {"type", "x", "y", "text"}
    first, last = figure.frames[0].data, figure.frames[12].data
    for one, other in zip(first, last, strict=True):
        assert json.dumps(one.to_plotly_json(), default=repr) != json.dumps(other.to_plotly_json(), default=repr)


def test_every_slider_step_finds_its_frame():
    figure = drawn()
    (slider,) = figure.layout.sliders
    names = [frame.name for frame in figure.frames]
    assert len(set(names)) == len(names)
    assert [step.args[0][0] for step in slider.steps] == names
    assert all(step.method == "animate" for step in slider.steps)


def test_what_is_drawn_first_is_the_frame_the_slider_points_to():
    figure = drawn()
    frame = figure.frames[figure.layout.sliders[0].active]
    for number, moved in zip(frame.traces, frame.data, strict=True):
        for key, value in moved.to_plotly_json().items():
            if key != "type":
                np.testing.assert_array_equal(figure.data[number][key], value)


def test_the_story_starts_where_the_naive_barrier_is_reached():
    figure = path_figure(path(1.3, peak=0.25), path(0.1), units(), **METHOD)
    assert figure.layout.sliders[0].steps[figure.layout.sliders[0].active].label.startswith("0.25")
    shared = path_figure(path(1.3, peak=0.25), path(0.1), units(), **METHOD, start=0.76)
    assert shared.layout.sliders[0].steps[shared.layout.sliders[0].active].label.startswith("0.75")


def test_moving_units_are_the_averages_of_partners():
    figure, cloud = drawn(), units()
    for number, side in zip(_traces(figure, "unit"), (cloud.before, cloud.after), strict=True):
        place = list(figure.frames[0].traces).index(number)
        for k in (0, 7, 24):
            wanted = (1 - T[k]) * cloud.a + T[k] * side.b
            np.testing.assert_allclose(figure.frames[k].data[place].x, wanted[:, 0], atol=1e-5)
            np.testing.assert_allclose(figure.frames[k].data[place].y, wanted[:, 1], atol=1e-5)


def _traces(figure, kind):
    """Numbers of the traces of the units (the only ones that tell a distance on hover)."""
    return [k for k, trace in enumerate(figure.data) if kind == "unit" and "distance" in (trace.hovertemplate or "")]


def test_before_and_after_have_the_same_axes():
    layout = drawn().layout
    assert layout.xaxis3.range == layout.xaxis6.range == layout.xaxis4.range == layout.xaxis7.range
    assert layout.yaxis3.range == layout.yaxis6.range == layout.yaxis5.range == layout.yaxis8.range
    assert layout.yaxis4.range == layout.yaxis7.range
    assert layout.xaxis5.range == layout.xaxis8.range


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("extent", [(3.0, 1.0), (1.0, 3.0), (2.0, 2.0)])
def test_a_unit_of_length_is_the_same_along_both_axes_of_a_cloud(name, extent):
    layout = LAYOUTS[name]
    half = cloud_range(layout, extent)
    width, height = layout.pixels("before")
    assert half[0] / width == pytest.approx(half[1] / height)
    assert half[0] >= extent[0] - 1e-9
    assert half[1] >= extent[1] - 1e-9
    assert layout.pixels("after") == pytest.approx(layout.pixels("before"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_panels_lie_inside_the_figure_and_not_over_each_other(layout):
    boxes = list(LAYOUTS[layout].boxes.values())
    for k, (x0, x1, y0, y1) in enumerate(boxes):
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        for u0, u1, v0, v1 in boxes[:k]:
            assert x1 <= u0 or u1 <= x0 or y1 <= v0 or v1 <= y0


def test_512_units_and_25_frames_take_at_most_600_kilobytes():
    assert len(drawn().to_json()) < 600_000
    figure = json.loads(drawn().to_json())
    assert figure["frames"][0]["data"][-1].keys() <= {"type", "text", "x", "y"}
    assert "bdata" in json.dumps(figure["data"][-3])


def test_a_path_of_many_points_has_25_frames_and_all_its_points_in_the_curve():
    figure = path_figure(path(1.0, points=101), path(0.1, points=101), units(64, 101), **METHOD)
    assert len(figure.frames) == 25
    assert max(len(trace.x) for trace in figure.data[:12] if trace.x is not None) == 101


def test_neutral_text_has_no_colour_in_the_app_and_one_in_a_file():
    app, file = drawn(), drawn(theme="dark", standalone=True)
    assert app.layout.annotations[0].font.color is None
    assert app.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert app.layout.font.color is None
    assert file.layout.annotations[0].font.color == THEMES["dark"].text == file.layout.font.color
    assert file.layout.paper_bgcolor == THEMES["dark"].page


def test_the_play_button_plays_at_the_first_click():
    (button,) = drawn().layout.updatemenus
    assert button.active == -1
    assert button.buttons[0].args[1]["fromcurrent"] is True
    assert list(button.buttons[0].args2[0]) == [None]


def test_the_read_out_is_visible_although_tick_labels_are_not():
    (slider,) = drawn().layout.sliders
    assert slider.font.color == "rgba(0,0,0,0)"
    assert slider.currentvalue.font.color == THEMES["light"].neutral
    said = re.sub("<[^>]*>", "", slider.steps[12].label)
    assert said == "0.50  naive 1.40 · 44.4%  aligned 0.11 · 96.0%"


def test_barriers_are_labelled_with_their_numbers():
    said = text_of(drawn())
    assert "<b>naive</b>  barrier 1.34" in said
    assert "<b>aligned</b>  barrier 0.05" in said


@pytest.mark.parametrize(
    ("naive", "aligned"), [(1.3, 0.05), (1.3, 0.6), (1.3, 1.25), (0.6, 1.3), (0.001, 0.001), (1.3, 1.3)]
)
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_two_barrier_labels_are_clear_of_each_other_and_of_all_curves_in_every_frame(naive, aligned, log, layout):
    kind = "log" if log else "linear"
    others = {"naive": path(0.7, peak=0.3), "weight-matching": path(0.4, peak=0.6)}
    figure = path_figure(path(naive), path(aligned), units(), **METHOD, layout=layout, loss_axis=kind, others=others)
    words = [trace for trace in figure.data if trace.mode == "text" and trace.yaxis == "y"]
    place = LAYOUTS[layout]
    area = place.area(LOSS, figure.layout.xaxis.range, figure.layout.yaxis.range, log)
    boxes = covered([trace.to_plotly_json() for trace in words], area)
    assert len(boxes) == 2
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= (area.width, area.height)).all()
    still = [trace for trace in figure.data if trace.mode != "text" and trace.yaxis == "y"]
    moving = [
        (figure.data[k].to_plotly_json() | data.to_plotly_json())
        for frame in figure.frames
        for k, data in zip(frame.traces, frame.data, strict=True)
        if figure.data[k].yaxis == "y"
    ]
    ink = covered([*(trace.to_plotly_json() for trace in still), *moving], area)
    for box in boxes:
        around = np.concatenate([ink, boxes[(boxes != box).any(axis=1)]])
        across = np.minimum(box[2], around[:, 2]) - np.maximum(box[0], around[:, 0])
        up = np.minimum(box[3], around[:, 3]) - np.maximum(box[1], around[:, 1])
        assert not ((across > 0) & (up > 0)).any()


def test_a_low_barrier_has_no_bracket():
    def brackets(height):
        figure = path_figure(path(1.3), path(height), units(), **METHOD)
        return sum(trace.marker.symbol == "line-ew-open" for trace in figure.data if trace.mode == "lines+markers")

    assert (brackets(0.02), brackets(0.2)) == (1, 2)


def test_a_log_axis_draws_the_chord_as_the_curve_it_is_and_leaves_no_value_out():
    figure = path_figure(path(1.3, end=0.0), path(0.1), units(), **METHOD, loss_axis="log")
    assert figure.layout.yaxis.type == "log"
    low, high = figure.layout.yaxis.range
    for trace in figure.data:
        if trace.yaxis == "y" and trace.mode == "lines":
            values = np.log10(np.asarray(trace.y, dtype=float))
            assert ((values >= low) & (values <= high) | np.isnan(values)).all()  # the cursor is broken at labels


def test_an_infinite_loss_still_makes_a_figure():
    naive = path(1.0)
    values = {s: {**m, "loss": np.where(T == 0.5, np.inf, m["loss"])} for s, m in naive.values.items()}
    figure = path_figure(Profile(T, values, naive.examples), path(0.1), units(), **METHOD)
    assert "∞" in text_of(figure)
    assert np.isfinite(figure.layout.yaxis.range).all()


def test_a_path_without_training_examples_has_no_dotted_lines():
    figure = path_figure(path(1.0, train=False), path(0.1, train=False), units(), **METHOD)
    assert not any(trace.line.dash == "3px,3px" for trace in figure.data if trace.mode == "lines")


def test_logarithms_are_offered_where_they_show_more():
    assert worth_log(path(5), path(0.1))
    assert not worth_log(path(0.5), path(0.1))


@pytest.mark.parametrize("setting", [{"layout": "round"}, {"loss_axis": "square"}])
def test_an_unknown_setting_names_the_known_ones(setting):
    with pytest.raises(SettingError, match="is not one of"):
        path_figure(path(1), path(0.1), units(), **METHOD, **setting)


def test_the_alt_text_tells_the_finding_in_numbers():
    said = path_alt(path(1.34), path(0.05), units(), "Activation matching")
    before, after = (f"{100 * kept:.0f}" for kept in units().halfway)
    assert said == (
        "Left: test loss from A to B is 1.40 half-way without alignment and 0.11 after activation matching, with 0.06 "
        f"at A and 0.06 at B. Right: the interpolated units of layer 1 keep {before} percent of their spread before "
        f"and {after} percent after."
    )


def caption(cloud, naive=1.34, aligned=0.05, **settings):
    paths = path(naive), path(aligned)
    return str(path_caption(*paths, cloud, path_finding(*paths, "activation-matching").case, **settings))


def test_the_fading_signal_is_claimed_only_where_it_was_measured():
    assert "the signal fades" in caption(units(), signal=(0.06, 0.62))
    assert "the signal fades" not in caption(units(), signal=(0.9, 0.95))
    assert "the signal fades" not in caption(units(), signal=(0.4, 0.3))
    assert "the signal fades" not in caption(units())


def test_where_the_barrier_stays_only_the_spreads_are_stated():
    said = caption(units(), 1.0, 0.98)
    assert "stranger" not in said
    assert re.search(r"Half-way the cloud keeps \d+% of its spread before and \d+% after", said)


def test_the_caption_says_what_is_left_out():
    assert "Lines join 36 of 512 pairs, the same units of A in both panels" in caption(units())
    assert "Lines join all 40 pairs" in caption(units(40))
    large = units(1200)
    assert "A sample of 1\u202f000 of 1\u202f200 units is drawn" in caption(large)
    assert "sample" not in caption(units())
    moved = replace(units(), moved_inputs=True)
    assert "inputs re-ordered too" in caption(moved)
    assert "inputs re-ordered too" not in caption(units())


@pytest.mark.parametrize("name", THEMES)
def test_text_and_marks_stand_out_from_the_page(name):
    theme = THEMES[name]
    for ink in (theme.a, theme.b, theme.naive, theme.aligned, theme.grey, theme.fused):
        assert contrast(ink.text, theme.page) >= 4.5
        if ink is not theme.fused:
            assert contrast(ink.mark, theme.page) >= 3.4
    assert contrast(theme.fused_outline, theme.page) >= 3
    assert contrast(theme.ticks, theme.page) >= 4.5
    assert contrast(theme.text, theme.page) >= 12
    assert contrast(theme.neutral, theme.page) >= 4.5


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def test_the_browser_may_export_and_nothing_else():
    config = plotly_config("run-1")
    assert config["toImageButtonOptions"] == {"format": "svg", "filename": "run-1"}
    assert config["displaylogo"] is config["scrollZoom"] is False
    assert plotly_config(phone=True)["displayModeBar"] is False


def test_an_html_file_needs_nothing_else_and_does_not_start_by_itself():
    figure = path_figure(path(1.0), path(0.1), units(40), **METHOD, standalone=True)
    page = figure_html(figure, title="A <b> & B", caption="What.", alt='it says "so"')
    assert "<title>A &lt;b&gt; &amp; B</title>" in page
    assert 'aria-label="it says &#34;so&#34;"' in page
    assert len(page) > 3_000_000
    assert not re.search(r"<(?:script|link)[^>]+(?:src|href)=", page)
    assert "Plotly.animate(" not in page.rpartition("<figure")[2].rpartition("Plotly.newPlot")[2]


@cache
def matchings(count=3):
    rng = np.random.default_rng(0)
    found = {}
    for k in range(count):
        a = rng.normal(size=(96, 20)) * (k + 1)
        rows = [a, rng.normal(size=a.shape) * (k + 1), a + 0.5 * rng.normal(size=a.shape)]
        found[f"fc{k + 1}"] = match(rows, None, group=f"fc{k + 1}", label=f"layer {k + 1}")
    return found


@cache
def layers(count=3):
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 13, dtype=np.float32)
    made = {}
    for k in range(count):
        dip = (4 * t * (1 - t)).astype(np.float32)
        before, after = (Connectivity(t, 1 - low * (k + 1) * dip, 0.5) for low in (0.03, 0.005))
        rows = rng.normal(size=(64, 30))
        made[f"fc{k + 1}"] = Layer(f"layer {k + 1}", before, after, (0.5, 0.8), dimensions(rows, rows, 0 * rows[:, :1]))
    return made


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [1, 3, 14])
def test_the_figures_of_the_tabs_can_be_drawn_for_any_number_of_layers(theme, layout, count):
    one = matching_figure(matchings(count), "fc1", theme=theme, layout=layout)
    other = layers_figure(layers(count), theme=theme, layout=layout, standalone=True)
    for figure in (one, other):
        assert isinstance(figure, go.Figure)
        json.loads(figure.to_json())
    assert other.layout.paper_bgcolor == THEMES[theme].page
    if count == 14:
        assert one.layout.height > matching_figure(matchings(3), "fc1", layout=layout).layout.height


def test_histograms_count_every_pair_and_carry_their_means():
    figure = matching_figure(matchings(), "fc2")
    said = text_of(figure)
    one = matchings()["fc2"]
    assert f"<b>before</b> {one.before.mean:.2f}" in said
    assert f"<b>after</b> {one.after.mean:.2f}" in said
    assert one.before.counts.sum() == one.after.counts.sum() == 96
    assert f"layer 2 {one.cost.before:.2f} to {one.cost.after:.2f}" in matching_alt(matchings(), "fc2")


def test_the_table_has_one_row_per_group():
    rows = matching_rows(matchings())
    assert [row["group"] for row in rows] == ["layer 1", "layer 2", "layer 3"]
    assert all(row["least possible"] <= row["cost after"] < row["cost before"] for row in rows)


def test_a_group_that_was_not_measured_is_an_error():
    with pytest.raises(InputError, match="fc9"):
        matching_figure(matchings(), "fc9")
    with pytest.raises(InputError, match="no layer"):
        layers_figure({})


def test_paths_differ_by_colour_and_layers_by_dash():
    curves = [trace for trace in layers_figure(layers()).data if trace.xaxis == "x" and trace.hovertemplate]
    inks = THEMES["light"]
    assert {trace.line.color for trace in curves} == {inks.naive.mark, inks.aligned.mark}
    assert len({trace.line.dash for trace in curves}) == 3
    assert all(trace.mode == "lines" for trace in curves)


PLACES = [f"stage {stage} · block {block} · conv{k}" for stage in (1, 2, 3) for block in (1, 2, 3) for k in (1, 2)]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layers_of_a_deep_network_have_whole_names_of_their_own_beside_the_axis(layout):
    renamed = {name: replace(one, label=PLACES[k]) for k, (name, one) in enumerate(matchings(18).items())}
    deep = {name: replace(one, label=PLACES[k]) for k, (name, one) in enumerate(layers(18).items())}
    for figure in (matching_figure(renamed, "fc2", layout=layout), layers_figure(deep, "fc2", layout=layout)):
        said = [re.sub("</?b>", "", label) for label in figure.layout.yaxis2.ticktext]
        assert said == PLACES
        assert f"<b>{PLACES[1]}</b>" in figure.layout.yaxis2.ticktext
        room = figure.layout.xaxis2.domain[0] - (figure.layout.xaxis.domain[1] if layout == "wide" else 0)
        assert room * {"wide": 684, "narrow": 306}[layout] > 5 * max(map(len, PLACES))


def test_of_many_layers_one_stands_out_and_every_curve_says_on_hover_whose_it_is():
    figure = layers_figure(layers(18), "fc7")
    for axis, each in (("x", 2), ("x3", 1)):
        curves = [trace for trace in figure.data if trace.xaxis == axis and trace.hovertemplate]
        thick = [trace for trace in curves if trace.line.width == max(one.line.width for one in curves)]
        assert len(curves) == 18 * each
        assert len(thick) == each
        assert all("layer 7<" in trace.hovertemplate for trace in thick)
        assert {trace.line.dash for trace in curves} == {None}
        assert curves[-1] in thick, "it lies over the others"
    assert "Thick: layer 7" in text_of(figure)


def test_the_kernels_of_a_colour_picture_stand_apart_in_one_row():
    tiles = mosaic(np.arange(27.0).reshape(3, 3, 3))
    assert tiles.shape == (3, 11)
    assert np.isnan(tiles[:, [3, 7]]).all()
    assert mosaic(np.ones((4, 3, 3))).shape == (7, 7)


def test_layers_that_could_not_be_compared_leave_the_other_panels():
    bare = {name: replace(layer, before=None, after=None) for name, layer in layers().items()}
    assert "not measured" in text_of(layers_figure(bare))
    assert "cosine" not in layers_alt(bare)
    assert "layer 2 keeps 50 percent of its spread before, 80 after, lowest feature cosine 0.94 before" in layers_alt(
        layers()
    )


def test_few_dimensions_are_claimed_only_where_they_are_few():
    def caption(seen, units):
        known = layers()["fc1"]
        spectra = [None if d is None else replace(known.dimension.seen, dimension=d) for d in seen]
        made = [replace(known.dimension, seen=spectrum, units=units) for spectrum in spectra]
        return str(layers_caption({str(k): replace(known, dimension=one) for k, one in enumerate(made)}))

    assert "only a handful (7.9, 2.9, 2.4)" in caption((7.9, 2.9, 2.4), 512)
    assert "handful" not in caption((20.0, 30.0), 64)
    assert "Right" not in caption((None,), 64)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("stretched", [0, 1])
def test_what_a_cloud_keeps_stands_in_one_corner_that_no_unit_enters_in_any_frame(layout, stretched):
    rng = np.random.default_rng(stretched)
    a, b = (rng.normal(size=(64, 8)) * np.linspace(3, 1, 8) for _ in range(2))
    a[:4] = 9 * np.sign(rng.normal(size=(4, 8))) * (np.arange(8) < 1 + stretched)  # outliers along an axis, in corners
    cloud = project(a, b, b[::-1], t=T, group="fc1", label="layer 1", projection="pca-data")
    figure = path_figure(path(1.3), path(0.1), cloud, **METHOD, layout=layout)
    places = {}
    for name, number in (("before", 3), ("after", 6)):
        x, y = figure.layout[f"xaxis{number}"].range, figure.layout[f"yaxis{number}"].range
        area = LAYOUTS[layout].area(name, x, y)
        (words,) = (trace for trace in figure.data if trace.mode == "text" and trace.xaxis == f"x{number}")
        ((left, bottom, right, top),) = covered([words.to_plotly_json()], area)
        places[name] = left, bottom, right, top
        side = getattr(cloud, name)
        for t in np.linspace(0, 1, 101):
            dots = area.pixels(*((1 - t) * cloud.a + t * side.b).T)
            inside = (dots > (left, bottom)).all(axis=1) & (dots < (right, top)).all(axis=1)
            assert not inside.any()
    assert places["before"][0] == pytest.approx(places["after"][0], abs=10)
    assert places["before"][1] == pytest.approx(places["after"][1])
