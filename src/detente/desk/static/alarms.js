// Alarms are heard as well as seen. A browser lets a page sound only after its user has touched it:
// until then a band says so. The tone is made here; nothing is loaded.
"use strict";

(function () {
  var context = null;
  var lastAt = 0;
  var EVERY = { urgent: 4000, warning: 20000 };

  function sounding() {
    var worst = "";
    document.querySelectorAll("[data-sounds]").forEach(function (band) {
      if (worst !== "urgent") worst = band.dataset.sounds;
    });
    return worst;
  }

  function note() {
    var row = document.getElementById("sound-note");
    if (row !== null) row.hidden = context !== null && context.state === "running";
    document.body.dataset.sound = context === null ? "off" : context.state;
  }

  function awake() {
    if (context === null && "AudioContext" in window) context = new AudioContext();
    if (context !== null && context.state === "suspended") context.resume().then(note);
    note();
  }

  function tone(at, pitch) {
    var source = context.createOscillator();
    var gain = context.createGain();
    source.frequency.value = pitch;
    gain.gain.setValueAtTime(0.0001, at);
    gain.gain.exponentialRampToValueAtTime(0.4, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.0001, at + 0.3);
    source.connect(gain).connect(context.destination);
    source.start(at);
    source.stop(at + 0.32);
  }

  function beat() {
    var worst = sounding();
    note();
    if (worst === "" || context === null || context.state !== "running") return;
    if (Date.now() - lastAt < EVERY[worst]) return;
    lastAt = Date.now();
    document.body.dataset.sounded = String(Number(document.body.dataset.sounded || 0) + 1);
    tone(context.currentTime, 740);
    if (worst === "urgent") tone(context.currentTime + 0.35, 988);
  }

  ["pointerdown", "keydown"].forEach(function (event) {
    addEventListener(event, awake, { capture: true });
  });
  setInterval(beat, 1000);
  note();
})();
