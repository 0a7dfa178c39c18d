// Says which dot of a figure was clicked, and rings the unit that is looked at, its partner and their average.
const SVG = "http://www.w3.org/2000/svg";
const RADII = [11, 8.5], SMALL = 5.5, DIAMOND = 7;  // px: rings of A, of B, of the unit at t
const LIFT = 17, LETTER = 7;  // px from a ring's middle to its name, and of a letter of it

const add = (parent, tag, attributes, text) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text) made.textContent = text;
    parent.append(made);
    return made;
};

const twice = (parent, tag, shape, colour, halo, width) => {  // a stroke that stands out on whatever is under it
    add(parent, tag, { ...shape, fill: "none", stroke: halo, "stroke-width": width + 3, opacity: 0.9 });
    add(parent, tag, { ...shape, fill: "none", stroke: colour, "stroke-width": width });
};

const join = (layer, ring, [p, r], [q, s]) => {  // a line from ring to ring, which leaves their middles open
    const [u, v] = [q[0] - p[0], q[1] - p[1]];
    const long = Math.hypot(u, v);
    if (long <= r + s) return;
    const [x1, y1, x2, y2] = [p[0] + u * r / long, p[1] + v * r / long, q[0] - u * s / long, q[1] - v * s / long];
    twice(layer, "line", { x1, y1, x2, y2 }, ring.line, ring.halo, 1.6);
};

const panel = (layer, graph, ring, drawn, frame) => {
    const { xaxis, yaxis } = drawn.axes;
    const area = graph.querySelector(`.nsewdrag[data-subplot="${xaxis}${yaxis}"]`);
    if (!area) return;
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(area.getAttribute(name)));
    const [[left, right], [low, high]] = [xaxis, yaxis].map(
        (axis) => graph.layout[axis.replace(/^[xy]/, "$&axis")].range);
    const pixel = ([u, v]) => [(u - left) / (right - left) * width, (high - v) / (high - low) * height];
    const inner = add(layer, "svg", { x, y, width, height });  // which cuts off what leaves the panel
    const [a, b] = drawn.ends.map((end) => pixel(end.at));
    const at = pixel(drawn.unit.at[frame]);
    [a, b].forEach((end, k) => join(inner, ring, [end, RADII[k]], [at, SMALL]));
    [a, b].forEach(([cx, cy], k) =>
        twice(inner, "circle", { cx, cy, r: RADII[k] }, drawn.ends[k].mark, ring.halo, 2.2));
    const [cx, cy] = at;
    const corners = [[-1, 0], [0, -1], [1, 0], [0, 1]].map(([u, v]) => [cx + DIAMOND * u, cy + DIAMOND * v].join(","));
    if (drawn.unit.diamond) twice(inner, "polygon", { points: corners.join(" ") }, drawn.unit.mark, ring.halo, 2.2);
    else twice(inner, "circle", { cx, cy, r: SMALL }, drawn.unit.mark, ring.halo, 2.2);
    [a, b].forEach(([u, v], end) => {  // the name of the upper one over it, that of the lower one under it
        const { name, text } = drawn.ends[end];
        const up = a[1] === b[1] ? end === 0 : v === Math.min(a[1], b[1]);
        const half = LETTER * name.length / 2 + 3;
        add(inner, "text", {
            x: Math.min(Math.max(u, half), width - half),
            y: Math.min(Math.max(up ? v - LIFT : v + LIFT + 9, 12), height - 5),
            "text-anchor": "middle", fill: text, stroke: ring.halo, "stroke-width": 4, "stroke-linejoin": "round",
            "paint-order": "stroke", style: "font: 600 12.5px sans-serif",
        }, name);
    });
};

const started = new WeakMap();  // by the place of the component: it is called again for every change of its data

const start = (figure) => {
    let graph = null, layer = null, timer = 0;
    const self = { ring: null, send: null };
    const clear = () => { if (layer) layer.remove(); layer = null; };
    const draw = (frame) => {
        clear();
        const paper = graph && graph.querySelector(".main-svg");
        if (!paper || !self.ring || !self.ring.frames[frame]) return;
        layer = document.createElementNS(SVG, "svg");
        layer.setAttribute("class", "unit-ring");
        layer.setAttribute("role", "img");
        layer.setAttribute("aria-label", self.ring.said);
        layer.setAttribute("style", "position:absolute;left:0;top:0;width:100%;height:100%;pointer-events:none");
        self.ring.panels.forEach((drawn) => panel(layer, graph, self.ring, drawn, frame));
        paper.after(layer);
    };
    const still = () => draw(graph && graph.layout.sliders ? graph.layout.sliders[0].active : -1);
    const moved = (event) => { if (self.ring) draw(self.ring.frames.indexOf(event.name)); };
    const click = (event) => {
        const dot = event.points.length ? event.points[0].customdata : null;
        if (dot) self.send("unit", Number(dot[0]));
    };
    const events = { plotly_click: click, plotly_animatingframe: moved, plotly_afterplot: still };
    const leave = () => {
        clear();
        if (graph && graph.removeListener)
            for (const [name, listener] of Object.entries(events)) graph.removeListener(name, listener);
    };
    const look = () => {
        const now = document.querySelector(figure + " .js-plotly-plot");
        if (now === graph || (now && !now.on)) return;
        leave();
        graph = now;
        if (graph) for (const [name, listener] of Object.entries(events)) graph.on(name, listener);
        still();
    };
    timer = window.setInterval(look, 200);
    self.show = (ring, send) => { Object.assign(self, { ring, send }); look(); still(); };
    self.end = () => { window.clearInterval(timer); leave(); };
    return self;
};

export default function({ data, parentElement, setTriggerValue }) {
    if (!started.has(parentElement)) started.set(parentElement, start(data.figure));
    const self = started.get(parentElement);
    self.show(data.ring, setTriggerValue);
    return () => { self.end(); started.delete(parentElement); };
}
