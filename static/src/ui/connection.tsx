import type { Page } from "../state/page";
import { WORDS } from "../state/trust";
import type { Viewer } from "../state/viewer";

/** Whether the picture is up to date, in one word; the banner says more. */
export function ConnectionState({ viewer, page }: { viewer: Viewer; page: Page }) {
  const { connection, trust } = page;
  const position = viewer.position;
  const title = [
    trust.why,
    position === null ? "Nothing received yet" : `Epoch ${position.epoch}, change ${position.seq}`,
  ];
  return (
    <p
      class="connection"
      data-state={connection.state}
      data-trust={trust.level}
      title={title.filter(Boolean).join("\n")}
      role="status"
    >
      <span class="lamp" aria-hidden="true" />
      {WORDS[trust.level]}
    </p>
  );
}
