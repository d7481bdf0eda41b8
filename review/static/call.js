"use strict";
// Sound, turns and timeline follow one clock: the player's. Without sound, clicks still lead to their turn.
(() => {
  const sound = document.getElementById("sound");
  const button = document.getElementById("play");
  const line = document.getElementById("timeline");
  const cursor = document.getElementById("cursor");
  const clock = document.getElementById("clock");
  const turns = [...document.querySelectorAll(".turn")];
  const timed = turns.filter((turn) => turn.dataset.start !== undefined);
  const total = Number(line.dataset.total) || 0;
  const EDGE = 36;            // width of the timeline's legend, pixels
  const LEAD = 0.15;          // seconds before a turn, so that its first syllable is heard
  let current = null;

  const text = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(whole / 3600);
    return (hours ? hours + ":" : "") + two(Math.floor(whole / 60) % 60) + ":" + two(whole % 60);
  };
  const show = (turn, follow) => {
    if (turn === current) return;
    if (current) current.classList.remove("now");
    current = turn;
    if (!turn) return;
    turn.classList.add("now");
    if (follow) turn.scrollIntoView({ block: "center", behavior: "smooth" });
  };
  const at = (seconds) => {
    let found = null;
    for (const turn of timed) if (Number(turn.dataset.start) <= seconds + LEAD) found = turn;
    return found;
  };
  const draw = (seconds) => {
    if (total) cursor.style.left = `calc(${EDGE}px + (100% - ${EDGE}px) * ${Math.min(1, Math.max(0, seconds) / total)})`;
    clock.textContent = text(seconds) + " / " + text(total);
  };
  const play = () => sound.play().catch(() => {});     // refused only where a pause or another seek came in between
  const go = (seconds, andPlay) => {
    const to = Math.min(Math.max(0, seconds), total || Infinity);
    if (sound && !button.disabled) {
      sound.currentTime = to;
      if (andPlay) play();
    }
    draw(to);
  };
  const seek = (seconds) => {
    show(at(seconds), true);
    go(seconds, false);
  };
  const hear = (turn, seconds) => {
    show(turn, true);
    if (seconds !== undefined) go(Number(seconds) - LEAD, true);
  };
  const toggle = () => { if (sound && !button.disabled) { if (sound.paused) play(); else sound.pause(); } };
  const step = (by) => {
    const next = turns[Math.min(turns.length - 1, Math.max(0, turns.indexOf(current) + by))];
    if (next) hear(next, next.dataset.start);
  };

  if (sound) {
    button.addEventListener("click", toggle);
    sound.addEventListener("error", () => { button.disabled = true; button.title = document.body.dataset.gone; });
    sound.addEventListener("play", () => { button.textContent = document.body.dataset.pause; });
    sound.addEventListener("pause", () => { button.textContent = document.body.dataset.play; });
    sound.addEventListener("timeupdate", () => { draw(sound.currentTime); if (!sound.paused) show(at(sound.currentTime), true); });
  }
  turns.forEach((turn) => turn.addEventListener("click", () => {
    if (!String(getSelection())) hear(turn, turn.dataset.start);     // who selects words to copy them wants no sound
  }));
  document.querySelectorAll(".proof").forEach((proof) => proof.addEventListener("click", () => {
    const turn = proof.dataset.turn === undefined ? null : document.getElementById("turn-" + proof.dataset.turn);
    hear(turn, proof.dataset.start === undefined && turn ? turn.dataset.start : proof.dataset.start);
  }));
  line.addEventListener("click", (event) => {
    const share = (event.clientX - line.getBoundingClientRect().left - EDGE) / (line.clientWidth - EDGE);
    seek(Math.max(0, share) * total);
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("summary, a")) return;
    const keys = {
      " ": toggle, ArrowLeft: () => sound && seek(sound.currentTime - 5), ArrowRight: () => sound && seek(sound.currentTime + 5),
      ArrowUp: () => step(-1), ArrowDown: () => step(1),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });
  // A button in focus would be pressed a second time when the space bar comes up.
  document.addEventListener("keyup", (event) => { if (event.key === " " && event.target.closest("button")) event.preventDefault(); });
  draw(0);
})();
