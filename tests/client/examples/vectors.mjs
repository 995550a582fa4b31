// The page's example on the vectors: node vectors.mjs client.mjs FOLDER [without...]
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const [module, folder, ...without] = process.argv.slice(2);
const { Graph } = await import(resolve(module));

const byName = (one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1);
const sorted = (objects) => [...objects].sort(byName);

let count = 0;
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
for (const file of files.filter((file) => !without.includes(file.replace(".json", "")))) {
  const { steps, then } = JSON.parse(readFileSync(join(folder, file), "utf-8"));
  const graph = new Graph();
  for (const step of steps) {
    if ("connect" in step) assert.deepEqual(graph.connect(), step.connect, file);
    else if ("changes" in step) graph.apply(step.hear);
    else {
      assert.throws(() => graph.apply(step.hear), file);
      graph.position = null;
      graph.connect();
    }
  }
  assert.deepEqual(sorted(graph.nodes.values()), sorted(then.nodes), file);
  assert.deepEqual(sorted(graph.edges.values()), sorted(then.edges), file);
  assert.equal(graph.parts === null, then.complete, file);
  if (then.complete) assert.deepEqual(graph.position, then.position, file);
  count += 1;
}
console.log(count);
