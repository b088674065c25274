// What pages need beyond plain links and forms: keys, rows that are walked through, charts, suggestions.
(() => {
  "use strict";
  const $ = (selector, from = document) => from.querySelector(selector);
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const typing = (el) => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) && !/^(checkbox|radio|range|button|submit)$/.test(el.type));
  const shown = (el) => el.offsetParent !== null || el === document.activeElement;

  if (window.htmx) Object.assign(htmx.config, { includeIndicatorStyles: false, allowEval: false, allowScriptTags: false, selfRequestsOnly: true });

  // Keys: an element with data-key is pressed (or focused) by it; the dialog of "?" lists them all.
  const press = (el) => {
    if (typing(el)) { el.focus(); if (el.select) el.select(); }
    else if (el.tagName === "DETAILS") { el.open = !el.open; const first = $("input, textarea, select, button, a", el); if (el.open && first) first.focus(); }
    else el.click();
  };
  const several = (form) => form && form.method === "post" && [...form.elements].filter((el) => el.tagName === "BUTTON" && el.type === "submit").length > 1;
  const rows = () => all("[data-rows] > [data-row]").filter(shown);
  const step = (by) => {
    const list = rows();
    if (!list.length) return false;
    const at = list.findIndex((r) => r.classList.contains("at"));
    const next = list[Math.max(0, Math.min(list.length - 1, at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by))];
    list.forEach((r) => { r.classList.remove("at"); r.removeAttribute("aria-selected"); });
    next.classList.add("at");
    const link = $("a[data-open]", next) || $("a", next);
    if (link) link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  };
  const current = () => $("[data-rows] > [data-row].at");
  document.addEventListener("focusin", (e) => {
    const row = e.target.closest("[data-row]");
    if (row) { rows().forEach((r) => r.classList.toggle("at", r === row)); }
  });
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return; // while Chinese is typed, keys belong to the input method
    if (e.key === "Escape") {
      all("details.menu[open]").forEach((d) => { d.open = false; });
      const list = $("#suggestions"); if (list) list.replaceChildren();
      if (typing(document.activeElement)) document.activeElement.blur();
      return;
    }
    // Where a form can do several things, Enter in a field does none of them: it leaves the field.
    if (e.key === "Enter" && e.target.tagName === "INPUT" && typing(e.target) && several(e.target.form)) { e.preventDefault(); e.target.blur(); return; }
    if (typing(e.target) || e.target.closest("dialog")) return;
    const stop = () => e.preventDefault();
    if (e.key === "?") { stop(); return keys(); }
    const bound = all("[data-key]").find((el) => el.dataset.key === e.key && !el.disabled);
    if (bound) { stop(); return press(bound); }
    if (e.key === "j" || e.key === "ArrowDown") { if (step(1)) stop(); }
    else if (e.key === "k" || e.key === "ArrowUp") { if (step(-1)) stop(); }
    else if (e.key === "x" && current()) { const box = $("input[type=checkbox]", current()); if (box) { stop(); box.click(); } }
  });
  function keys() {
    const dialog = $("#keys"), body = $("tbody", dialog), seen = new Set();
    const add = (key, label) => {
      if (seen.has(key)) return;
      seen.add(key);
      const row = body.insertRow(), kbd = document.createElement("kbd");
      kbd.textContent = key === " " ? "␣" : key;
      row.insertCell().append(kbd);
      row.insertCell().textContent = label;
    };
    body.replaceChildren();
    all("[data-key]").forEach((el) => add(el.dataset.key, el.dataset.keyLabel || el.getAttribute("aria-label") || el.textContent.replace(/\s+/g, " ").trim().replace(new RegExp(`\\s*${el.dataset.key.replace(/[^a-z0-9]/gi, "\\$&")}$`), "")));
    if (rows().length) { add("j", dialog.dataset.next); add("k", dialog.dataset.previous); add("Enter", dialog.dataset.open); if ($("[data-row] input[type=checkbox]")) add("x", dialog.dataset.mark); }
    add("Esc", dialog.dataset.leave);
    add("?", dialog.dataset.keys);
    dialog.showModal();
  }
  document.addEventListener("click", (e) => {
    if (e.target.closest("[data-show-keys]")) return keys();
    if (e.target.closest("[data-close]")) return e.target.closest("dialog").close();
    all("details.menu[open]").forEach((d) => { if (!d.contains(e.target)) d.open = false; });
    const copy = e.target.closest("[data-copy]");
    if (copy && navigator.clipboard) navigator.clipboard.writeText(copy.dataset.copy).then(() => { copy.classList.add("agree"); });
  });

  // Forms: filters go off when they change; a check box for all; no form twice.
  document.addEventListener("change", (e) => {
    const form = e.target.closest("form[data-auto]");
    if (form) form.requestSubmit();
    if (e.target.matches("[data-all]")) all(`[name="${e.target.dataset.all}"]`).forEach((box) => { box.checked = e.target.checked; });
    if (e.target.matches("[data-all], [data-row] input[type=checkbox]")) marked();
  });
  const marked = () => all("[data-marked]").forEach((bar) => {
    const n = all(`[name="${bar.dataset.marked}"]:checked`).length;
    bar.hidden = n === 0;
    all("[data-count]", bar).forEach((el) => { el.textContent = n; });
  });
  document.addEventListener("submit", (e) => {
    if (e.target.method === "get") { all("input, select", e.target).forEach((f) => { if (f.value === "" && f.name) f.disabled = true; }); setTimeout(() => all(":disabled", e.target).forEach((f) => { f.disabled = false; }), 0); return; }
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    if (!e.target.hasAttribute("hx-post")) e.target.dataset.sent = "1";
  });
  window.addEventListener("pageshow", () => all("form[data-sent]").forEach((f) => { delete f.dataset.sent; }));

  // Suggestions under the search box are walked through with the arrows.
  document.addEventListener("keydown", (e) => {
    const box = $("#find"), list = $("#suggestions");
    if (e.isComposing || !list || !list.children.length || !(e.target === box || list.contains(e.target))) return;
    if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
    e.preventDefault(); e.stopPropagation();
    const links = all("a", list), at = links.indexOf(document.activeElement) + (e.key === "ArrowDown" ? 1 : -1);
    (at < 0 ? box : links[Math.min(at, links.length - 1)]).focus();
  }, true);
  document.addEventListener("click", (e) => { const list = $("#suggestions"); if (list && !e.target.closest(".find")) list.replaceChildren(); });

  // The slider of versions leads to the version that it stands on.
  document.addEventListener("change", (e) => {
    if (!e.target.matches("input[data-goto]")) return;
    const to = JSON.parse(e.target.dataset.goto)[Number(e.target.value)];
    if (to) location.assign(to);
  });

  // Charts: <div class="chart" data-chart="id of a script with the option as JSON">.
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("span");
  const colour = (name) => { probe.style.color = `var(--${name})`; document.body.append(probe); const c = getComputedStyle(probe).color; probe.remove(); return c; };
  const painted = (value) => Array.isArray(value) ? value.map(painted)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, painted(v)]))
    : typeof value === "string" && value.startsWith("var:") ? colour(value.slice(4)) : value;
  const drawn = [];
  function draw(from = document) {
    if (!window.echarts) return;
    all("[data-chart]", from).forEach((el) => {
      const source = document.getElementById(el.dataset.chart);
      if (!source) return;
      const chart = echarts.getInstanceByDom(el) || echarts.init(el, null, { renderer: "svg" });
      const ink = colour("ink"), soft = colour("ink-soft"), line = colour("line");
      const axis = { axisLine: { lineStyle: { color: line } }, axisLabel: { color: soft }, splitLine: { lineStyle: { color: line } }, nameTextStyle: { color: soft } };
      const option = painted(JSON.parse(source.textContent));
      for (const name of ["xAxis", "yAxis"]) if (option[name]) option[name] = [].concat(option[name]).map((a) => ({ ...axis, ...a, axisLabel: { ...axis.axisLabel, ...a.axisLabel } }));
      if (option.tooltip) option.tooltip = { renderMode: "richText", backgroundColor: colour("raised"), borderColor: line, textStyle: { color: ink }, confine: true, ...option.tooltip };
      if (option.legend) option.legend = { textStyle: { color: ink }, ...option.legend };
      chart.setOption({ animation: false, backgroundColor: "transparent", textStyle: { color: ink, fontFamily: style.fontFamily }, aria: { enabled: true }, ...option }, true);
      chart.off("click");
      chart.on("click", (p) => { const href = (p.data && p.data.href) || (p.value && p.value.href); if (href) location.assign(href); });
      if (!drawn.includes(chart)) drawn.push(chart);
    });
  }
  // A tree that is longer than its place shows whose page it is.
  const shownHere = () => all(".drawn [aria-current]").forEach((el) => { const box = el.closest(".drawn"), at = el.getBoundingClientRect().top - box.getBoundingClientRect().top; if (at > box.clientHeight - 40) box.scrollTop += at - box.clientHeight / 2; });
  window.addEventListener("resize", () => drawn.forEach((c) => c.resize()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  matchMedia("print").addEventListener("change", () => draw());
  document.addEventListener("DOMContentLoaded", () => { draw(); marked(); shownHere(); const row = current(); if (row) { const a = $("a", row); if (a) a.focus({ preventScroll: true }); } });
  document.addEventListener("htmx:afterSwap", (e) => { draw(e.target); marked(); });
})();
