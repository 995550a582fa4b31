/** The sign of each status. Its shape alone distinguishes it. */

import type { Status } from "@astrolabe/stream";

export interface GlyphColours {
  readonly fill: string;
  readonly sign: string;
}

type Context = CanvasRenderingContext2D;

/** In a square around (x, y) with this side. */
export function drawGlyph(
  context: Context,
  status: Status,
  at: { x: number; y: number; size: number },
  colours: GlyphColours,
): void {
  context.save();
  context.translate(at.x, at.y);
  context.scale(at.size / 16, at.size / 16);
  context.fillStyle = colours.fill;
  context.strokeStyle = colours.fill;
  context.lineCap = "round";
  context.lineJoin = "round";
  SHAPES[status](context, colours.sign);
  context.restore();
}

/** A filled octagon with a cross; a diamond with a question mark; a clock; a tick. */
const SHAPES: Readonly<Record<Status, (context: Context, sign: string) => void>> = {
  Error(context, sign) {
    polygon(context, 8, 8, Math.PI / 8);
    context.fill();
    stroke(context, sign, 1.9, [-2.6, -2.6, 2.6, 2.6], [2.6, -2.6, -2.6, 2.6]);
  },
  Unknown(context, sign) {
    polygon(context, 4, 8.2, 0);
    context.fill();
    context.fillStyle = sign;
    context.font = "700 10px sans-serif";
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText("?", 0, 0.6);
  },
  Pending(context) {
    context.lineWidth = 1.8;
    context.beginPath();
    context.arc(0, 0, 6.3, 0, 2 * Math.PI);
    context.stroke();
    stroke(context, context.strokeStyle as string, 1.8, [0, -3.4, 0, 0, 2.6, 1.6]);
  },
  Ready(context) {
    stroke(context, context.strokeStyle as string, 1.9, [-4.4, 0.4, -1.4, 3.4, 4.6, -3.4]);
  },
};

function polygon(context: Context, corners: number, radius: number, turn: number): void {
  context.beginPath();
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = turn + (corner * 2 * Math.PI) / corners;
    context.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  context.closePath();
}

function stroke(context: Context, colour: string, width: number, ...paths: number[][]): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  for (const path of paths) {
    context.moveTo(path[0] ?? 0, path[1] ?? 0);
    for (let index = 2; index < path.length; index += 2)
      context.lineTo(path[index] ?? 0, path[index + 1] ?? 0);
  }
  context.stroke();
}
