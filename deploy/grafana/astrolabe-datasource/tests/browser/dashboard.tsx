/** A dashboard as Grafana shows it, as far as its libraries go: its grid, its panels, and what is in them. */
import * as data from '@grafana/data';
import * as ui from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React, { useEffect, useState } from 'react';
import * as rxjs from 'rxjs';
import { fieldOptions } from './grafana-registry';
import { NodeGraph } from './node-graph';

export interface PanelModel {
  id: number;
  timeFrom?: string;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets: data.DataQuery[];
  transformations?: data.DataTransformerConfig[];
  fieldConfig: data.FieldConfigSource;
  options: any;
}

export interface DashboardModel {
  uid: string;
  time: { from: string; to: string };
  panels: PanelModel[];
}

/** What a panel was given, and what it makes of it. */
export interface Shown {
  at: number;
  /** Before the panel's transformations, by the query that made them. */
  raw: data.DataFrame[];
  frames: data.DataFrame[];
  errors: string[];
}

export interface Site {
  source: data.DataSourceApi;
  replace: data.InterpolateFunction;
  /** Told of every state of a panel that is shown. */
  tell: (id: number, shown: Shown) => void;
}

/** Pixels of Grafana's grid. */
const [ROW, GAP] = [30, 8];

export function Dashboard({ dashboard, width, site }: { dashboard: DashboardModel; width: number; site: Site }) {
  const theme = ui.useTheme2();
  const column = (width - 23 * GAP) / 24;
  const height = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h)) * (ROW + GAP);
  return (
    <div style={{ position: 'relative', width, height, background: theme.colors.background.canvas }}>
      {dashboard.panels.map((panel) => {
        const { x, y, w, h } = panel.gridPos;
        const size = { width: w * (column + GAP) - GAP, height: h * (ROW + GAP) - GAP };
        return (
          <div key={panel.id} style={{ position: 'absolute', left: x * (column + GAP), top: y * (ROW + GAP), ...size }}>
            <Panel panel={panel} dashboard={dashboard} site={site} {...size} />
          </div>
        );
      })}
    </div>
  );
}

interface PanelProps {
  panel: PanelModel;
  dashboard: DashboardModel;
  site: Site;
  width: number;
  height: number;
}

function Panel({ panel, dashboard, site, width, height }: PanelProps) {
  const theme = ui.useTheme2();
  const [shown, setShown] = useState<Shown>({ at: 0, raw: [], frames: [], errors: [] });
  useEffect(() => {
    const subscription = show(panel, dashboard, site, theme).subscribe((next) => {
      setShown(next);
      site.tell(panel.id, next);
    });
    return () => subscription.unsubscribe();
  }, [panel, dashboard, site, theme]);
  const { title, description } = panel;
  return (
    <ui.PanelChrome title={title} description={description} width={width} height={height} loadingState={undefined}>
      {(innerWidth, innerHeight) => (
        <Content
          panel={panel}
          dashboard={dashboard}
          shown={shown}
          site={site}
          width={innerWidth}
          height={innerHeight}
        />
      )}
    </ui.PanelChrome>
  );
}

/** What is in a panel over time: its queries' frames, transformed, with what the panel says of their fields. */
function show(
  panel: PanelModel,
  dashboard: DashboardModel,
  { source, replace }: Site,
  theme: data.GrafanaTheme2
): rxjs.Observable<Shown> {
  const request = {
    targets: panel.targets,
    panelId: panel.id,
    dashboardUID: dashboard.uid,
    intervalMs: 1000,
    scopedVars: {},
    range: timeRange(dashboard, panel),
  };
  const answers = source.query(request as never) as rxjs.Observable<data.DataQueryResponse>;
  const fieldConfigRegistry = fieldOptions(panel.type);
  return answers.pipe(
    rxjs.scan((known, answer) => known.set(answer.key!, answer), new Map<string, data.DataQueryResponse>()),
    rxjs.switchMap((known) => {
      const raw = [...known.values()].flatMap((answer) => answer.data as data.DataFrame[]);
      const errors = [...known.values()].flatMap((answer) => answer.errors ?? []).map((error) => error.message ?? '');
      const context = { interpolate: (text: string) => replace(text) };
      return data.transformDataFrame(panel.transformations ?? [], raw, context).pipe(
        rxjs.map((transformed) => {
          const { fieldConfig } = panel;
          const replaceVariables = replace;
          const options = { data: transformed, fieldConfig, fieldConfigRegistry, replaceVariables, theme };
          const frames = data.applyFieldOverrides(options);
          data.cacheFieldDisplayNames(frames);
          return { at: Date.now(), raw, frames, errors };
        })
      );
    })
  );
}

function timeRange({ time }: DashboardModel, { timeFrom }: PanelModel): data.TimeRange {
  return data.rangeUtil.convertRawToRange(timeFrom ? { from: `now-${timeFrom}`, to: 'now' } : time);
}

type ContentProps = PanelProps & { shown: Shown };

function Content({ panel, dashboard, shown: { frames, errors }, site, width, height }: ContentProps) {
  const theme = ui.useTheme2();
  if (frames.length === 0) {
    return <div>{errors.join('; ') || 'No data'}</div>;
  }
  switch (panel.type) {
    case 'nodeGraph':
      return <NodeGraph frames={frames} width={width} height={height} />;
    case 'table':
      return (
        <TableNG
          data={frames[0]}
          width={width}
          height={height}
          initialSortBy={panel.options.sortBy}
          cellHeight={panel.options.cellHeight}
          noHeader={!panel.options.showHeader}
        />
      );
    case 'timeseries':
      return (
        <ui.TimeSeries
          frames={frames}
          width={width}
          height={height}
          timeRange={timeRange(dashboard, panel)}
          timeZone="browser"
          legend={panel.options.legend}
        />
      );
    default: {
      const { reduceOptions, ...look } = panel.options;
      const values = data.getFieldDisplayValues({
        data: frames,
        reduceOptions,
        fieldConfig: panel.fieldConfig,
        replaceVariables: site.replace,
        theme,
      });
      return (
        <div style={{ display: 'flex', gap: 5 }}>
          {values.map((value, index) => (
            <ui.BigValue
              key={index}
              theme={theme}
              value={value.display}
              width={(width - 5 * (values.length - 1)) / values.length}
              height={height}
              colorMode={look.colorMode}
              graphMode={look.graphMode}
              textMode={look.textMode}
              justifyMode={look.justifyMode}
            />
          ))}
        </div>
      );
    }
  }
}
