import type { Node } from "@astrolabe/stream";
import { useRef, useState } from "preact/hooks";
import { nameOf } from "../cluster/names";
import type { Viewer } from "../state/viewer";
import { Glyph } from "./glyph";
import { useOutside } from "./hooks";

const RESULTS_AT_MOST = 30;

/** Search as you type; Up, Down and Enter choose (the combobox pattern of ARIA). */
export function SearchBox({ viewer }: { viewer: Viewer }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const box = useOutside<HTMLDivElement>(() => setOpen(false));
  const found = isOpen ? viewer.search.find(viewer.graph, text, RESULTS_AT_MOST) : { nodes: [], total: 0 };
  const shown = isOpen && text.trim() !== "";

  const choose = (node: Node | undefined) => {
    if (node === undefined) return;
    viewer.find(node, nameOf(node));
    setText("");
    setOpen(false);
    input.current?.blur();
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => setAt(Math.min(at + 1, found.nodes.length - 1)),
    ArrowUp: () => setAt(Math.max(at - 1, 0)),
    Enter: () => choose(found.nodes[at]),
    Escape: () => {
      if (text === "") input.current?.blur();
      setText("");
      setOpen(false);
    },
  };
  const press = (event: KeyboardEvent) => {
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };

  return (
    <div class="search" ref={box}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.5 10.5 4 4" />
      </svg>
      <input
        id="search"
        ref={input}
        type="text"
        role="combobox"
        aria-label="Search resources"
        aria-expanded={shown}
        aria-controls="search-results"
        aria-autocomplete="list"
        aria-activedescendant={shown && found.nodes[at] ? `result-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder="Search name, kind, namespace, release, status"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onKeyDown={press}
      />
      <kbd aria-hidden="true">/</kbd>
      <div class="results" hidden={!shown}>
        <div id="search-results" role="listbox" aria-label="Resources found">
          {shown &&
            found.nodes.map((node, index) => (
              <Result
                key={node.uid}
                node={node}
                id={`result-${index}`}
                chosen={index === at}
                choose={choose}
              />
            ))}
        </div>
        <p role="status">{shown ? said(found.total) : ""}</p>
      </div>
    </div>
  );
}

function said(total: number): string {
  if (total === 0) return "No results.";
  const shown = total > RESULTS_AT_MOST ? `, showing the best ${RESULTS_AT_MOST}` : "";
  return `${total.toLocaleString()} found${shown}`;
}

function Result(props: { node: Node; id: string; chosen: boolean; choose: (node: Node) => void }) {
  const { node, id, chosen, choose } = props;
  const scroll = (element: HTMLElement | null) => {
    if (chosen) element?.scrollIntoView({ block: "nearest" });
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the input has the keys, as the combobox pattern wants it
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the input
    <div id={id} role="option" aria-selected={chosen} ref={scroll} onClick={() => choose(node)}>
      <Glyph status={node.status} label={node.status} />
      <span class="name">{node.name}</span>
      <span class="kind">{node.kind}</span>
      <span class="where">{[node.namespace, node.release].filter(Boolean).join(" / ")}</span>
    </div>
  );
}
