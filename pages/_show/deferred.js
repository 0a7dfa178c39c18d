// Says once that a figure can be seen, or that nobody should wait for it any longer.
export default function({ data, setStateValue }) {
    const end = performance.now() + data.patience;
    let timer = 0;
    const look = () => {
        if (document.querySelector(".js-plotly-plot .main-svg") || performance.now() > end)
            window.requestAnimationFrame(() => { timer = window.setTimeout(() => setStateValue("seen", true), 0); });
        else timer = window.setTimeout(look, 60);
    };
    look();
    return () => window.clearTimeout(timer);
}
