// Correcting a turn: C opens the sentence that plays or was clicked last, Ctrl+Enter saves and scores again, Esc leaves.
const page = document.getElementById("call"), form = document.getElementById("correct");
const words = form.querySelector("textarea"), who = form.querySelector("select"), said = form.querySelector("output");
const restore = form.querySelector(".restore"), save = form.querySelector(".main"), KEPT = "tingjian place";
const waiting = () => localStorage.getItem(`tingjian ${page.dataset.call}`) !== null;
const talk = document.querySelector(".talk"), card = document.querySelector("aside.card");
let button = null;

const open = (edit) => {
  if (!edit) return;
  close();
  button = edit;
  button.closest(".turn").after(form);
  form.className = button.dataset.speaker;
  words.value = button.dataset.text;
  who.value = button.dataset.speaker;
  restore.hidden = button.dataset.corrected !== "yes";
  said.textContent = "";
  form.hidden = false;
  words.focus();
  form.scrollIntoView({ block: "nearest" });
};
const close = () => { form.hidden = true; button?.closest(".turn").focus(); button = null; };
const sleep = (time) => new Promise((done) => setTimeout(done, time));
const send = async (more) => {
  if (!button || save.disabled) return;
  save.disabled = true;
  said.textContent = form.dataset.wait;
  for (let tries = 0; waiting() && tries < 40; tries += 1) await sleep(100);      // judgements on their way go first
  const body = { version: Number(document.querySelector("#publish [name=version]").value), turn: Number(button.dataset.turn),
    speaker: who.value, text: words.value, shown: button.dataset.text, ...more };
  try {
    const answer = await fetch(`/calls/${page.dataset.call}/correct`, { method: "POST", body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", "X-CSRF": page.dataset.csrf } });
    if (answer.ok) {
      sessionStorage.setItem(KEPT, JSON.stringify({ call: page.dataset.call, turn: body.turn, talk: talk.scrollTop, card: card.scrollTop }));
      location.reload();
      return;
    }
    said.textContent = (await answer.json()).message;
  } catch {
    said.textContent = form.dataset.lost;
  }
  save.disabled = false;
};

talk.querySelectorAll(".edit").forEach((edit) => edit.addEventListener("click", (event) => { event.stopPropagation(); open(edit); }));
form.addEventListener("submit", (event) => { event.preventDefault(); send({}); });
form.addEventListener("click", (event) => event.stopPropagation());
form.querySelector(".cancel").addEventListener("click", close);
restore.addEventListener("click", () => send({ restore: true }));
form.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { event.preventDefault(); close(); }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send({}); }
});
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || !["c", "C"].includes(event.key) || event.target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  open((document.querySelector(".turn.now") ?? document.querySelector(".turn"))?.querySelector(".edit"));
});

// After scoring again the page stands where it was.
const place = JSON.parse(sessionStorage.getItem(KEPT) || "null");
sessionStorage.removeItem(KEPT);
if (place?.call === page.dataset.call) {
  talk.scrollTop = place.talk;
  card.scrollTop = place.card;
  document.getElementById(`turn-${place.turn}`)?.focus({ preventScroll: true });
}
