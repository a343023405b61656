// The moving layer of a Picture: unpacked from what moving.py sends, painted, and searched.

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
