import type { StylesheetJson } from "cytoscape";
import type { Palette } from "./palette";

/** How shapes and lines look. The painter draws the text on them. */
export function styleOf(palette: Palette): StylesheetJson {
  const { statuses } = palette;
  return [
    {
      selector: "node",
      style: {
        shape: "round-rectangle",
        "corner-radius": "8",
        width: "data(width)",
        height: "data(height)",
        "background-color": palette.card,
        "border-width": 1,
        "border-color": palette.line,
        "z-index-compare": "manual",
        "z-index": 20,
        "overlay-opacity": 0,
      },
    },
    {
      selector: "node[form='wing']",
      style: { "background-color": palette.ground, "corner-radius": "20", "z-index": 0 },
    },
    {
      selector: "node[form='wing'][?old]",
      style: { "border-style": "dashed", "border-width": 2, "border-color": statuses.Error },
    },
    {
      selector: "node[form='hall']",
      style: { "background-color": palette.hall, "corner-radius": "14", "z-index": 1 },
    },
    {
      selector: "node[form='room']",
      style: {
        "background-color": palette.room,
        "border-color": palette.edge,
        "corner-radius": "10",
        "z-index": 2,
      },
    },
    { selector: "node[status='Error']", style: { "border-color": statuses.Error, "border-width": 1.5 } },
    {
      selector: "node[form='ghost']",
      style: { "border-style": "dashed", "background-color": palette.ground },
    },
    { selector: "node.dim", style: { opacity: 0.55 } },
    { selector: "node.hover", style: { "border-color": palette.accent } },
    { selector: "node.selected", style: { "border-color": palette.accent, "border-width": 3 } },
    {
      selector: "edge",
      style: {
        width: 1.3,
        "line-color": palette.edge,
        "curve-style": "unbundled-bezier",
        "edge-distances": "endpoints" as never,
        "control-point-weights": "data(weights)" as never,
        "control-point-distances": "data(distances)" as never,
        "source-endpoint": "data(source_end)" as never,
        "target-endpoint": "data(target_end)" as never,
        "target-arrow-shape": "triangle",
        "target-arrow-color": palette.edge,
        "arrow-scale": 0.8,
        "z-index-compare": "manual",
        "z-index": 10,
        "overlay-opacity": 0,
        events: "no",
        "font-family": palette.font,
        "font-size": 12,
        "min-zoomed-font-size": 7.5,
        color: palette.faint,
        "source-text-offset": "data(offset)" as never,
        "source-text-margin-y": -9,
        "text-background-color": palette.ground,
        "text-background-opacity": 0.9,
        "text-background-padding": "2",
        "text-background-shape": "roundrectangle",
      },
    },
    // Lines between rooms are many, and say little until one of their ends is spoken of.
    { selector: "edge.cross", style: { visibility: "hidden", "line-style": "dashed" } },
    { selector: "edge.dim", style: { opacity: 0.3 } },
    {
      selector: "edge.path",
      style: {
        width: 2.4,
        "line-color": statuses.Error,
        "target-arrow-color": statuses.Error,
        "arrow-scale": 1,
        "z-index": 12,
        "source-label": "data(label)",
        color: palette.ink,
      },
    },
    {
      selector: "edge.near",
      style: {
        visibility: "visible",
        width: 2,
        opacity: 1,
        "line-color": palette.accent,
        "target-arrow-color": palette.accent,
        "z-index": 14,
        "source-label": "data(label)",
      },
    },
  ];
}
