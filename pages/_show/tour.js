// Brings the part of the page that the tour speaks of into view, once it is there.
const PATIENCE = 10000, EVERY = 200;  // milliseconds

export default ({ data }) => {
  const began = Date.now();
  const look = () => {
    const part = document.querySelector(data.part);
    if (!part) return Date.now() - began > PATIENCE ? stop() : undefined;
    const box = part.getBoundingClientRect();
    if (box.top < 0 || box.bottom > innerHeight) part.scrollIntoView({ block: box.height > innerHeight / 2 ? "start" : "center" });
    return stop();
  };
  const stop = () => clearInterval(timer);
  const timer = setInterval(look, EVERY);
  return stop;
};
