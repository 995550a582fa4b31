/**
 * The node graph panel, which is no part of Grafana's libraries, in short: nodes at the places that the frame gives,
 * with arcs around them, and edges between them. As the panel, it fails at an edge without its end.
 */
import { DataFrame } from '@grafana/data';
import { useTheme2 } from '@grafana/ui';
import React from 'react';

type Row = Record<string, any>;

function rowsOf(frame: DataFrame): Row[] {
  return Array.from({ length: frame.length }, (_, at) =>
    Object.fromEntries(frame.fields.map(({ name, values }) => [name, values[at]]))
  );
}

export function NodeGraph({ frames, width, height }: { frames: DataFrame[]; width: number; height: number }) {
  const theme = useTheme2();
  const [nodes, edges] = [rowsOf(frames[0]), rowsOf(frames[1])];
  if (nodes.length === 0) {
    return <div>No data</div>;
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const arcs = frames[0].fields.filter(({ name }) => name.startsWith('arc__'));
  const xs = nodes.map((node) => node.fixedX);
  const ys = nodes.map((node) => node.fixedY);
  const margin = 110;
  const [left, top] = [Math.min(...xs) - margin, Math.min(...ys) - margin];
  const box = [left, top, Math.max(...xs) + margin - left, Math.max(...ys) + margin - top];
  const colour = (name: string) => theme.visualization.getColorByName(name);
  return (
    <svg width={width} height={height} viewBox={box.join(' ')} fontSize={16} textAnchor="middle">
      {edges.map((edge) => {
        const [source, target] = [edge.source, edge.target].map((id) => byId.get(id));
        if (!source || !target) {
          throw new Error(`the edge ${edge.id} lacks an end`);
        }
        return (
          <line
            key={edge.id}
            x1={source.fixedX}
            y1={source.fixedY}
            x2={target.fixedX}
            y2={target.fixedY}
            stroke={edge.color ? colour(edge.color) : theme.colors.text.disabled}
            strokeWidth={edge.thickness}
            strokeDasharray={edge.strokeDasharray ?? undefined}
          />
        );
      })}
      {nodes.map((node) => {
        const around = 2 * Math.PI * node.nodeRadius;
        let begun = 0;
        return (
          <g key={node.id} transform={`translate(${node.fixedX},${node.fixedY})`} fill={theme.colors.text.primary}>
            <circle r={node.nodeRadius} fill={theme.colors.background.primary} />
            {arcs.map((arc) => {
              const share = node[arc.name] * around;
              const offset = -begun;
              begun += share;
              return (
                <circle
                  key={arc.name}
                  r={node.nodeRadius}
                  fill="none"
                  stroke={colour(arc.config.color!.fixedColor!)}
                  strokeWidth={5}
                  strokeDasharray={`${share} ${around}`}
                  strokeDashoffset={offset}
                />
              );
            })}
            <text y={-2}>{node.mainStat.slice(0, 9)}</text>
            <text y={16}>{node.secondaryStat?.slice(0, 9)}</text>
            <text y={node.nodeRadius + 22}>{node.title.slice(0, 24)}</text>
            <text y={node.nodeRadius + 42} fill={theme.colors.text.secondary}>
              {node.subTitle}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
