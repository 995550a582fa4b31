import type { Kinds } from "@astrolabe/stream";
import type { Card } from "../cluster/cards";
import { total } from "../cluster/counts";
import type { Page } from "../state/page";
import type { Viewer } from "../state/viewer";
import { Forecast } from "./forecast";
import { Glyph } from "./glyph";
import { Moment } from "./moment";

/** The way from the symptom to its cause in words, and the way back to the map. */
export function PathBar({ viewer, page }: { viewer: Viewer; page: Page }) {
  if (page.view.focus === null) return null;
  return (
    <nav class="path" aria-label={page.study?.forecast ? "What depends on it" : "Path to the cause"}>
      <button type="button" class="back" onClick={() => viewer.leaveFocus()}>
        <svg viewBox="-8 -8 16 16" aria-hidden="true">
          <path d="M3-5-2 0 3 5" />
        </svg>
        Map
      </button>
      {page.lost && <p>What was shown here no longer exists.</p>}
      <ol>
        {page.story.map((card) => (
          <li key={card.id}>
            <button type="button" onClick={() => viewer.select(card.id)} title={card.title}>
              <Glyph status={card.status} label={card.status} />
              <span class="kind">{kindOf(card, viewer.graph.kinds)}</span>
              <span class="name">{card.title}</span>
            </button>
          </li>
        ))}
      </ol>
      <Cause page={page} />
      {page.study?.forecast && <Forecast viewer={viewer} forecast={page.study.forecast} />}
    </nav>
  );
}

/** The message of the cause. */
function Cause({ page }: { page: Page }) {
  const headline = page.study?.headline ?? null;
  if (headline === null) return null;
  const { status, reason, message, since } = headline;
  return (
    <p class="cause">
      <strong class={`reason ${status.toLowerCase()}`}>{reason}</strong>
      <Moment since={since} /> <span>{message}</span>
    </p>
  );
}

const kindOf = (card: Card, kinds: Kinds): string => {
  const number = total(card.counts);
  return number > 1 ? `${number} ${kinds.plural(card.kind)}` : card.kind;
};
