import { useRef, useState } from "preact/hooks";
import { type Group, type Mood, moodOf } from "../../groups/group";

/** The groups of a mood, in their order. */
export interface Section {
  readonly mood: Mood;
  readonly groups: readonly Group[];
}

/** sections: what to draw. events: for the element around it. */
export interface HeldOrder {
  readonly sections: readonly Section[];
  readonly events: {
    readonly onPointerEnter: () => void;
    readonly onPointerLeave: () => void;
    readonly onFocusIn: () => void;
    readonly onFocusOut: (event: FocusEvent) => void;
  };
}

const MOODS: readonly Mood[] = ["broken", "changing", "well"];

/**
 * While the pointer or the focus is on it, no tile moves: nobody clicks on what has just moved. What they say still
 * changes, and new ones come last. view: another text for other groups, which are in order at once.
 */
export function useHeldOrder(groups: readonly Group[], view: string): HeldOrder {
  const [isOver, setOver] = useState(false);
  const [isFocused, setFocused] = useState(false);
  const held = useRef<{ view: string; moods: Map<string, Mood> }>({ view: "", moods: new Map() });
  if (held.current.view !== view || !(isOver || isFocused)) held.current = { view, moods: new Map() };
  const { moods } = held.current;
  const now = new Map(groups.map((group) => [group.id, group]));
  for (const group of groups) if (!moods.has(group.id)) moods.set(group.id, moodOf(group));
  const sections = MOODS.map((mood) => ({
    mood,
    groups: [...moods].flatMap(([id, its]) => (its === mood ? (now.get(id) ?? []) : [])),
  }));
  return {
    sections: sections.filter((section) => section.groups.length > 0),
    events: {
      onPointerEnter: () => setOver(true),
      onPointerLeave: () => setOver(false),
      onFocusIn: () => setFocused(true),
      onFocusOut: ({ currentTarget, relatedTarget }) => {
        if (!(currentTarget as Element).contains(relatedTarget as globalThis.Node | null)) setFocused(false);
      },
    },
  };
}
