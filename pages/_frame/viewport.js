// Says whether the column of the page is narrow, now and whenever that changes: with the window, or with the sidebar.
export default function({ data, setStateValue }) {
    const column = document.querySelector('[data-testid="stMainBlockContainer"]');
    let narrow = data.narrow;
    const observer = new ResizeObserver(() => {
        const style = getComputedStyle(column);
        const width = column.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
        if (width > 0 && (width <= data.width) !== narrow) setStateValue("narrow", narrow = width <= data.width);
    });
    observer.observe(column);
    return () => observer.disconnect();
}
