// Runs the library that draws figures once there is something to look at, while the server still makes the figure: it
// takes most of a second, in which nothing else is drawn.
{
    const PATIENCE = 500;  // ms after the heading, on pages whose figure has no picture that comes first
    const library = document.querySelector("link[data-figures]");
    const run = () => import(library.href).catch(() => {});  // Streamlit asks again, and says so
    let timer = 0, begun = false;
    const begin = () => {
        if (begun) return;
        begun = true;
        window.clearTimeout(timer);
        started.disconnect();
        window.requestAnimationFrame(() => window.setTimeout(run, 0));  // after what there is was painted
    };
    const started = new MutationObserver(() => {
        const picture = document.querySelector(".at-once img");
        if (picture) picture.decode().then(begin, begin);
        else if (!timer && document.querySelector("h2")) timer = window.setTimeout(begin, PATIENCE);
    });
    started.observe(document.getElementById("root"), { childList: true, subtree: true });
}
