/** The API's page: Swagger UI with the document of the server that serves it. */

import "@fontsource-variable/inter/wght.css";
import "swagger-ui-dist/swagger-ui.css";
import "./docs.css";
import SwaggerUI, { type System } from "swagger-ui-dist/swagger-ui-es-bundle.js";
import { Session } from "../state/session";
import { remembered } from "../state/theme";

/** A stream has no answer that could be shown. */
function noStreams(system: System): object {
  const answers = (_: unknown, path: string, method: string) =>
    !system.specSelectors.specJson().hasIn(["paths", path, method, "x-messages"]);
  return { statePlugins: { spec: { wrapSelectors: { allowTryItOutFor: () => answers } } } };
}

/** As in the viewer; Swagger UI goes by a class. */
function follow(dark: MediaQueryList): void {
  const theme = remembered();
  const isDark = theme === "dark" || (theme === "system" && dark.matches);
  document.documentElement.classList.toggle("dark-mode", isDark);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
follow(dark);
dark.addEventListener("change", () => follow(dark));

const place = document.getElementById("docs");
if (place !== null) {
  const page = SwaggerUI({
    url: new URL("openapi.json", document.baseURI).href,
    domNode: place,
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    // The graph of a large cluster would take the browser minutes.
    syntaxHighlight: false,
    // Else it would ask another host for its opinion.
    validatorUrl: null,
    plugins: [noStreams],
    // Who has signed in to the viewer need not do so again.
    onComplete() {
      const { token } = new Session();
      if (token !== null) page.preauthorizeApiKey("bearer", token);
    },
  });
}
