// The on-screen N'Ko keyboard, and typing N'Ko with the keys of a Latin keyboard.
//
// A field with data-nko-keyboard="ID" is written into by the keyboard with that id. What each key
// writes, and what is typed for it, is read from its button (data-text, data-typed).
"use strict";

(() => {
  const REMEMBERED = "nko-typing";

  // execCommand is the one way to write into a field that keeps the browser's own undo.
  function write(field, text) {
    field.focus();
    if (!document.execCommand("insertText", false, text)) {
      field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
      field.dispatchEvent(new InputEvent("input", { bubbles: true, data: text }));
    }
  }

  function erase(field) {
    field.focus();
    if (field.selectionStart !== field.selectionEnd) {
      document.execCommand("delete");
    } else if (field.selectionStart > 0) {
      // One sign of the script is one UTF-16 unit, a mark is taken off its letter first.
      field.setSelectionRange(field.selectionStart - 1, field.selectionStart);
      document.execCommand("delete");
    }
  }

  function keyboardOf(field) {
    return document.getElementById(field.dataset.nkoKeyboard);
  }

  function typed(keyboard) {
    keyboard.nkoTyped ??= new Map(
      [...keyboard.querySelectorAll("[data-typed]")].map((key) => [key.dataset.typed, key])
    );
    return keyboard.nkoTyped;
  }

  // The field that was written in last; until then the first one that has this keyboard.
  function fieldOf(keyboard) {
    const last = keyboard.nkoField;
    if (last && last.isConnected) return last;
    return document.querySelector(`[data-nko-keyboard="${CSS.escape(keyboard.id)}"]`);
  }

  function isTyping(keyboard) {
    return keyboard.querySelector("[data-keyboard-typing]").getAttribute("aria-pressed") === "true";
  }

  function setTyping(keyboard, on) {
    keyboard.querySelector("[data-keyboard-typing]").setAttribute("aria-pressed", String(on));
    localStorage.setItem(REMEMBERED, on ? "on" : "off");
  }

  function show(keyboard, on) {
    keyboard.hidden = !on;
    const id = CSS.escape(keyboard.id);
    for (const toggle of document.querySelectorAll(`[aria-controls="${id}"]`)) {
      toggle.setAttribute("aria-expanded", String(on));
    }
    // Beside this one the keyboard of a phone would only be in the way.
    const touched = matchMedia("(pointer: coarse)").matches;
    for (const field of document.querySelectorAll(`[data-nko-keyboard="${id}"]`)) {
      field.inputMode = on && touched ? "none" : "";
    }
  }

  // New content may bring a keyboard of its own.
  function prepare(root) {
    for (const keyboard of root.querySelectorAll(".nko-keyboard")) {
      setTyping(keyboard, localStorage.getItem(REMEMBERED) === "on");
    }
    for (const toggle of root.querySelectorAll("[data-keyboard-toggle]")) toggle.hidden = false;
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.matches("[data-keyboard-toggle]")) {
      const keyboard = document.getElementById(button.getAttribute("aria-controls"));
      show(keyboard, keyboard.hidden);
      return;
    }
    const keyboard = button.closest(".nko-keyboard");
    const field = keyboard && fieldOf(keyboard);
    if (!field) return;
    if (button.dataset.text !== undefined) write(field, button.dataset.text);
    else if (button.matches("[data-keyboard-erase]")) erase(field);
    else if (button.matches("[data-keyboard-typing]")) {
      setTyping(keyboard, !isTyping(keyboard));
      field.focus();
    }
  });

  // A press on a key leaves the caret where it is.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest(".nko-keyboard button")) event.preventDefault();
  });

  document.addEventListener("focusin", (event) => {
    if (event.target.dataset.nkoKeyboard) keyboardOf(event.target).nkoField = event.target;
  });

  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (!field.dataset?.nkoKeyboard || event.isComposing) return;
    const keyboard = keyboardOf(field);
    if (event.altKey && !event.ctrlKey && !event.metaKey && event.code === "KeyN") {
      event.preventDefault();
      setTyping(keyboard, !isTyping(keyboard));
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || !isTyping(keyboard)) return;
    const key = typed(keyboard).get(event.key);
    if (!key) return;
    event.preventDefault();
    write(field, key.dataset.text);
    key.classList.add("pressed");
    setTimeout(() => key.classList.remove("pressed"), 150);
  });

  document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
  document.addEventListener("nko:shown", (event) => prepare(event.target));
  prepare(document);
})();
