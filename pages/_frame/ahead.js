// Runs the library that draws figures once there is a heading to read, while the server still makes the figure.
{
    const library = document.querySelector("link[data-figures]");
    const started = new MutationObserver(() => {
        if (!document.querySelector("h2")) return;
        started.disconnect();
        const run = () => import(library.href).catch(() => {});  // Streamlit asks again, and says so
        window.requestAnimationFrame(() => window.setTimeout(run, 0));  // after the heading was painted
    });
    started.observe(document.getElementById("root"), { childList: true, subtree: true });
}
