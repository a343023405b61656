// The front end of mixedwidgets.widgets.Picture: an <img> for what stands, a <canvas> for what moves.

const GRAB = 9; // CSS pixels within which the pointer hits a marker or a line
const CLICK = 4; // CSS pixels that the pointer may move between down and up of a click
const KEYS = new Set([
  "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown",
  "Home", "End", "PageUp", "PageDown", "Enter", " ", "Escape",
]);

// ---- the moving layer -----------------------------------------------------------------------

function unpack(moving) {
  const view = moving.data;
  const bytes = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength);
  const data = new Float32Array(bytes);
  const array = (place) => place && data.subarray(place[0], place[0] + place[1]);
  return moving.items.map((item) => ({
    ...item,
    xy: array(item.xy),
    at: array(item.at),
    matrix: array(item.matrix),
    paths: item.kind === "lines" ? polylines(item, array(item.xy)) : placedShapes(item, array),
    clipPath: item.clip_d && new Path2D(item.clip_d),
  }));
}

function polylines(item, xy) {
  const paths = [];
  let path = null;
  for (let i = 0; i < xy.length; i += 2) {
    if (Number.isNaN(xy[i])) {
      if (path && item.closed) path.closePath();
      if (path) paths.push(path);
      path = null;
    } else if (path) {
      path.lineTo(xy[i], xy[i + 1]);
    } else {
      path = new Path2D();
      path.moveTo(xy[i], xy[i + 1]);
    }
  }
  return paths;
}

function placedShapes(item, array) {
  const shapes = item.d.map((d) => new Path2D(d));
  const at = array(item.at);
  const matrix = array(item.matrix);
  const count = Math.max(at.length / 2, shapes.length);
  return Array.from({ length: count }, (_, i) => {
    const path = new Path2D();
    const [e, f] = [at[(2 * i) % at.length], at[(2 * i + 1) % at.length]];
    if (!Number.isFinite(e + f)) return path;
    const m = matrix ? matrix.subarray((4 * i) % matrix.length) : [1, 0, 0, 1];
    path.addPath(shapes[i % shapes.length], { a: m[0], b: m[1], c: m[2], d: m[3], e, f });
    return path;
  });
}

function paintItem(ctx, item) {
  ctx.save();
  if (item.clip) {
    ctx.beginPath();
    ctx.rect(...item.clip);
    ctx.clip();
  }
  if (item.clipPath) ctx.clip(item.clipPath);
  if (item.shift) ctx.translate(...item.shift);
  ctx.lineCap = item.cap ?? "butt";
  ctx.lineJoin = item.join ?? "round";
  item.paths.forEach((path, i) => {
    if (item.face) {
      ctx.fillStyle = item.face[i % item.face.length];
      ctx.fill(path);
    }
    if (item.hatch) paintHatch(ctx, path, item.hatch);
    if (item.edge) {
      const width = item.width[i % item.width.length];
      if (width === 0) return;
      ctx.strokeStyle = item.edge[i % item.edge.length];
      ctx.lineWidth = width;
      const [offset, dash] = item.dash ? item.dash[i % item.dash.length] : [0, []];
      ctx.setLineDash(dash);
      ctx.lineDashOffset = offset;
      ctx.stroke(path);
    }
  });
  ctx.restore();
}

function paintHatch(ctx, path, hatch) {
  ctx.save();
  ctx.clip(path);
  ctx.strokeStyle = ctx.fillStyle = hatch.edge;
  ctx.lineWidth = hatch.width;
  ctx.setLineDash([]);
  const tile = new Path2D(hatch.d);
  const { width, height } = ctx.canvas;
  const scale = ctx.getTransform().a;
  for (let x = 0; x < width / scale; x += hatch.tile) {
    for (let y = 0; y < height / scale; y += hatch.tile) {
      const moved = new Path2D();
      moved.addPath(tile, { e: x, f: y });
      ctx.stroke(moved);
      ctx.fill(moved);
    }
  }
  ctx.restore();
}

// ---- what the pointer is on -----------------------------------------------------------------

// The place on an item that is nearest to a point: { distance, index, x, y }, or null.
function nearest(item, x, y) {
  return item.kind === "lines" ? nearestOnLines(item, x, y) : nearestMarker(item, x, y);
}

function nearestMarker(item, x, y) {
  let best = null;
  for (let i = 0; i < item.at.length / 2; i++) {
    const [px, py] = [item.at[2 * i], item.at[2 * i + 1]];
    const distance = Math.hypot(px - x, py - y);
    if (distance < (best?.distance ?? Infinity)) best = { distance, index: i, x: px, y: py };
  }
  return best;
}

function nearestOnLines(item, x, y) {
  const { xy } = item;
  let best = null;
  let piece = 0;
  for (let i = 0; i + 3 < xy.length; i += 2) {
    const [x0, y0, x1, y1] = [xy[i], xy[i + 1], xy[i + 2], xy[i + 3]];
    if (Number.isNaN(x0)) piece += 1;
    if (Number.isNaN(x0) || Number.isNaN(x1)) continue;
    const [dx, dy] = [x1 - x0, y1 - y0];
    const along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1);
    const t = Math.min(1, Math.max(0, along));
    const [px, py] = [x0 + t * dx, y0 + t * dy];
    const distance = Math.hypot(px - x, py - y);
    if (distance < (best?.distance ?? Infinity)) best = { distance, index: piece, x: px, y: py };
  }
  return best;
}

// ---- events to the kernel -------------------------------------------------------------------

// One for each model. An event is sent again with the next ones until the kernel has seen it, so
// nothing is lost where the front end merges messages; a move replaces the move before it.
class Outbox {
  constructor() {
    this.waiting = [];
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
    else this.frame ||= requestAnimationFrame(() => this.send(model));
  }

  send(model) {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    model.set("_events", this.waiting.slice());
    model.save_changes();
  }
}

// ---- one view -------------------------------------------------------------------------------

class View {
  constructor(model, el, outbox) {
    this.model = model;
    this.outbox = outbox;
    this.root = document.createElement("div");
    this.root.className = "mixedwidgets-picture";
    this.image = new Image();
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
    onModel("change:_seen", () => this.letGo());
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
    this.undo.push(() => resized.disconnect());
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

  // Decode the next image before it replaces the last, so that nothing blank is ever painted.
  async load(standing, moving) {
    const url = URL.createObjectURL(new Blob([standing.png], { type: "image/png" }));
    const next = new Image();
    next.alt = this.model.get("alt");
    next.draggable = false;
    next.src = url;
    await next.decode();
    if (this.removed) {
      URL.revokeObjectURL(url);
      return;
    }
    const old = this.image;
    this.image = next;
    this.shown = standing.seq;
    this.box(standing);
    this.placeImage();
    old.replaceWith(next);
    URL.revokeObjectURL(old.src);
    this.take(moving);
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
    this.placeImage();
    this.paint();
    clearTimeout(this.settled);
    this.settled = setTimeout(() => this.reportRatio(), 100);
  }

  reportRatio() {
    const ratio = Math.min(3, Math.max(0.25, this.deviceWidth() / this.size[0]));
    if (Math.abs(ratio - this.model.get("pixel_ratio")) < 1e-6) return;
    this.model.set("pixel_ratio", ratio);
    this.model.save_changes();
  }

  deviceWidth() {
    return Math.round(this.root.clientWidth * devicePixelRatio);
  }

  // An image of the right number of pixels is shown pixel for pixel, any other is scaled to fit.
  placeImage() {
    const { naturalWidth, naturalHeight, style } = this.image;
    const exact = naturalWidth === this.deviceWidth();
    style.width = exact ? `${naturalWidth / devicePixelRatio}px` : "100%";
    style.height = exact ? `${naturalHeight / devicePixelRatio}px` : "100%";
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
    this.scale = width / this.moving.size[0];
    ctx.setTransform(this.scale, 0, 0, this.scale, 0, 0);
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
