// Every figure: its slider by keys, its position and its camera in the address, what it draws as a table to save, and
// hover boxes beside its words.
const STEPS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5 };
const INSET = 10;  // px from either end of a rail to the places where its grip stops
const PAUSE = 300;  // ms without a move after which the address is written
const DIGITS = 3;  // of a coordinate of the camera
const HOP = 6, HOPS = 30;  // px by which a hover box or the toolbar is moved at a time, and how often at most

const note = (name, value) => {  // in the address alone: neither a step of the history nor a word to the server
    const address = new URL(window.location);
    if (address.searchParams.get(name) === value) return;
    address.searchParams.set(name, value);
    window.history.replaceState(window.history.state, "", address);
};

const timers = {};

const later = (name, value) => {
    window.clearTimeout(timers[name]);
    timers[name] = window.setTimeout(() => note(name, value()), PAUSE);
};

const place = (slider) => slider.layout.sliders[0].active || 0;
const steps = (slider) => slider.layout.sliders[0].steps;
const at = (graph) => steps(graph)[place(graph)].args[0][0].replace("t=", "");  // the name of its frame

const move = (graph, wanted) => {  // as a mouse would: the figure then does all the rest
    const rail = graph.querySelector(".slider-rail-touch-rect"), last = steps(graph).length - 1;
    const to = Math.min(last, Math.max(0, wanted)), box = rail.getBoundingClientRect();
    const where = { bubbles: true, cancelable: true, button: 0,
        clientX: box.left + INSET + to / last * (box.width - 2 * INSET), clientY: box.top + box.height / 2 };
    rail.dispatchEvent(new MouseEvent("mousedown", where));
    graph.dispatchEvent(new MouseEvent("mouseup", where));
};

const say = (graph) => {
    const group = graph.querySelector(".slider-group"), chosen = steps(graph)[place(graph)];
    if (!group || !chosen) return;
    const said = new DOMParser().parseFromString(chosen.label.replaceAll("<br>", " "), "text/html").body.textContent;
    const last = steps(graph).length - 1;
    const now = { role: "slider", tabindex: "0", "aria-label": "Position t on the path from A to B",
        "aria-valuemin": "0", "aria-valuemax": String(last), "aria-valuenow": String(place(graph)),
        "aria-valuetext": `t = ${said}` };
    for (const [name, value] of Object.entries(now))
        if (group.getAttribute(name) !== value) group.setAttribute(name, value);
};

const press = (graph, event) => {
    if (!event.target.closest || !event.target.closest(".slider-group")) return;
    const ends = { Home: 0, End: steps(graph).length - 1 };
    const to = event.key in ends ? ends[event.key] : place(graph) + STEPS[event.key];
    if (Number.isNaN(to)) return;
    event.preventDefault();
    event.stopPropagation();
    move(graph, to);
    say(graph);
    const group = graph.querySelector(".slider-group");
    if (group) group.focus();
};

const cell = (value) => {
    if (value === null || value === undefined || Number.isNaN(value)) return "";
    const text = String(value).replace(/<[^>]*>/g, " ").trim();
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const rows = (trace, number) => {  // of one thing that is drawn: x, y and, where there is one, z
    const said = /<b>([^<%]+)<\/b>/.exec(trace.hovertemplate || "");
    const given = /^trace \d+$/.test(trace.name || "") ? "" : trace.name;
    const named = given || (said ? said[1] : `${trace.type} ${number + 1}`);
    const grid = ["heatmap", "contour", "surface"].includes(trace.type);
    if (grid && trace.z) return [...trace.z].flatMap((line, j) => [...line].map((z, i) => {
        const at = (axis, k) => axis ? (axis[k] && axis[k].length ? axis[k][i] : axis[k]) : k;
        return [named, at(trace.x, i), at(trace.y, j), z];
    }));
    const many = Math.max(...["x", "y", "z"].map((axis) => (trace[axis] || []).length));
    return Array.from({ length: many }, (_, k) => [named, ...["x", "y", "z"].map((axis) => (trace[axis] || [])[k])]);
};

const table = (graph) => {
    const drawn = graph._fullData.filter((trace) => trace.visible === true && trace.mode !== "text");
    const lines = drawn.flatMap((trace) => rows(trace, trace.index));
    return [["drawn", "x", "y", "z"], ...lines].map((line) => line.map(cell).join(",")).join("\n") + "\n";
};

const save = (graph, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table(graph)], { type: "text/csv" }));
    link.download = `${name}.csv`;
    link.click();
    window.setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
};

const offer = (graph) => {  // beside the button that saves the picture
    const bar = graph.querySelector(".modebar-group");
    if (!bar || bar.querySelector(".figure-data")) return;
    const words = "What is drawn, as CSV";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "modebar-btn figure-data";
    button.setAttribute("data-title", words);
    button.setAttribute("aria-label", words);
    button.textContent = "CSV";
    const key = (graph.closest("[class*=st-key-]") || graph).className.match(/st-key-([\w-]+)/);
    button.addEventListener("click", () => save(graph, key ? key[1] : "figure"));
    bar.append(button);
};

const legible = (text) => {
    const look = getComputedStyle(text);
    return text.textContent.trim() && !text.closest(".hoverlayer") && look.visibility !== "hidden"
        && look.fill !== "rgba(0, 0, 0, 0)" && Number(look.opacity) > 0 && parseFloat(look.fontSize) > 2;
};

const aside = (graph, boxes) => {  // what lies over a figure goes to the nearest place where it covers no word
    const frame = graph.getBoundingClientRect();
    const words = [...graph.querySelectorAll("text")].filter(legible).map((text) => text.getBoundingClientRect());
    for (const box of graph.querySelectorAll(boxes)) {
        box.style.translate = "";
        const at = box.getBoundingClientRect();
        const free = ([x, y]) => at.left + x >= frame.left && at.right + x <= frame.right + 1
            && at.top + y >= frame.top - 1 && at.bottom + y <= frame.bottom
            && !words.some((word) => word.left < at.right + x && word.right > at.left + x
                && word.top < at.bottom + y && word.bottom > at.top + y);
        const ways = [0, -at.width, at.width].flatMap((x) => Array.from({ length: 2 * HOPS + 1 },
            (_, k) => [x, HOP * (k - HOPS)])).sort((one, other) => Math.hypot(...one) - Math.hypot(...other));
        const [x, y] = ways.find(free) || [0, 0];
        if (x || y) box.style.translate = `${x}px ${y}px`;
    }
};

const eye = (camera) => ["x", "y", "z"].map((axis) => camera.eye[axis].toFixed(DIGITS)).join(",");

const watch = (graph) => {
    if (graph.dataset.steered || !graph.on || !graph.layout) return;
    graph.dataset.steered = "yes";
    graph.addEventListener("keydown", (event) => { if (graph.layout.sliders) press(graph, event); });
    graph.on("plotly_hover", () => aside(graph, ".hoverlayer .hovertext"));
    graph.addEventListener("mouseenter", () => aside(graph, ".modebar"));
    graph.on("plotly_sliderchange", () => { say(graph); later("t", () => at(graph)); });
    graph.on("plotly_relayout", (change) => {
        const camera = change["scene.camera"];
        if (camera && camera.eye) later("eye", () => eye(camera));
    });
};

export default function() {
    const look = () => document.querySelectorAll(".js-plotly-plot").forEach((graph) => {
        watch(graph);
        offer(graph);
        if (graph.layout && graph.layout.sliders && graph.layout.sliders.length) say(graph);
    });
    const looking = window.setInterval(look, 250);
    look();
    return () => window.clearInterval(looking);
}
