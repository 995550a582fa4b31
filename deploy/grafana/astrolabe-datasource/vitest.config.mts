import path from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Node cannot import the modules of Grafana's library as they are packed; it can require them.
  resolve: { alias: { '@grafana/data': path.resolve('node_modules/@grafana/data/dist/cjs/index.cjs') } },
  test: {
    include: ['tests/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 90_000,
    maxWorkers: 2,
    // As for the viewer: a browser on a busy machine may miss a moment.
    retry: process.env.CI ? 1 : 0,
  },
});
