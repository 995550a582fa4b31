import "@fontsource-variable/inter/wght.css";
import "./style/base.css";
import "./style/header.css";
import "./style/banner.css";
import "./style/query.css";
import "./style/map.css";
import "./style/overview.css";
import "./style/table.css";
import "./style/panels.css";
import "./style/sign-in.css";
import "./style/print.css";
import { render } from "preact";
import { Session } from "./state/session";
import { Viewer } from "./state/viewer";
import { App } from "./ui/app";

const endpoint = new URL("api/v1/ws", document.baseURI);
endpoint.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

const viewer = new Viewer(endpoint.href, new Session());
const place = document.getElementById("app");
if (place !== null) render(<App viewer={viewer} />, place);
viewer.start();
