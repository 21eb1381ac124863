// Review by keyboard alone: the next reading is fetched ahead, so that a decision is one key.
//
// A decision is sent while the next reading is already on the screen. When it could not be kept, that
// is told, and the reading comes back as it was left, after the one that is looked at. When somebody
// else was faster, that is told too, and what was written comes back beside what stands now.
"use strict";

(() => {
  const page = document.getElementById("review");
  if (!page) return;

  const place = document.getElementById("review-place");
  const told = document.getElementById("told");
  const trouble = document.getElementById("trouble");
  const counts = document.getElementById("review-counts");
  const help = document.getElementById("review-help");
  const nothing = document.getElementById("review-nothing");
  const shortcuts = document.getElementById("review-shortcuts");

  const SHORTCUTS = "nko-review-shortcuts";
  // What is pressed twice by accident must not decide on what nobody has seen.
  const TOO_SOON_MS = 250;
  // A reading that is held for less than this, or that was taken back, is asked for again before
  // it is shown once more.
  const LEAST_HELD_MS = 120_000;
  const HOLD_ON_EVERY_MS = 30_000;

  const ahead = []; // readings that were fetched and not yet shown
  const leaving = new Set(); // ids of readings whose decisions are under way
  const decided = []; // promises of the decisions taken here, the last one last
  let undoing = Promise.resolve();
  let fetching = null;
  const passed = []; // ids of readings that were skipped
  const MOST_PASSED = 400;
  let shown = 0; // how often a reading came on the screen
  let shownAt = 0;
  let touchedAt = performance.now(); // when somebody was at the page

  const current = () => place.querySelector(".review-item");

  // Talking to the server

  async function post(url, fields, accept) {
    const body = new URLSearchParams(fields);
    body.set("csrf", page.dataset.csrf);
    return fetch(url, { method: "POST", body, headers: { Accept: accept } });
  }

  async function failure(answer) {
    try {
      const said = await answer.json();
      if (said.message) return [said.message, said.next_step].filter(Boolean).join(" ");
      return typeof said.detail === "string" ? said.detail : page.dataset.failed;
    } catch {
      return page.dataset.failed;
    }
  }

  // What a browser says of a broken connection is in its own words and language.
  const why = (error) => (error instanceof TypeError ? page.dataset.failed : error.message);

  function reading(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    const item = holder.content.querySelector(".review-item");
    hold(item);
    return item;
  }

  function hold(item) {
    item.heldUntil = performance.now() + 1000 * Number(item.dataset.heldS);
    if (item.dataset.picture) new Image().src = item.dataset.picture;
  }

  function fetchAhead() {
    fetching ??= (async () => {
      try {
        const held = [current(), ...ahead].filter(Boolean).map((item) => item.dataset.reading);
        const without = [...held, ...leaving, ...passed].map((id) => ["without", id]);
        const answer = await post("/review/next", without, "application/json");
        if (answer.status === 204) return;
        if (!answer.ok) throw new Error(await failure(answer));
        const item = reading(await answer.text());
        ahead.push(item);
      } finally {
        fetching = null;
      }
    })();
    return fetching;
  }

  // Who thinks for long, or comes back to a page that was left open, keeps the reading while nobody
  // else has it. A page that nobody is at gives it up in the end.
  async function holdOn() {
    const item = current();
    const now = performance.now();
    if (!item || item.lost || item.heldUntil - now > LEAST_HELD_MS) return;
    if (document.hidden || now - touchedAt > 1000 * Number(page.dataset.leaseS)) return;
    try {
      const answer = await post("/review/hold", { reading: item.dataset.reading }, "application/json");
      const said = await answer.json();
      if (answer.ok) {
        item.heldUntil = performance.now() + 1000 * said.held_s;
        item.dataset.heldUntil = said.until;
      } else if (answer.status === 409 && item === current()) {
        item.lost = true;
        complain(said.message, said.url, said.look);
      }
    } catch {
      // The server is away for now; the next time will tell.
    }
  }

  function touch() {
    const away = performance.now() - touchedAt > HOLD_ON_EVERY_MS;
    touchedAt = performance.now();
    if (away) holdOn();
  }

  // What is on the screen

  function show(item) {
    place.replaceChildren(item);
    place.removeAttribute("aria-busy");
    if (item.matches(".review-item")) {
      htmx.process(item);
      prepare(item);
    }
    item.focus({ preventScroll: true });
    window.scrollTo({ top: 0, behavior: "instant" });
    if (item.why) complain(item.why);
    item.why = undefined;
    shown += 1;
    shownAt = performance.now();
  }

  function prepare(item) {
    for (const button of page.querySelectorAll("button.script")) button.hidden = false;
    item.querySelector("details.correction > summary").hidden = true;
    item.dispatchEvent(new CustomEvent("nko:shown", { bubbles: true }));
  }

  async function advance() {
    place.setAttribute("aria-busy", "true");
    const before = shown;
    try {
      if (!ahead.length) await fetchAhead();
      // What came back meanwhile stays on the screen, and what was fetched waits its turn.
      if (shown !== before) return;
      let item = ahead.shift();
      if (item && !item.cameBack && item.heldUntil - performance.now() < LEAST_HELD_MS) {
        // Held too long ago: it is asked for anew, and somebody else may have it by now.
        await fetchAhead();
        if (shown !== before) return;
        item = ahead.pop();
      }
      show(item ?? nothing.content.firstElementChild.cloneNode(true));
      if (current() && !ahead.length) await fetchAhead();
    } catch (error) {
      complain(why(error));
      if (shown === before) place.removeAttribute("aria-busy");
    }
  }

  function say(text) {
    told.textContent = text;
  }

  function complain(text, url, look) {
    const line = document.createElement("p");
    line.textContent = text + " ";
    if (url) {
      const link = document.createElement("a");
      link.href = url;
      link.textContent = look;
      line.append(link);
    }
    trouble.replaceChildren(line);
  }

  // Deciding

  function decide(form, button) {
    const item = form.closest(".review-item");
    if (item !== current() || place.getAttribute("aria-busy")) return;
    const fields = new FormData(form, button);
    const decision = send(item, form.action, fields);
    decided.push(decision);
    trouble.replaceChildren();
    advance();
  }

  async function send(item, url, fields) {
    leaving.add(item.dataset.reading);
    if (fields.get("verdict") === "skip") passed.push(item.dataset.reading);
    if (passed.length > MOST_PASSED) passed.shift();
    try {
      const answer = await post(url, fields, "application/json");
      if (answer.status === 409) {
        const said = await answer.json();
        if (said.item) comeBack(reading(said.item), said.message);
        else complain(said.message, said.url, said.look);
        return null;
      }
      if (answer.status === 404) {
        // It is not there any more, so it cannot come back.
        complain(await failure(answer));
        return null;
      }
      if (!answer.ok) throw new Error(await failure(answer));
      const said = await answer.json();
      say(said.told);
      counts.textContent = said.counts;
      return said.decision && { decision: said.decision, reading: item.dataset.reading };
    } catch (error) {
      // Nothing that was written is lost: the reading comes back as it was left.
      comeBack(item, why(error));
      return null;
    } finally {
      leaving.delete(item.dataset.reading);
    }
  }

  // A reading comes back when the one that is looked at is done with: a key that is meant for that
  // one must not decide on what came in its place.
  function comeBack(item, reason) {
    item.cameBack = true;
    item.why = reason;
    // What is decided already is on the screen until the next reading is there, not any longer.
    if (!current() || place.hasAttribute("aria-busy")) {
      show(item);
    } else {
      ahead.unshift(item);
      complain(`${reason} ${page.dataset.comesNext}`);
    }
  }

  // What was asked for comes at once, but not upon what is being written.
  function goBackTo(item, told) {
    const now = current();
    if (now?.querySelector("details.correction").open) {
      comeBack(item, told);
      return;
    }
    if (now && !place.hasAttribute("aria-busy")) ahead.unshift(now);
    say(told);
    show(item);
  }

  // One after the other, so that what could not be taken back keeps its place.
  const undo = () => (undoing = undoing.then(takeBack));

  async function takeBack() {
    let taken = null;
    let position = 0;
    while (!taken && decided.length) {
      const last = decided.pop();
      position = decided.length;
      taken = await last;
    }
    if (!taken) {
      say(page.dataset.nothingToUndo);
      return;
    }
    const url = `/review/decisions/${taken.decision}/undo`;
    try {
      const answer = await post(url, { reading: taken.reading }, "application/json");
      if (answer.status === 409) {
        const said = await answer.json();
        complain(said.message, said.url, said.look);
        return;
      }
      if (answer.status === 404) {
        complain(await failure(answer));
        return;
      }
      if (!answer.ok) throw new Error(await failure(answer));
      const said = await answer.json();
      counts.textContent = said.counts;
      if (said.item) goBackTo(reading(said.item), said.told);
      else say(said.told);
    } catch (error) {
      decided.splice(position, 0, taken);
      complain(why(error));
    }
  }

  // Correcting

  function edit(item) {
    const correction = item.querySelector("details.correction");
    const field = item.querySelector("textarea[name=nko]");
    correction.open = true;
    field.focus();
    field.setSelectionRange(field.value.length, field.value.length);
    correction.scrollIntoView({ block: "nearest" });
  }

  function cancel(item) {
    for (const field of item.querySelectorAll("details.correction :is(textarea, input)")) {
      field.value = field.defaultValue;
    }
    item.querySelector("textarea[name=nko]").dispatchEvent(new Event("input", { bubbles: true }));
    item.querySelector("details.correction").open = false;
    item.focus();
  }

  const save = (item) => item.querySelector("button[value=correct]").click();

  // Keys

  // Who types N'Ko or Arabic by the system's own keyboard presses the same keys, and so does who has
  // digits only with Shift, as on a French keyboard.
  function letter(event) {
    if (/^Digit\d$/.test(event.code) && !event.shiftKey) return event.code.slice(5);
    if (event.key.length === 1 && event.key > "\x7f" && event.code.startsWith("Key")) {
      return event.code.slice(3).toLowerCase();
    }
    return event.key.length === 1 ? event.key.toLowerCase() : event.key;
  }

  function inField(event, item) {
    if (!event.target.closest(".correction")) return;
    if (event.key === "Escape") cancel(item);
    else if (event.key === "Enter" && !event.shiftKey) save(item);
    else return;
    event.preventDefault();
  }

  const KEYS = {
    Enter: (item) => {
      if (item.querySelector("details.correction").open) save(item);
      else item.querySelector("button[value=accept]").click();
    },
    e: edit,
    x: (item) => item.querySelector("button[value=reject]").click(),
    s: (item) => item.querySelector("button[value=skip]").click(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.repeat) return;
    if (event.ctrlKey || event.altKey || event.metaKey || help.open) return;
    const item = current();
    if (event.target.closest("input, textarea, select")) {
      if (item) inField(event, item);
      return;
    }
    if (!shortcuts.checked) return;
    const key = letter(event);
    if (key === "?") help.showModal();
    else if (key === "u" && !item?.querySelector("details.correction").open) undo();
    else if (key === "Escape" && item?.querySelector("details.correction").open) cancel(item);
    else if (!item || performance.now() - shownAt < TOO_SOON_MS) return;
    // What is being written is saved or left, never lost to a letter that missed its field.
    else if (key !== "Enter" && item.querySelector("details.correction").open) return;
    else if (key === "Enter" && event.target.closest("a, button, summary")) return;
    else if (/^[2-9]$/.test(key)) item.querySelector(`button[aria-keyshortcuts="${key}"]`)?.click();
    else if (KEYS[key]) KEYS[key](item);
    else return;
    event.preventDefault();
  });

  page.addEventListener("submit", (event) => {
    if (!event.target.matches(".review-decision")) return;
    event.preventDefault();
    decide(event.target, event.submitter);
  });

  page.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    if (!button) return;
    const item = current();
    if (button.dataset.do === "undo") undo();
    else if (button.dataset.do === "help") help.showModal();
    else if (item && button.dataset.do === "edit") edit(item);
    else if (item && button.dataset.do === "cancel") cancel(item);
  });

  shortcuts.checked = localStorage.getItem(SHORTCUTS) !== "off";
  shortcuts.addEventListener("change", () => {
    localStorage.setItem(SHORTCUTS, shortcuts.checked ? "on" : "off");
  });

  // Others may have at once what is held here; the same page loaded again holds it for longer.
  addEventListener("pagehide", () => {
    const held = [current(), ...ahead].filter((item) => item?.dataset.heldUntil);
    if (!held.length) return;
    const body = new URLSearchParams({ csrf: page.dataset.csrf });
    for (const item of held) {
      body.append("reading", item.dataset.reading);
      body.append("until", item.dataset.heldUntil);
    }
    navigator.sendBeacon("/review/release", body);
  });

  // What the browser shows again from its memory was given back when it was left.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"]) {
    addEventListener(kind, touch, { capture: true, passive: true });
  }
  setInterval(holdOn, HOLD_ON_EVERY_MS);

  const first = current();
  if (first) {
    hold(first);
    prepare(first);
    document.addEventListener("DOMContentLoaded", () => first.focus({ preventScroll: true }));
    fetchAhead().catch((error) => complain(why(error)));
  }
  page.dataset.ready = "";
})();
