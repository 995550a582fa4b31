/** What is used of Swagger UI, which brings no types. */
declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  interface System {
    specSelectors: { specJson(): { hasIn(path: readonly string[]): boolean } };
    /** scheme: a name of the document's `securitySchemes`; without it nothing happens. */
    preauthorizeApiKey(scheme: string, token: string): void;
  }
  interface Options {
    url: string;
    domNode: HTMLElement;
    deepLinking: boolean;
    docExpansion: "list" | "full" | "none";
    defaultModelsExpandDepth: number;
    syntaxHighlight: boolean;
    validatorUrl: null;
    onComplete: () => void;
    plugins: readonly ((system: System) => object)[];
  }
  export default function SwaggerUI(options: Options): System;
}
