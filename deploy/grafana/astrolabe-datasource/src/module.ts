import { DataSourcePlugin } from '@grafana/data';
import { ConfigEditor } from './components/ConfigEditor';
import { QueryEditor } from './components/QueryEditor';
import { DataSource } from './datasource';
import { AstrolabeOptions, AstrolabeQuery } from './types';

export const plugin = new DataSourcePlugin<DataSource, AstrolabeQuery, AstrolabeOptions>(DataSource)
  .setConfigEditor(ConfigEditor)
  .setQueryEditor(QueryEditor);
