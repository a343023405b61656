// The front end of Picture: one view shows both layers and tells the kernel what the pointer does.
// It follows canvas.js in one module.

const GRAB = 9; // CSS pixels within which the pointer hits a marker or a line
const AHEAD = 2; // messages of moves that the kernel has not answered yet
const CLICK = 4; // CSS pixels that the pointer may move between down and up of a click
const KEYS = new Set([
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown",
  "Home", "End", "PageUp", "PageDown", "Enter", " ", "Escape",
]);

const OURS = ".mixedwidgets-explorer, .mixedwidgets-panel";

// ---- the page -------------------------------------------------------------------------------

// Light or dark: by the colour that is behind an element, whatever front end the page is of.
function themeBehind(element) {
  for (let place = element; place; place = place.parentElement) {
    const parts = getComputedStyle(place).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [];
    if (parts.length < 3 || parts[3] < 0.5) continue;
    const [red, green, blue] = parts;
    return 0.299 * red + 0.587 * green + 0.114 * blue < 128 ? "dark" : "light";
  }
  return "light";
}

// ---- events to the kernel -------------------------------------------------------------------

// One for each model. Messages of our own, not states: a state waits until the kernel is idle again,
// which halves the pictures of a drag. Up to AHEAD messages of moves are on their way at a time; a
// move that waits is replaced by the next one. An event is sent again with the next ones until the
// kernel has seen it, so nothing is lost.
class Outbox {
  constructor() {
    this.waiting = [];
    this.sent = [];
    this.last = 0;
    this.frame = 0;
  }

  put(model, event) {
    const seen = model.get("_seen");
    this.last = Math.max(this.last, seen) + 1;
    this.waiting = this.waiting.filter((old) => old.seq > seen);
    const merged = event.kind === "move" || event.kind === "hover";
    if (merged && this.waiting.at(-1)?.kind === event.kind) this.waiting.pop();
    this.waiting.push({ seq: this.last, ...event });
    this.waiting = this.waiting.slice(-100); // without a kernel nothing is ever seen
    if (!merged) this.send(model);
    else this.frame ||= requestAnimationFrame(() => this.sendIfFree(model));
  }

  // The kernel has answered: what waited goes out.
  answered(model) {
    if (this.waiting.at(-1)?.seq > (this.sent.at(-1) ?? 0)) this.sendIfFree(model);
  }

  sendIfFree(model) {
    this.frame = 0;
    const seen = model.get("_seen");
    this.sent = this.sent.filter((seq) => seq > seen);
    if (this.sent.length < AHEAD) this.send(model);
  }

  send(model) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const seen = model.get("_seen");
    this.waiting = this.waiting.filter((old) => old.seq > seen);
    if (!this.waiting.length) return;
    this.sent.push(this.waiting.at(-1).seq);
    model.send({ events: this.waiting });
  }
}

// JupyterLab takes arrow keys and single letters for commands, such as x for cutting the cell, even
// where a dropdown or a tick box has the focus. Inside the explorer they belong to its controls; it
// looks at the element that has the focus.
function keepKeys(root) {
  let explorer = root.closest(OURS);
  for (let outer = explorer; outer; outer = outer.parentElement.closest(OURS)) explorer = outer;
  if (!explorer || explorer.dataset.keepsKeys) return;
  explorer.dataset.keepsKeys = "true";
  explorer.addEventListener("focusin", (e) => {
    e.target.dataset.lmSuppressShortcuts = "true";
  });
}

// ---- one view -------------------------------------------------------------------------------

class View {
  constructor(model, el, outbox) {
    this.model = model;
    this.outbox = outbox;
    this.root = document.createElement("div");
    this.root.className = "mixedwidgets-picture";
    this.image = new Image();
    this.image.draggable = false;
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("aria-hidden", "true");
    this.root.append(this.image, this.canvas);
    el.append(this.root);
    this.shown = 0; // seq of the standing layer on the screen
    this.moving = null; // the moving layer that belongs to it
    this.items = [];
    this.down = null;
    this.drag = null;
    this.undo = [];
    this.connect();
    this.describe();
    const standing = model.get("_standing");
    if (standing.size) this.box(standing);
    this.update();
  }

  connect() {
    const onModel = (names, handler) => {
      this.model.on(names, handler);
      this.undo.push(() => this.model.off(names, handler));
    };
    const onRoot = (name, handler) => this.root.addEventListener(name, handler);
    onModel("change:_standing", () => this.update());
    onModel("change:_moving", () => this.update());
    onModel("change:_seen", () => {
      this.letGo();
      this.outbox.answered(this.model);
    });
    for (const name of ["alt", "listen", "handles"]) {
      onModel(`change:${name}`, () => this.describe());
    }
    onRoot("pointerdown", (e) => this.onDown(e));
    onRoot("pointermove", (e) => this.onMove(e));
    onRoot("pointerup", (e) => this.onUp(e));
    onRoot("pointercancel", (e) => this.onUp(e));
    onRoot("pointerleave", () => this.down || this.report({ kind: "leave" }));
    onRoot("keydown", (e) => this.onKey(e));
    const resized = new ResizeObserver(() => this.fit());
    resized.observe(this.root);
    resized.observe(this.root.parentElement);
    this.undo.push(() => resized.disconnect());
    const restyled = new MutationObserver(() => this.fit());
    restyled.observe(document.body, { attributes: true });
    this.undo.push(() => restyled.disconnect());
    this.watchRatio();
  }

  // A change of zoom or screen is only told for the ratio that was asked about.
  watchRatio() {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const changed = () => {
      this.unwatch();
      this.watchRatio();
      this.fit();
    };
    this.unwatch = () => query.removeEventListener("change", changed);
    query.addEventListener("change", changed);
  }

  remove() {
    this.removed = true;
    this.undo.forEach((undo) => undo());
    this.unwatch();
    clearTimeout(this.settled);
    this.bitmap?.close();
    URL.revokeObjectURL(this.image.src);
  }

  listens(kind) {
    return this.model.get("listen").includes(kind);
  }

  describe() {
    const alt = this.model.get("alt");
    this.image.alt = alt;
    // JupyterLab and Notebook 7 keep arrow keys for themselves where they are not told otherwise.
    const focusable = {
      tabindex: "0", role: "group", "aria-label": alt, "data-lm-suppress-shortcuts": "true",
    };
    for (const [name, value] of Object.entries(focusable)) {
      if (this.listens("key")) this.root.setAttribute(name, value);
      else this.root.removeAttribute(name);
    }
    const drags = Object.keys(this.model.get("handles")).length > 0;
    this.root.style.touchAction = drags ? "none" : "";
  }

  // ---- showing

  async update() {
    const standing = this.model.get("_standing");
    const moving = this.model.get("_moving");
    if (!standing.png || this.loading || this.removed) return;
    if (moving.base === this.shown) {
      this.take(moving);
      return;
    }
    this.loading = true;
    try {
      await this.load(standing, moving);
    } finally {
      this.loading = false;
    }
    this.update();
  }

  // The next image is decoded before it is painted, so nothing blank is ever seen. The canvas
  // paints it from a bitmap that can be closed; the <img> that carries the text alternative, and
  // can be saved, is transparent: Chromium keeps the decoded pixels of every image it has painted.
  async load(standing, moving) {
    const blob = new Blob([standing.png], { type: "image/png" });
    const bitmap = await createImageBitmap(blob);
    if (this.removed) return bitmap.close();
    this.bitmap?.close();
    this.bitmap = bitmap;
    this.shown = standing.seq;
    this.box(standing);
    this.take(moving);
    URL.revokeObjectURL(this.image.src);
    this.image.src = URL.createObjectURL(blob);
  }

  box({ size: [width, height], background }) {
    this.size = [width, height];
    const aspectRatio = `${width} / ${height}`;
    Object.assign(this.root.style, { width: `${width}px`, aspectRatio, background });
  }

  take(moving) {
    if (this.moving === moving) return;
    this.moving = moving;
    this.items = unpack(moving);
    this.paint();
    // Told only when the browser has painted, for those who measure or wait for it.
    requestAnimationFrame(() => setTimeout(() => (this.root.dataset.seq = moving.seq)));
  }

  // Keep the canvas at one pixel of the screen each, and ask for an image of that size.
  fit() {
    const width = this.root.clientWidth;
    if (!width || !this.size) return;
    keepKeys(this.root);
    this.paint();
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.reportSize(), 100);
  }

  reportSize() {
    const room = this.root.parentElement.clientWidth;
    const ratio = Math.min(3, Math.max(0.25, this.deviceWidth() / this.size[0]));
    if (room) this.model.set("room", room);
    this.model.set("page_theme", themeBehind(this.root.parentElement));
    if (Math.abs(ratio - this.model.get("pixel_ratio")) >= 1e-6) {
      this.model.set("pixel_ratio", ratio);
    }
    this.model.save_changes();
  }

  deviceWidth() {
    return Math.round(this.root.clientWidth * devicePixelRatio);
  }

  paint() {
    if (!this.moving) return;
    const width = this.deviceWidth();
    const height = Math.round((width * this.moving.size[1]) / this.moving.size[0]);
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    canvas.style.height = `${height / devicePixelRatio}px`;
    const ctx = canvas.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, width, height);
    const scale = width / this.moving.size[0];
    ctx.setTransform(scale, 0, 0, scale, 0, 0);
    ctx.drawImage(this.bitmap, 0, 0, ...this.moving.size);
    this.follow();
    for (const item of this.items) paintItem(ctx, item);
  }

  // ---- the handle under the pointer goes with it, before the kernel answers

  follow() {
    const { drag } = this;
    for (const item of this.items) item.shift = null;
    if (!drag) return;
    const mine = this.items.filter((item) => item.gid === drag.artist);
    const anchor = mine.findLast((item) => item.kind === "shapes") ?? mine.at(-1);
    const place = anchor && nearest(anchor, drag.x, drag.y);
    if (!place) return;
    const dx = drag.way.includes("x") ? drag.x - place.x : 0;
    const dy = drag.way.includes("y") ? drag.y - place.y : 0;
    for (const item of mine) item.shift = [dx, dy];
  }

  // After the pointer is up the handle stays until the kernel has seen the last event.
  letGo() {
    if (this.drag && !this.down && this.model.get("_seen") >= this.drag.until) {
      this.drag = null;
      this.paint();
    }
  }

  // ---- events

  // Where a pointer is: pixels of the figure, parts of the figure, axes and moving artist hit.
  locate(e) {
    const box = this.root.getBoundingClientRect();
    const [width, height] = this.moving.size;
    let x = ((e.clientX - box.left) / box.width) * width;
    let y = ((e.clientY - box.top) / box.height) * height;
    const boxes = this.moving.axes;
    let axes = boxes.findLastIndex((b) => b[0] <= x && x <= b[2] && b[1] <= y && y <= b[3]);
    if (this.down && this.down.axes >= 0) {
      axes = this.down.axes;
      x = Math.min(boxes[axes][2], Math.max(boxes[axes][0], x));
      y = Math.min(boxes[axes][3], Math.max(boxes[axes][1], y));
    }
    return { x, y, at: [x / width, y / height], axes };
  }

  // The topmost moving artist with a gid at a place; handles come before all others.
  hit(x, y) {
    const reach = (GRAB * this.moving.size[0]) / this.root.clientWidth;
    const handles = this.model.get("handles");
    let found = null;
    for (const item of this.items) {
      if (item.gid === undefined) continue;
      const isHandle = item.gid in handles;
      if (found?.isHandle && !isHandle) continue;
      const place = nearest(item, x, y);
      const index = place && place.distance <= reach ? place.index : this.inside(item, x, y);
      if (index >= 0) found = { artist: item.gid, index, isHandle };
    }
    return found;
  }

  // The number of the topmost filled path of an item that a place is inside of, or -1.
  inside(item, x, y) {
    if (!item.face) return -1;
    const ctx = this.canvas.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    return item.paths.findLastIndex((path) => ctx.isPointInPath(path, x, y));
  }

  report(event) {
    if (!this.listens(event.kind)) return 0;
    this.outbox.put(this.model, { artist: null, index: null, ...event });
    return this.outbox.last;
  }

  pointer(kind, place, hit) {
    return this.report({
      kind,
      at: place.at,
      axes: place.axes >= 0 ? place.axes : null,
      artist: hit?.artist ?? null,
      index: hit?.index ?? null,
    });
  }

  onDown(e) {
    if (e.button !== 0 || !this.moving || !this.model.get("listen").length) return;
    const place = this.locate(e);
    const hit = this.hit(place.x, place.y);
    this.root.setPointerCapture(e.pointerId);
    this.down = { axes: place.axes, clientX: e.clientX, clientY: e.clientY, hit, click: true };
    const until = this.pointer("down", place, hit);
    if (hit?.isHandle) {
      const way = this.model.get("handles")[hit.artist];
      this.drag = { artist: hit.artist, way, x: place.x, y: place.y, until };
      this.root.style.cursor = "grabbing";
    }
  }

  onMove(e) {
    if (!this.moving || !this.model.get("listen").length) return;
    const place = this.locate(e);
    if (!this.down) {
      const hit = this.hit(place.x, place.y);
      this.root.style.cursor = hit?.isHandle ? "grab" : hit ? "pointer" : "";
      this.pointer("hover", place, hit);
      return;
    }
    const { down } = this;
    if (Math.hypot(e.clientX - down.clientX, e.clientY - down.clientY) > CLICK) down.click = false;
    const seq = this.pointer("move", place, down.hit);
    if (this.drag) {
      Object.assign(this.drag, { x: place.x, y: place.y, until: seq || this.drag.until });
      this.paint();
    }
  }

  onUp(e) {
    if (!this.down) return;
    const place = this.locate(e);
    const { hit, click } = this.down;
    const seq = this.pointer("up", place, hit);
    if (click && e.type === "pointerup") this.pointer("click", place, hit);
    this.down = null;
    this.root.style.cursor = "";
    if (this.drag) {
      Object.assign(this.drag, { x: place.x, y: place.y, until: seq || this.drag.until });
      this.paint();
      this.letGo();
    }
  }

  onKey(e) {
    if (!this.listens("key") || !KEYS.has(e.key) || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    this.report({ kind: "key", key: e.key, shift: e.shiftKey });
  }
}

export default () => {
  const outbox = new Outbox();
  return {
    render({ model, el }) {
      const view = new View(model, el, outbox);
      return () => view.remove();
    },
  };
};
