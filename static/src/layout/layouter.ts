/** The layouts of rooms: made by the library in a worker, kept, and carried along with live changes. */

import ELK, { type ELK as Elk } from "elkjs/lib/elk-api";
import workerUrl from "elkjs/lib/elk-worker.min.js?url";
import type { Line, Room } from "../scene/scene";
import { layeredGraph, roomLayout } from "./layered";
import { type RoomLayout, settle } from "./settle";

const EMPTY: RoomLayout = { places: new Map(), bends: new Map(), width: 0, height: 0 };

export class Layouter {
  readonly #elk: Elk;
  readonly #layouts = new Map<string, RoomLayout>();
  readonly #asked = new Set<string>();
  readonly #ready: () => void;

  /** ready: called when another layout has been made. */
  constructor(ready: () => void) {
    this.#elk = new ELK({ workerFactory: () => new Worker(workerUrl) });
    this.#ready = ready;
    // The first layout takes the library half a second more than others: nobody waits for this one.
    void this.#elk.layout({ id: "first", children: [{ id: "card" }] });
  }

  /** Those of these rooms that there are; the others are made, and `ready` is called for each. */
  of(rooms: Iterable<Room>, lines: ReadonlyMap<string, Line>): ReadonlyMap<string, RoomLayout> {
    const wanted = new Set<string>();
    for (const room of rooms) {
      wanted.add(room.id);
      const known = this.#layouts.get(room.id);
      if (known === undefined) this.#make(room, lines);
      else this.#layouts.set(room.id, settle(known, room.cards, lines.values()));
    }
    for (const id of this.#layouts.keys()) if (!wanted.has(id)) this.#layouts.delete(id);
    return this.#layouts;
  }

  /** Make this one again when it is asked for next. */
  forget(id: string): void {
    this.#layouts.delete(id);
  }

  forgetAll(): void {
    this.#layouts.clear();
  }

  #make(room: Room, lines: ReadonlyMap<string, Line>): void {
    if (this.#asked.has(room.id)) return;
    this.#asked.add(room.id);
    const made = this.#elk.layout(layeredGraph(room.cards, lines.values()));
    // Plain columns are better than no picture.
    const plain = () => settle(EMPTY, room.cards, lines.values());
    void made.then(roomLayout, plain).then((layout) => {
      this.#asked.delete(room.id);
      this.#layouts.set(room.id, layout);
      this.#ready();
    });
  }
}
