"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const { charts, palettes } = read("charts");
  const browser = read("samples");
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  let printing = false;

  /* Themes: a colour's name in a chart is looked up in the palette of the theme. */

  const theme = () => (printing ? "light" : root.dataset.chosen || (dark.matches ? "dark" : "light"));

  const coloured = (value, palette) => {
    if (typeof value === "string") return Object.hasOwn(palette, value) ? palette[value] : value;
    if (Array.isArray(value)) return value.map((each) => coloured(each, palette));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, palette)]));
  };

  const draw = (chart) => {
    const place = document.getElementById(`chart-${chart.name}`);
    const room = place.parentElement.clientWidth;
    const width = printing ? Math.min(room, chart.wide ? 680 : 330) : room;
    if (!width) return;
    const palette = palettes[theme()];
    const layout = coloured(chart.layout, palette);
    const height = Math.max(Math.round(width * chart.ratio), chart.least);
    Object.assign(layout, {
      width,
      height: layout.yaxis.scaleanchor ? Math.min(height, 560) : Math.min(height, Math.max(chart.least, 460)),
      font: { family: "system-ui, 'DejaVu Sans', sans-serif", size: 12, color: palette["@ink"] },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 48, r: 12, t: 10, b: 44 },
      hoverlabel: { align: "left" },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", ...layout.legend },
      dragmode: false,
    });
    const config = { displaylogo: false, displayModeBar: false, responsive: false };
    window.Plotly.react(place, coloured(chart.data, palette), layout, config);
  };

  const drawAll = () => {
    root.dataset.theme = theme();
    browser.arms.forEach((arm, place) => root.style.setProperty(`--arm-${place}`, palettes[theme()][`@arm:${arm}`]));
    charts.forEach(draw);
  };

  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.chosen = theme() === "dark" ? "light" : "dark";
    drawAll();
  });
  dark.addEventListener("change", drawAll);
  let waiting = 0;
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    window.clearTimeout(waiting);
    waiting = window.setTimeout(drawAll, 150);
  });
  window.addEventListener("beforeprint", () => { printing = true; drawAll(); });
  window.addEventListener("afterprint", () => { printing = false; drawAll(); });

  /* The browser of samples: all of it is put in as text. */

  const PAGE = 10;
  const made = (name, text, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const control = (id) => document.getElementById(id);
  const [task, topic, search] = ["task", "topic", "search"].map(control);
  let start = 0;

  const fill = (select, names, every) => {
    select.replaceChildren();
    if (every) select.append(new Option(every, ""));
    names.forEach((name) => select.append(new Option(name, name)));
  };

  const cards = () => (browser.tasks[task.value] || { cards: [], of: 0 });

  const arms = () =>
    browser.arms.filter((arm, place) => document.getElementById(`arm-${place}`).checked);

  const texts = (card) => [
    card.prompt, card.item,
    ...Object.values(card.answers).flat().flatMap(([, said, , why]) => [
      ...(Array.isArray(said) ? said.map((option) => option[0]) : [said]),
      ...why.flatMap(([judge, , reason]) => [judge, reason]),
    ]),
  ];

  const holds = (card) => {
    const wanted = search.value.toLowerCase();
    if (topic.value && card.topic !== topic.value) return false;
    return !wanted || texts(card).some((text) => text.toLowerCase().includes(wanted));
  };

  const shownNumber = (value) => (value === null ? "missing" : String(value).replace("-", "\u2212"));

  const answered = ([seed, said, scores, why]) => {
    const place = made("div", undefined, "answer");
    if (seed !== "") place.append(made("small", `seed ${seed}`));
    if (Array.isArray(said)) {
      const list = made("dl");
      const most = Math.max(...said.map((option) => option[1]));
      said.forEach(([option, share]) => {
        const kind = share === most ? "most" : "";
        const term = made("dt", option, kind);
        term.dir = "auto";
        list.append(term, made("dd", `${(100 * share).toFixed(0)} %`, kind));
      });
      place.append(list);
    } else {
      const text = made("p", said || "(empty)");
      text.dir = "auto";
      place.append(text);
    }
    const told = Object.entries(scores).map(([name, value]) => `${name} ${shownNumber(value)}`);
    if (told.length) place.append(made("small", told.join(" · ")));
    why.forEach(([judge, value, reason]) => {
      const line = made("small", `${judge}: ${shownNumber(value)}${reason ? `, ${reason}` : ""}`);
      line.dir = "auto";
      place.append(line);
    });
    return place;
  };

  const shownCard = (card) => {
    const article = made("article");
    const prompt = made("h3", card.prompt);
    prompt.dir = "auto";
    article.append(prompt);
    article.append(made("p", [card.item, card.topic].filter(Boolean).join(" · "), "where"));
    const row = made("div", undefined, "arms");
    arms().forEach((arm) => {
      const column = made("div");
      const name = made("h4", arm);
      name.style.borderColor = `var(--arm-${browser.arms.indexOf(arm)})`;
      column.append(name);
      (card.answers[arm] || []).forEach((each) => column.append(answered(each)));
      row.append(column);
    });
    article.append(row);
    return article;
  };

  const show = () => {
    const { cards: all, of } = cards();
    const found = all.filter(holds);
    start = Math.min(start, Math.max(0, Math.floor((found.length - 1) / PAGE) * PAGE));
    control("cards").replaceChildren(...found.slice(start, start + PAGE).map(shownCard));
    const range = found.length ? `${start + 1} to ${Math.min(start + PAGE, found.length)} of ` : "";
    const rest = of > all.length ? `; of ${of} prompts, ${all.length} are on this page` : "";
    control("count").textContent = `${range}${found.length} prompts${rest}`;
    control("before").disabled = start === 0;
    control("after").disabled = start + PAGE >= found.length;
  };

  const again = () => { start = 0; show(); };

  const choose = () => {
    const topics = [...new Set(cards().cards.map((card) => card.topic))].filter(Boolean).sort();
    fill(topic, topics, "all");
    topic.parentElement.hidden = !topics.length;
    again();
  };

  if (Object.keys(browser.tasks).length) {
    fill(task, Object.keys(browser.tasks));
    if (browser.first) task.value = browser.first;
    browser.arms.forEach((arm, place) => {
      const label = made("label");
      const box = made("input");
      Object.assign(box, { type: "checkbox", id: `arm-${place}`, checked: true });
      box.addEventListener("change", show);
      label.append(box, arm);
      control("which").append(label);
    });
    task.addEventListener("change", choose);
    topic.addEventListener("change", again);
    search.addEventListener("input", again);
    control("before").addEventListener("click", () => { start -= PAGE; show(); });
    control("after").addEventListener("click", () => { start += PAGE; show(); });
    choose();
  }
  if (window.innerWidth < 640) control("sections").open = false;
  drawAll();
  root.dataset.drawn = "yes";
})();
