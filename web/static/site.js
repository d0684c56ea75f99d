// Refreshes what is on the page when an event of its kind comes, or now and then where there
// is no event log, and draws charts of the tables that are on it. Every number comes with the page; nothing is computed here.

const said = document.getElementById("live");

// refresh asks for the page again and takes over the parts that may change.
async function refresh() {
  const answer = await fetch(location.href, { cache: "no-store" });
  if (!answer.ok) throw new Error(`the page answers ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-live]")) {
    const now = fresh.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
    if (!now || now.innerHTML === old.innerHTML || old.contains(document.activeElement)) continue;
    for (const value of now.querySelectorAll("dd[id] data")) {
      const before = document.getElementById(value.closest("dd").id)?.querySelector("data");
      if (before && before.value !== value.value) value.classList.add("fresh");
    }
    old.replaceChildren(...[...now.childNodes].map((n) => document.importNode(n, true)));
  }
  charts();
}

// follow listens to the event log from where the page stands.
function follow() {
  const { head, types } = document.body.dataset;
  if (!types) return;
  const source = new EventSource(`/aicf/events?after=${head}&types=${types}`);
  let due = 0, busy = false;
  const soon = () => {
    due ||= setTimeout(async () => {
      due = 0;
      if (busy) return soon();
      busy = true;
      try {
        await refresh();
        said.textContent = "Live: follows the event log.";
      } catch (e) {
        said.textContent = `Not refreshed: ${e.message}.`;
      }
      busy = false;
    }, 300);
  };
  for (const type of types.split(",")) source.addEventListener(type, soon);
  source.onopen = () => { said.textContent = "Live: follows the event log."; };
  source.onerror = () => { said.textContent = "The event stream is interrupted; trying again."; };
  addEventListener("pagehide", () => source.close());
}

// repeat asks again every so many milliseconds while the page is seen.
function repeat(every) {
  if (!every) return;
  const again = async () => {
    if (!document.hidden) {
      try {
        await refresh();
        said.textContent = `Live: asks again every ${every / 1000} s.`;
      } catch (e) {
        said.textContent = `Not refreshed: ${e.message}; trying again.`;
      }
    }
    setTimeout(again, every);
  };
  setTimeout(again, every);
}

const plots = new Map();

// clock is the time of day, UTC, of a moment in seconds.
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);

// points reads x and the series of a table: the header says which columns.
function points(table) {
  const heads = [...table.tHead.rows[0].cells];
  const x = heads.findIndex((h) => "x" in h.dataset);
  const ys = heads.flatMap((h, i) => ("y" in h.dataset ? [i] : []));
  const value = (cell) => {
    const time = cell.querySelector("time"), data = cell.querySelector("data");
    return time ? Date.parse(time.dateTime) / 1000 : data ? Number(data.value) : NaN;
  };
  const rows = [...table.tBodies[0].rows].filter((r) => r.cells.length === heads.length);
  const all = rows.map((r) => [value(r.cells[x]), ...ys.map((i) => value(r.cells[i]) / Number(heads[i].dataset.scale ?? 1))]).filter((p) => p.every(Number.isFinite));
  all.sort((a, b) => a[0] - b[0]);
  return { names: ys.map((i) => heads[i].dataset.y), time: heads[x].dataset.x !== "plain", columns: [0, ...ys].map((_, i) => all.map((p) => p[i])) };
}

function charts() {
  for (const figure of document.querySelectorAll("figure[data-from]")) {
    const { names, time, columns } = points(document.getElementById(figure.dataset.from));
    figure.hidden = columns[0].length < 2;
    if (figure.hidden) continue;
    const had = plots.get(figure);
    if (had) {
      had.setData(columns);
      continue;
    }
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: color("--quiet"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 } };
    const width = () => Math.max(200, figure.clientWidth - 30);
    const plot = new uPlot({
      width: width(), height: 200, tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
      scales: { x: { time }, y: { range: (_, low, high) => [Math.min(0, low), high === low ? high + 1 : high * 1.05] } },
      axes: [time ? { ...axis, values: (_, at) => at.map(clock) } : axis, { ...axis, size: 60 }],
      series: [{ value: (_, v) => v == null ? "–" : time ? clock(v) : v, label: time ? "UTC" : document.querySelector(`#${figure.dataset.from} th[data-x]`).textContent },
        ...names.map((label, i) => ({ label, stroke: color(["--accent", "--good", "--warn"][i]), width: 2, dash: i ? [6, 4] : undefined, points: { show: true, size: 6 } }))],
    }, columns, figure);
    plots.set(figure, plot);
    new ResizeObserver(() => plot.setSize({ width: width(), height: 200 })).observe(figure);
  }
}

// A change of light and dark draws the charts anew.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of plots.values()) plot.destroy();
  plots.clear();
  charts();
});

charts();
follow();
repeat(Number(document.body.dataset.every ?? 0));
