"use strict";
// Sorting by a click on a heading, and a filter that wants every word given somewhere in the row.
(() => {
  const body = document.querySelector("#calls tbody");
  const heads = [...document.querySelectorAll("#calls th")];
  const rows = [...body.rows];
  const filter = document.getElementById("filter");
  const count = document.getElementById("count");
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true });

  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.value === undefined ? cell.textContent.trim() : cell.dataset.value === "" ? null : Number(cell.dataset.value);
  };
  const compare = (one, other) => typeof one === "number" ? one - other : order.compare(one, other);
  const sort = (column) => {
    const was = heads[column].getAttribute("aria-sort");
    const now = was === "none" ? heads[column].dataset.first : was === "ascending" ? "descending" : "ascending";
    heads.forEach((head, position) => head.setAttribute("aria-sort", position === column ? now : "none"));
    const sign = now === "ascending" ? 1 : -1;
    const empty = (known) => known === null || known === "";
    const keyed = rows.map((row, place) => ({ row, place, known: value(row, column) }));
    keyed.sort((a, b) => empty(a.known) - empty(b.known)
      || (empty(a.known) ? 0 : sign * compare(a.known, b.known)) || a.place - b.place);
    body.append(...keyed.map((one) => one.row));
  };
  const sift = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !words.every((word) => texts.get(row).includes(word));
      if (!row.hidden) shown += 1;
    }
    count.textContent = words.length ? `${shown} / ${rows.length}` : String(rows.length);
  };

  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => sort(column)));
  filter.addEventListener("input", sift);
  sift();       // browsers keep what was typed when one comes back
})();
