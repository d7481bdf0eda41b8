// A call's page: sound, words and card follow one clock; every judgement is saved at once and never lost.
import WaveSurfer from "/wavesurfer/wavesurfer.esm.js";
import Regions from "/wavesurfer/plugins/regions.esm.js";

const page = document.getElementById("call");
const at = page.dataset.at || `/calls/${page.dataset.call}`;      // a card scored blind has an address of its own
const STILL = matchMedia("(prefers-reduced-motion: reduce)").matches;
const LEAD = 0.15;              // seconds before a sentence, so that its first syllable is heard
const COLOURS = { fail: "#b3382f55", needs_review: "#d99a1c55", found: "#4b5fa844", silence: "#8a989f33" };
const all = (query, root = page) => [...root.querySelectorAll(query)];
const text = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds)), two = (value) => String(value).padStart(2, "0");
  return (whole >= 3600 ? Math.floor(whole / 3600) + ":" : "") + two(Math.floor(whole / 60) % 60) + ":" + two(whole % 60);
};

// ---- the talk ----
const turns = all(".turn");
let current = null;
const show = (turn, follow) => {
  if (turn === current) return;
  current?.classList.remove("now");
  current = turn;
  turn?.classList.add("now");
  if (turn && follow) turn.scrollIntoView({ block: "center", behavior: STILL ? "auto" : "smooth" });
};
const turnAt = (seconds) => turns.filter((turn) => turn.dataset.start !== undefined && Number(turn.dataset.start) <= seconds + LEAD).pop();

// ---- the sound ----
// Until the sound is there, and where there is none, clicks still lead to their sentence; the last wish is then granted.
let wish = null;
const player = { go: (seconds, play) => { wish = [seconds, play]; }, toggle: () => { wish = [0, true]; }, now: () => 0, faster() {} };
const openSound = async () => {
  const box = document.getElementById("wave");
  if (!box) return;
  const button = document.getElementById("play"), clock = document.getElementById("clock"), speed = document.getElementById("speed");
  button.addEventListener("click", () => player.toggle());
  const gone = () => { document.getElementById("nosound").hidden = false; button.disabled = true; };
  const answer = await fetch(`${at}/peaks`).catch(() => null);
  if (!answer?.ok) return gone();
  const { duration, channels } = await answer.json();
  // The agent's channel stands on top in the agent's colour; where the transcript names none, both are grey.
  const agent = box.dataset.agent, lanes = agent === "1" ? [...channels].reverse() : channels;
  const colours = agent === "" ? [["#8fa0a8", "#52636b"], ["#8fa0a8", "#52636b"]] : [["#7fabc2", "#24617f"], ["#c99a6a", "#8f5420"]];
  const regions = Regions.create();
  const wave = WaveSurfer.create({
    container: box, url: `${at}/sound${page.dataset.original}`, peaks: lanes, duration, height: lanes.length > 1 ? 36 : 72, backend: "MediaElement", normalize: true,
    splitChannels: lanes.map((_, number) => ({ waveColor: colours[number][0], progressColor: colours[number][1] })),
    cursorColor: "#1d2b33", plugins: [regions],
  });
  const media = wave.getMediaElement();
  media.preservesPitch = true;
  media.addEventListener("error", gone);
  wave.on("ready", () => {
    for (const mark of JSON.parse(box.dataset.regions)) {
      regions.addRegion({ start: mark.start, end: mark.end, color: COLOURS[mark.kind], drag: false, resize: false });
    }
    enable();
  });
  const draw = (seconds) => { clock.textContent = `${text(seconds)} / ${text(duration)}`; };
  wave.on("timeupdate", (seconds) => { draw(seconds); if (wave.isPlaying()) show(turnAt(seconds), true); });
  wave.on("interaction", (seconds) => { draw(seconds); show(turnAt(seconds), true); });
  wave.on("play", () => { button.textContent = page.dataset.pause; });
  wave.on("pause", () => { button.textContent = page.dataset.play; });
  draw(0);
  const enable = () => Object.assign(player, {
    go: (seconds, play) => { wave.setTime(Math.min(Math.max(0, seconds), duration)); if (play) wave.play(); },
    toggle: () => wave.playPause(), now: () => wave.getCurrentTime(),
    faster: (by) => { speed.selectedIndex = Math.min(speed.length - 1, Math.max(0, speed.selectedIndex + by)); wave.setPlaybackRate(Number(speed.value), true); },
  }) && wish && player.go(...wish);
  speed.addEventListener("change", () => player.faster(0));
};
const hear = (turn, seconds) => { show(turn, true); if (seconds !== undefined) player.go(Number(seconds) - LEAD, true); };
turns.forEach((turn) => turn.addEventListener("click", () => { if (!String(getSelection())) hear(turn, turn.dataset.start); }));
const prove = (proof) => {
  const turn = proof.dataset.turn === undefined ? null : document.getElementById(`turn-${proof.dataset.turn}`);
  hear(turn, proof.dataset.start ?? turn?.dataset.start);
};
const proofs = all(".proof");
proofs.forEach((proof) => proof.addEventListener("click", () => prove(proof)));

// ---- saving: what is not yet acknowledged lies in the browser's store, so a closed tab or a lost line loses nothing ----
const mine = page.dataset.mine === "yes";
// Workplaces are shared: nobody saves another's words. correct.js looks under the same name for what is on its way.
const KEY = `tingjian ${page.dataset.person} ${page.dataset.at || page.dataset.call}`;
const saving = document.getElementById("saving");
// What is on its way counts as unsaved until it is acknowledged, also when more is judged meanwhile.
let version = Number(page.dataset.version), pending = JSON.parse(localStorage.getItem(KEY) || "{}"), sent = {}, busy = false, wait = 1000, publishing = null;      // the button that was pressed while something was unsaved
const unsaved = () => ({ ...sent, ...pending });
const anything = () => Object.keys(unsaved()).length > 0;
const keep = () => (anything() ? localStorage.setItem(KEY, JSON.stringify(unsaved())) : localStorage.removeItem(KEY));
const send = async () => {
  if (busy || !Object.keys(pending).length) return;
  busy = true;
  saving.textContent = page.dataset.saving;
  sent = pending;
  pending = {};
  const { comment, ...items } = sent;
  const back = () => { pending = unsaved(); sent = {}; keep(); };
  try {
    const answer = await fetch(`${at}/judge`, { method: "POST", body: JSON.stringify({ version, items, comment: comment ?? null }),
      headers: { "Content-Type": "application/json", "X-CSRF": page.dataset.csrf } });
    const said = await answer.json();
    if (answer.ok) { sent = {}; settle(said); saving.textContent = page.dataset.saved; wait = 1000; keep(); }
    else { back(); saving.textContent = said.message; saving.className = "wrong"; busy = false; publishing = null; return; }   // for a person to mend
  } catch {
    back();
    saving.textContent = page.dataset.unsaved;
    setTimeout(send, wait);
    wait = Math.min(wait * 2, 30000);
  }
  busy = false;
  if (publishing && !anything()) document.getElementById("publish").requestSubmit(publishing);
  else if (wait === 1000) send();
};
const settle = (card) => {
  version = card.version;
  saving.className = "soft";
  document.querySelector("#publish [name=version]").value = version;
  const score = document.getElementById("score");
  score.textContent = card.score ?? "–";
  score.className = `band ${card.band ?? ""}`;
  document.getElementById("undecided").textContent = card.undecided;
  all("#publish button:not(#open)").forEach((button) => { button.disabled = card.undecided > 0; });
  for (const [id, item] of Object.entries(card.items)) paint(page.querySelector(`[data-item="${CSS.escape(id)}"]`), item);
};
const paint = (box, item) => {
  if (!box || pending[box.dataset.item] || unexplained(box)) return;
  all("[data-verdict]", box).forEach((button) => button.setAttribute("aria-checked", String(button.dataset.verdict === item.verdict)));
  box.classList.remove("pass", "fail", "not_applicable");
  if (item.verdict) box.classList.add("decided", item.verdict);
  box.classList.toggle("overridden", item.overridden);
  if (box.dataset.fatal !== "yes") box.querySelector(".points b").textContent = item.points ?? "–";
};

// ---- judging ----
const items = all(".item[data-item]");
let chosen = null;
const choose = (box) => { chosen = box; box?.focus(); box?.scrollIntoView({ block: "nearest" }); };
const overrides = (box, verdict) => box.dataset.bonus !== "yes" && box.dataset.machine !== "needs_review" && box.dataset.machine !== verdict;
// An override that was chosen and has no reason yet: nothing of it is saved, so the card must not be published as it looks.
const unexplained = (box) => { const why = box.querySelector(".why"); return Boolean(why) && !why.hidden && !why.querySelector("input").value.trim(); };
const judge = (box, verdict) => {
  if (!mine || !box || !verdict) return;
  publishing = null;
  const why = box.querySelector(".why"), reason = why.querySelector("input");
  all("[data-verdict]", box).forEach((button) => button.setAttribute("aria-checked", String(button.dataset.verdict === verdict)));
  why.hidden = !overrides(box, verdict);
  if (!why.hidden && !reason.value.trim()) { reason.focus(); return; }      // saved as soon as the reason is there
  pending[box.dataset.item] = { verdict, reason: why.hidden ? "" : reason.value };
  keep();
  send();
};
// What is being typed is kept on this machine letter by letter, and sent when the field is left or the typing rests.
let rest = 0;
const typing = () => { publishing = null; keep(); clearTimeout(rest); rest = setTimeout(send, 1500); };
const restore = () => {
  for (const [id, item] of Object.entries(pending)) {
    if (id === "comment") { document.getElementById("comment").value = item; continue; }
    const box = page.querySelector(`[data-item="${CSS.escape(id)}"]`), why = box?.querySelector(".why");
    if (why && item.reason) { why.querySelector("input").value = item.reason; why.hidden = false; }
  }
};
const judged = (box) => box.querySelector("[aria-checked=true]")?.dataset.verdict;
// The next line below that nobody has judged, from the top again where there is none; what is beside the 100 points waits for nobody.
const nextOpen = () => {
  const open = items.filter((box) => !judged(box)), from = items.indexOf(chosen);
  return open.find((box) => items.indexOf(box) > from) ?? open[0] ?? items[0];
};
if (mine) {
  items.forEach((box) => {
    box.addEventListener("focusin", () => { chosen = box; });
    all("[data-verdict]", box).forEach((button) => button.addEventListener("click", () => judge(box, button.dataset.verdict)));
    const reason = box.querySelector(".why input");
    reason.addEventListener("input", () => {
      if (reason.value.trim() && judged(box)) { pending[box.dataset.item] = { verdict: judged(box), reason: reason.value }; typing(); }
    });
    reason.addEventListener("change", () => judge(box, judged(box)));
    reason.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); judge(box, judged(box)); step(1); } });
  });
  document.getElementById("sure")?.addEventListener("click", (event) => {
    const from = Number(event.target.dataset.from);
    const sure = items.filter((box) => !judged(box) && box.dataset.assist !== "yes" && Number(box.dataset.confidence) >= from && ["pass", "fail", "not_applicable"].includes(box.dataset.machine));
    sure.forEach((box) => { pending[box.dataset.item] = { verdict: box.dataset.machine, reason: "" }; });
    keep();
    send();
    choose(items.find((box) => !judged(box) && !sure.includes(box)) ?? items[0]);      // on with what is left: Enter would press the button again
  });
  const comment = document.getElementById("comment");
  comment.addEventListener("input", () => { pending.comment = comment.value; typing(); });
  comment.addEventListener("change", () => { pending.comment = comment.value; keep(); send(); });
  document.getElementById("publish").addEventListener("submit", (event) => {
    const bare = items.find(unexplained);
    if (bare) { event.preventDefault(); choose(bare); bare.querySelector(".why input").focus(); return; }
    if (anything()) { event.preventDefault(); publishing = event.submitter; send(); }      // goes on by itself once it is saved
  });
  document.getElementById("open").addEventListener("click", () => choose(nextOpen()));
  addEventListener("online", send);
  addEventListener("beforeunload", (event) => { if (anything()) event.preventDefault(); });
  restore();
  send();
} else if (anything()) {        // somebody else has the card by now
  const left = document.getElementById("left");
  if (left) left.hidden = false;
  left?.querySelector("button").addEventListener("click", () => { pending = {}; keep(); left.hidden = true; });
}

// ---- keys ----
const step = (by) => choose(items[(items.indexOf(chosen) + by + items.length) % items.length]);
const stepTurn = (by) => { const next = turns[Math.min(turns.length - 1, Math.max(0, turns.indexOf(current) + by))]; if (next) hear(next, next.dataset.start); };
let proved = -1;
const nextProof = () => {
  const near = chosen ? all(".proof", chosen) : [];
  const from = near.length ? near : proofs;
  if (!from.length) return;
  proved = (from.indexOf(proofs[proved]) + 1) % from.length;
  proved = proofs.indexOf(from[proved]);
  prove(proofs[proved]);
};
const help = document.getElementById("help");
help.addEventListener("close", () => document.activeElement?.blur());      // else Enter would go to the button that closed it
document.getElementById("keys")?.addEventListener("click", () => help.showModal());
// Goes on only where nothing is missing, else to what is.
const publish = () => {
  const button = document.querySelector("#publish .main") ?? document.querySelector("#publish button:not(#open)");
  if (button.disabled) choose(nextOpen());
  else document.getElementById("publish").requestSubmit(button);
};
const verdictKey = (number) => { const button = chosen && all("[data-verdict]", chosen)[number]; if (button) judge(chosen, button.dataset.verdict); };
const keys = {
  " ": () => player.toggle(), ArrowLeft: () => player.go(player.now() - 5), ArrowRight: () => player.go(player.now() + 5),
  ArrowUp: () => stepTurn(-1), ArrowDown: () => stepTurn(1), Enter: (event) => step(event.shiftKey ? -1 : 1), e: nextProof,
  s: () => all("#sure:not([hidden])").forEach((button) => button.click()), t: () => document.getElementById("take")?.requestSubmit(),
  1: () => verdictKey(0), 2: () => verdictKey(1), 3: () => verdictKey(2), "-": () => player.faster(-1), "+": () => player.faster(1), "=": () => player.faster(1),
  "?": () => help.showModal(),
};
document.addEventListener("keydown", (event) => {
  // From a comment or a reason too; an open sentence (correct.js) is saved by the same keys.
  if (mine && event.key === "Enter" && (event.ctrlKey || event.metaKey) && !help.open && !event.target.closest("#correct")) { event.preventDefault(); publish(); return; }
  if (event.altKey || event.ctrlKey || event.metaKey || help.open || event.target.closest("input, textarea, select, summary, a")) return;
  // Space and Enter press a button that is in focus, wherever it stands outside the card's lines.
  if ([" ", "Enter"].includes(event.key) && event.target.closest("button:not(#play)") && !event.target.closest(".item")) return;
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (act) { event.preventDefault(); act(event); }
});
document.addEventListener("keyup", (event) => { if (event.key === " " && event.target.closest("button")) event.preventDefault(); });
openSound();

// The page opens where a search, a rule's list or an item's figure led to.
if (location.hash.startsWith("#item-")) choose(document.getElementById(decodeURIComponent(location.hash.slice(1))));
const led = page.querySelector(".led .proof");
if (led) {
  proved = proofs.indexOf(led);
  show(document.getElementById(`turn-${led.dataset.turn}`), true);
  if (led.dataset.start !== undefined) player.go(Number(led.dataset.start) - LEAD, false);
}
