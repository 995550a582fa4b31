import { useState } from "preact/hooks";
import type { Page } from "../state/page";
import { isGrowing } from "../state/trust";
import type { Viewer } from "../state/viewer";
import { QueryField } from "./query-field";

const HITS_AT_MOST = 30;

/** Finds resources as one types, anywhere in the cluster. */
export function SearchBox({ viewer, page }: { viewer: Viewer; page: Page }) {
  const [text, setText] = useState("");
  return (
    <div class="search">
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="m10.5 10.5 4 4" />
      </svg>
      <QueryField
        id="search"
        label="Search resources"
        placeholder="Search: cart, kind:deploy status:Error"
        query={viewer.search}
        limit={HITS_AT_MOST}
        text={text}
        setText={setText}
        choose={(hit) => {
          setText("");
          viewer.findHit(hit);
        }}
        cancel={() => setText("")}
        isGrowing={isGrowing(page.trust)}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  );
}
