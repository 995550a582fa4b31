import type { Column } from "@astrolabe/stream";
import { expect, it } from "vitest";
import { shownColumns } from "../../src/ui/metadata";

const COLUMNS: Column[] = [
  { name: "schedule", type: "string", description: "In cron's format." },
  { name: "suspend", type: "boolean", description: "" },
  { name: "lastScheduleTime", type: "string", format: "date-time", description: "" },
  { name: "usedSecrets", type: "array", description: "" },
];

it("shows the columns of the kind, in its order and as the server describes them", () => {
  const metadata = { lastScheduleTime: "2026-01-01T00:00:00Z", schedule: "* * * * *", suspend: false };
  expect(shownColumns(metadata, COLUMNS)).toEqual([COLUMNS[0], COLUMNS[1], COLUMNS[2]]);
});

it("leaves out what has no value, and what the edges show", () => {
  expect(shownColumns({ suspend: true, usedSecrets: ["keys"] }, COLUMNS)).toEqual([COLUMNS[1]]);
});

it("shows what the server does not describe at the end", () => {
  const metadata = { creationTimestamp: "2026-01-01T00:00:00Z", later: 3, schedule: "* * * * *" };
  expect(shownColumns(metadata, COLUMNS)).toEqual([
    COLUMNS[0],
    { name: "creationTimestamp", type: "string", format: "date-time", description: "" },
    { name: "later", type: "string", description: "" },
  ]);
});
