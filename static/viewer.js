// What is broken first: a client of the public stream like any other.

const LEVELS = ["Error", "Pending", "Unknown", "Ready"];
const ROWS_AT_MOST = 500;
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 15000;

const nodes = new Map();
// Where in history the nodes are from; null while they are not complete.
let position = null;
let pause = SHORTEST_PAUSE;
let drawing = false;

const find = (id) => document.getElementById(id);

function apply(message) {
  switch (message.type) {
    case "reset":
      nodes.clear();
      position = null;
      break;
    case "snapshot":
      if (message.part === 1) nodes.clear();
      for (const node of message.nodes) nodes.set(node.uid, node);
      position = message.last ? { epoch: message.epoch, seq: message.seq } : null;
      break;
    case "delta":
      for (const node of message.nodes.set) nodes.set(node.uid, node);
      for (const uid of message.nodes.remove) nodes.delete(uid);
      position = { epoch: message.epoch, seq: message.seq };
      break;
    case "bookmark":
      position = { epoch: message.epoch, seq: message.seq };
      break;
  }
}

function connect() {
  show("connecting", "connecting");
  const url = new URL("api/v1/ws", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  if (position) url.searchParams.set("since", `${position.epoch}:${position.seq}`);
  const socket = new WebSocket(url, "astrolabe.v1");
  let silence = 40000;
  let watchdog = setTimeout(() => socket.close(), silence);
  socket.onmessage = (event) => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => socket.close(), silence);
    const message = JSON.parse(event.data);
    if (message.type === "hello") {
      silence = message.heartbeat * 2500;
      pause = SHORTEST_PAUSE;
      if (position) show("live", "live");
    } else {
      apply(message);
      show(position ? "live" : "connecting", position ? "live" : "catching up");
      draw();
    }
  };
  socket.onclose = () => {
    clearTimeout(watchdog);
    show("disconnected", `disconnected since ${new Date().toLocaleTimeString()}`);
    setTimeout(connect, pause * (0.5 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  };
}

function show(state, text) {
  const element = find("state");
  element.dataset.state = state;
  if (element.textContent !== text) element.textContent = text;
}

function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawNow();
  });
}

function drawNow() {
  const counts = Object.fromEntries(LEVELS.map((level) => [level, 0]));
  for (const node of nodes.values()) counts[node.status] += 1;
  const chosen = new Set();
  for (const label of find("levels").querySelectorAll("label")) {
    label.querySelector("output").textContent = counts[label.dataset.level];
    if (label.querySelector("input").checked) chosen.add(label.dataset.level);
  }
  const words = find("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...nodes.values()].filter((node) => chosen.has(node.status) && says(node, words));
  found.sort(worstFirst);
  find("rows").replaceChildren(...found.slice(0, ROWS_AT_MOST).map(row));
  const more = found.length > ROWS_AT_MOST ? `, the first ${ROWS_AT_MOST} are shown: narrow the search` : "";
  find("summary").textContent = `${found.length} of ${nodes.size} resources${more}`;
}

function says(node, words) {
  const text = [node.kind, node.namespace, node.name, node.release, node.reason, node.message]
    .join(" ")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

function worstFirst(a, b) {
  return (
    LEVELS.indexOf(a.status) - LEVELS.indexOf(b.status) ||
    compare(a.namespace ?? "", b.namespace ?? "") ||
    compare(a.kind, b.kind) ||
    compare(a.name, b.name)
  );
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

function row(node) {
  const element = document.createElement("tr");
  element.dataset.level = node.status;
  const missing = (node.unresolved ?? []).map((reference) => `${reference.kind} ${reference.name} is missing`);
  const message = [node.message, ...missing].filter(Boolean).join("; ");
  for (const text of [node.status, node.kind, node.namespace, node.name, node.reason, message]) {
    element.insertCell().textContent = text ?? "";
  }
  return element;
}

find("controls").addEventListener("input", draw);
find("controls").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== find("search")) {
    event.preventDefault();
    find("search").focus();
  } else if (event.key === "Escape") {
    find("search").value = "";
    draw();
  }
});
connect();
