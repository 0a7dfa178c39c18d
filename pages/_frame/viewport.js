// Says whether the column of the page is narrow and whether the page is dark, now and whenever either changes: with the
// window or the sidebar, by the menu or by the system.
export default function({ data, setStateValue }) {
    const app = document.querySelector(".stApp");
    const column = document.querySelector('[data-testid="stMainBlockContainer"]');
    const known = { narrow: data.narrow, dark: data.dark };
    const say = (name, value) => { if (value !== known[name]) setStateValue(name, known[name] = value); };
    const measure = () => {
        const style = getComputedStyle(column);
        const width = column.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        if (width > 0) say("narrow", width <= data.width);
    };
    const look = () => {
        const [red, green, blue] = getComputedStyle(app).backgroundColor.match(/[\d.]+/g).map(Number);
        say("dark", red + green + blue < 384);
    };
    const sizes = new ResizeObserver(measure), themes = new MutationObserver(look);
    sizes.observe(column);
    themes.observe(app, { attributes: true, attributeFilter: ["class"] });
    look();
    return () => { sizes.disconnect(); themes.disconnect(); };
}
