// Correcting a turn: C opens the sentence that plays or was clicked last, Ctrl+Enter saves and scores again, Alt+Enter splits it where
// the cursor stands, J joins it with the next one, Esc leaves; Z takes the last correction back.
const page = document.getElementById("call"), form = document.getElementById("correct");
const words = form.querySelector("textarea"), who = form.querySelector(".who"), then = form.querySelector(".then");
const restore = form.querySelector(".restore"), KEPT = "tingjian place", undo = document.getElementById("undo");
const waiting = () => localStorage.getItem(`tingjian ${page.dataset.person} ${page.dataset.call}`) !== null;
const talk = document.querySelector(".talk"), card = document.querySelector("aside.card");
let button = null, busy = false;
const other = { agent: "customer", customer: "agent" };

const open = (edit) => {
  if (!edit) return;
  close();
  button = edit;
  button.closest(".turn").after(form);
  form.className = button.dataset.speaker;
  words.value = button.dataset.text;
  who.value = button.dataset.speaker;
  then.value = (form.dataset.mono && other[who.value]) || who.value;       // on one channel, what is split was mostly two people
  restore.hidden = button.dataset.corrected !== "yes";
  form.querySelector("output").textContent = "";
  form.hidden = false;
  words.focus();
  form.scrollIntoView({ block: "nearest" });
};
const close = () => { form.hidden = true; button?.closest(".turn").focus(); button = null; };
const sleep = (time) => new Promise((done) => setTimeout(done, time));
const post = async (more, said) => {
  if (busy) return;
  busy = true;
  said.textContent = form.dataset.wait;
  for (let tries = 0; waiting() && tries < 40; tries += 1) await sleep(100);      // judgements on their way go first
  const body = { version: Number(document.querySelector("#publish [name=version]").value), ...more };
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
  busy = false;
};
const send = (more) => button && post({ turn: Number(button.dataset.turn), speaker: who.value, text: words.value, shown: button.dataset.text, ...more },
  form.querySelector("output"));
const split = () => send({ do: "split", at: [...words.value.slice(0, words.selectionStart)].length, then: then.value });
const join = () => send({ do: "join" });
const back = () => undo && post({ do: "undo" }, undo.nextElementSibling);

talk.querySelectorAll(".edit").forEach((edit) => edit.addEventListener("click", (event) => { event.stopPropagation(); open(edit); }));
form.addEventListener("submit", (event) => { event.preventDefault(); send({}); });
form.addEventListener("click", (event) => event.stopPropagation());
form.querySelector(".cancel").addEventListener("click", close);
restore.addEventListener("click", () => send({ do: "restore" }));
form.querySelector(".split").addEventListener("click", split);
form.querySelector(".join").addEventListener("click", join);
undo?.addEventListener("click", back);
form.addEventListener("keydown", (event) => {
  if (event.key === "Escape") { event.preventDefault(); close(); }
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send({}); }
  if (event.key === "Enter" && event.altKey) { event.preventDefault(); split(); }
});
const chosen = () => (document.querySelector(".turn.now") ?? document.querySelector(".turn"))?.querySelector(".edit");
const keys = { c: () => open(chosen()), j: () => { open(chosen()); join(); }, z: back };
document.addEventListener("keydown", (event) => {
  const act = keys[event.key.toLowerCase()];
  if (!act || event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  act();
});

// After scoring again the page stands where it was.
const place = JSON.parse(sessionStorage.getItem(KEPT) || "null");
sessionStorage.removeItem(KEPT);
if (place?.call === page.dataset.call) {
  talk.scrollTop = place.talk;
  card.scrollTop = place.card;
  document.getElementById(`turn-${place.turn}`)?.focus({ preventScroll: true });
}
