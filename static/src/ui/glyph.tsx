import type { Status } from "@astrolabe/stream";

/** The sign of a status, the same as on the map. label: for screen readers; empty if the text says it already. */
export function Glyph({ status, label = "" }: { status: Status; label?: string }) {
  const said =
    label === "" ? { "aria-hidden": true as const } : { role: "img" as const, "aria-label": label };
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: a title would be a tooltip; it has a label, or is hidden
    <svg class={`glyph ${status.toLowerCase()}`} viewBox="-8 -8 16 16" {...said}>
      {SHAPES[status]}
    </svg>
  );
}

const SHAPES = {
  Error: (
    <>
      <path class="fill" d="M7.4 3.06 3.06 7.4H-3.06L-7.4 3.06V-3.06L-3.06-7.4H3.06L7.4-3.06Z" />
      <path class="sign" d="M-2.6-2.6 2.6 2.6M2.6-2.6-2.6 2.6" />
    </>
  ),
  Unknown: (
    <>
      <path class="fill" d="M8 0 0 8-8 0 0-8Z" />
      <path class="sign" d="M-1.9-1.8A1.9 1.9 0 1 1 0 .6V1.2M0 3.6V3.7" />
    </>
  ),
  Pending: (
    <>
      <circle class="stroke" r="6.3" />
      <path class="stroke" d="M0-3.4V0L2.6 1.6" />
    </>
  ),
  Ready: <path class="stroke" d="M-4.4.4-1.4 3.4 4.6-3.4" />,
};
