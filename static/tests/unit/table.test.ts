import { Kinds, type Node } from "@astrolabe/stream";
import { describe, expect, it } from "vitest";
import { kindColumns, notReadyColumns, searched, sorted } from "../../src/table/columns";
import { csvOf } from "../../src/table/csv";
import { node } from "./build";

const KINDS = new Kinds([
  {
    kind: "Pod",
    namespaced: true,
    columns: [
      { name: "restartCount", type: "integer", description: "" },
      { name: "startTime", type: "string", format: "date-time", description: "" },
      { name: "images", type: "array", description: "" },
    ],
  },
]);
const COLUMNS = kindColumns(KINDS, "Pod", false);

const pod = (name: string, restartCount: number | undefined, more: Partial<Node> = {}): Node =>
  node(`Pod/shop/${name}`, { metadata: { ...(restartCount !== undefined && { restartCount }) }, ...more });

const PODS = [
  pod("web-10", 2),
  pod("web-9", undefined, { status: "Error", reason: "CrashLoopBackOff", message: "exit 1" }),
  pod("web-1", 30, { status: "Pending" }),
];

const names = (rows: readonly Node[]) => rows.map(({ name }) => name);

describe("a table", () => {
  it("of a kind has the columns that the server says the kind has", () => {
    expect(COLUMNS.map(({ title }) => title)).toEqual([
      ...["Namespace", "Name", "Status", "Reason", "Message"],
      ...["Restart count", "Start time", "Images", "Created", "Release"],
    ]);
    expect(kindColumns(KINDS, "Pod", true)[0]?.title).toBe("Cluster");
  });

  it("is sorted as people count, by how bad a status is, and by numbers", () => {
    const by = (column: string, descending = false) => names(sorted(PODS, COLUMNS, { column, descending }));
    expect(by("name")).toEqual(["web-1", "web-9", "web-10"]);
    expect(by("status", true)).toEqual(["web-9", "web-1", "web-10"]);
    expect(by("metadata.restartCount", true)).toEqual(["web-1", "web-10", "web-9"]);
    expect(by("no such column")).toEqual(["web-10", "web-9", "web-1"]);
  });

  it("is searched for all words, wherever they are", () => {
    expect(names(searched(PODS, notReadyColumns(false), "crash web"))).toEqual(["web-9"]);
    expect(searched(PODS, notReadyColumns(false), " ")).toHaveLength(3);
  });

  it("is saved with times, quotes, and nothing that a spreadsheet would calculate", () => {
    const columns = COLUMNS.filter(({ id }) => ["name", "message", "metadata.startTime"].includes(id));
    const rows = [
      pod("a", 0, { message: '=HYPERLINK("http://x","y")', metadata: { startTime: "2026-01-02T03:04:05Z" } }),
      pod("b", 0, { message: "two\nlines, and more" }),
    ];
    expect(csvOf(columns, rows)).toBe(
      "Name,Message,Start time\r\n" +
        `a,"'=HYPERLINK(""http://x"",""y"")",2026-01-02T03:04:05.000Z\r\n` +
        'b,"two\nlines, and more",\r\n',
    );
  });
});
