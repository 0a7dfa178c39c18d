// Says whether the window is narrow, now and whenever that changes.
export default function({ data, setStateValue }) {
    const query = window.matchMedia(`(max-width: ${data.width}px)`);
    const report = () => setStateValue("narrow", query.matches);
    if (query.matches !== data.narrow) report();
    query.addEventListener("change", report);
    return () => query.removeEventListener("change", report);
}
