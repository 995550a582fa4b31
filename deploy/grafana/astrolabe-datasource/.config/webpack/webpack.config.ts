/**
 * Builds `dist/` as Grafana loads it: an AMD module that finds React, RxJS and Grafana's libraries in Grafana.
 *
 * What `@grafana/create-plugin` 7.1.7 scaffolds, without what serves development only.
 */

import CopyWebpackPlugin from 'copy-webpack-plugin';
import path from 'path';
import ReplaceInFileWebpackPlugin from 'replace-in-file-webpack-plugin';
import TerserPlugin from 'terser-webpack-plugin';
import webpack, { type Configuration } from 'webpack';
import { SubresourceIntegrityPlugin } from 'webpack-subresource-integrity';
import VirtualModulesPlugin from 'webpack-virtual-modules';

import { externals } from '../bundler/externals.ts';
import packageJson from '../../package.json';
import pluginJson from '../../src/plugin.json';

const SOURCE = path.resolve(process.cwd(), 'src');
const DIST = path.resolve(process.cwd(), 'dist');

const publicPath = new VirtualModulesPlugin({
  'node_modules/grafana-public-path.js': `
import amdMetaModule from 'amd-module';

__webpack_public_path__ =
  amdMetaModule && amdMetaModule.uri
    ? amdMetaModule.uri.slice(0, amdMetaModule.uri.lastIndexOf('/') + 1)
    : 'public/plugins/${pluginJson.id}/';
`,
});

/** Grafana shows in which mode a plugin was built. */
class BuildMode {
  apply(compiler: webpack.Compiler) {
    const stage = webpack.Compilation.PROCESS_ASSETS_STAGE_ADDITIONS;
    compiler.hooks.compilation.tap('BuildMode', (compilation) => {
      compilation.hooks.processAssets.tap({ name: 'BuildMode', stage }, () => {
        compilation.updateAsset('plugin.json', (source) => {
          const content = { ...JSON.parse(source.source().toString()), buildMode: compilation.options.mode };
          return new webpack.sources.RawSource(`${JSON.stringify(content, null, 2)}\n`);
        });
      });
    });
  }
}

const config = ({ production }: { production?: boolean }): Configuration => ({
  context: SOURCE,
  devtool: production ? 'source-map' : 'eval-source-map',
  entry: { module: './module.ts' },
  externals,
  mode: production ? 'production' : 'development',
  module: {
    rules: [
      {
        test: /src\/(?:.*\/)?module\.tsx?$/,
        use: [{ loader: 'imports-loader', options: { imports: 'side-effects grafana-public-path' } }],
      },
      {
        exclude: /(node_modules)/,
        test: /\.[tj]sx?$/,
        use: {
          loader: 'swc-loader',
          options: {
            jsc: {
              target: 'es2022',
              parser: { syntax: 'typescript', tsx: true, decorators: false, dynamicImport: true },
            },
          },
        },
      },
    ],
  },
  optimization: {
    minimize: Boolean(production),
    minimizer: [
      new TerserPlugin({
        terserOptions: {
          format: {
            comments: (_, { type, value }) => type === 'comment2' && value.trim().startsWith('[create-plugin]'),
          },
          compress: { drop_console: ['log', 'info'] },
        },
        extractComments: false,
      }),
    ],
  },
  output: {
    clean: true,
    filename: '[name].js',
    library: { type: 'amd' },
    path: DIST,
    publicPath: `public/plugins/${pluginJson.id}/`,
    uniqueName: pluginJson.id,
    crossOriginLoading: 'anonymous',
  },
  plugins: [
    new BuildMode(),
    publicPath,
    new webpack.BannerPlugin({
      banner: `/* [create-plugin] version: 7.1.7 */
/* [create-plugin] plugin: ${pluginJson.id}@${packageJson.version} */`,
      raw: true,
      entryOnly: true,
    }),
    new CopyWebpackPlugin({
      patterns: [
        { from: 'plugin.json', to: '.' },
        { from: 'img', to: 'img' },
        { from: '../README.md', to: '.' },
        { from: '../CHANGELOG.md', to: '.' },
        { from: '../../../../LICENSE', to: '.' },
      ],
    }),
    new ReplaceInFileWebpackPlugin([
      {
        dir: DIST,
        files: ['plugin.json', 'README.md'],
        rules: [
          { search: /%VERSION%/g, replace: packageJson.version },
          { search: /%TODAY%/g, replace: new Date().toISOString().substring(0, 10) },
          { search: /%PLUGIN_ID%/g, replace: pluginJson.id },
        ],
      },
    ]),
    new SubresourceIntegrityPlugin({ hashFuncNames: ['sha256'] }),
  ],
  resolve: { extensions: ['.js', '.jsx', '.ts', '.tsx'] },
});

export default config;
