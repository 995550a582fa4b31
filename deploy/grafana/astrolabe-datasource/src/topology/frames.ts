import { createDataFrame, DataFrame, Field, FieldColorModeId, FieldType } from '@grafana/data';
import { Node, Status } from '@astrolabe/stream';
import { Drawing, Group, Link } from './drawing';
import { COLOURS, ICONS, LISTED_STATUSES } from './appearance';

/** Pixels; of one resource, and of the largest group. */
const RADIUS = 36;
const LARGEST = 56;

/** The nodes and the edges of Grafana's node graph panel. */
export function topologyFrames(
  drawing: Drawing,
  places: ReadonlyMap<string, [number, number]>,
  refId: string
): DataFrame[] {
  return [
    frame(
      'nodes',
      refId,
      nodeFields([...drawing.groups.values()], (group) => places.get(group.id)!)
    ),
    frame('edges', refId, edgeFields(drawing)),
  ];
}

type Column = Omit<Field, 'config'> & { config?: Field['config'] };

function frame(name: string, refId: string, fields: Column[]): DataFrame {
  return createDataFrame({
    name,
    refId,
    meta: { preferredVisualisationType: 'nodeGraph' },
    fields: fields.map((field) => ({ ...field, config: field.config ?? {} })),
  });
}

function nodeFields(groups: Group[], place: (group: Group) => [number, number]): Column[] {
  const text = (name: string, title: string, value: (group: Group) => string | null) =>
    column(name, FieldType.string, groups.map(value), title);
  const number = (name: string, value: (group: Group) => number) => column(name, FieldType.number, groups.map(value));
  return [
    text('id', '', (group) => group.id),
    text('title', 'Name', (group) => group.name),
    text('subTitle', 'Kind', (group) => (group.single ? group.what : `${group.what} of ${group.members.length}`)),
    text('mainStat', 'Reason', mainStat),
    text('secondaryStat', 'Ready', secondaryStat),
    text('color', '', (group) => COLOURS[group.worst.status]),
    text('icon', '', (group) => ICONS[group.layer]),
    number('nodeRadius', radius),
    ...LISTED_STATUSES.map((status) => arc(groups, status)),
    text('detail__namespace', 'Namespace', (group) => group.namespace || null),
    text('detail__kind', 'Kind', (group) => group.what),
    text('detail__release', 'Release', (group) => group.release || null),
    text('detail__message', 'Message', message),
    text('detail__since', 'Since', (group) => group.worst.since ?? null),
    text('detail__cluster', 'Cluster', (group) => group.cluster || null),
    number('fixedX', (group) => place(group)[0]),
    number('fixedY', (group) => place(group)[1]),
  ];
}

function edgeFields({ groups, links }: Drawing): Column[] {
  const text = (name: string, title: string, value: (link: Link) => string | null) =>
    column(name, FieldType.string, links.map(value), title);
  return [
    text('id', '', (link) => link.id),
    text('source', '', (link) => link.source),
    text('target', '', (link) => link.target),
    text('mainStat', 'Type', (link) => (link.count === 1 ? link.type : `${link.type} ×${link.count}`)),
    text('color', '', (link) => edgeColour(groups.get(link.target)!.worst)),
    column(
      'thickness',
      FieldType.number,
      links.map((link) => Math.min(link.count, 6))
    ),
    text('strokeDasharray', '', (link) => (link.type === 'owns' ? null : '6 3')),
    text('detail__type', 'Type', (link) => link.type),
    text('detail__field', 'Field', (link) => link.field.join(', ')),
  ];
}

function column(name: string, type: FieldType, values: unknown[], displayName = ''): Column {
  return { name, type, values, config: displayName ? { displayName } : {} };
}

function arc(groups: Group[], status: Status): Column {
  const share = ({ members }: Group) => members.filter((node) => node.status === status).length / members.length;
  const color = { mode: FieldColorModeId.Fixed, fixedColor: COLOURS[status] };
  return {
    name: `arc__${status.toLowerCase()}`,
    type: FieldType.number,
    values: groups.map(share),
    config: { displayName: status, color },
  };
}

function mainStat({ single, members, worst }: Group): string {
  const ready = members.filter((node) => node.status === 'Ready').length;
  return single ? (worst.reason ?? '') : `${ready}/${members.length} ready`;
}

function secondaryStat({ single, worst }: Group): string | null {
  if (single) {
    return replicas(worst);
  }
  return worst.status === 'Ready' ? null : (worst.reason ?? null);
}

/** What there is of what there should be, or how often its containers were restarted. */
export function replicas({ metadata = {} }: Node): string | null {
  const counts = metadata.replicas as { ready: number; desired: number } | undefined;
  if (counts) {
    return `${counts.ready}/${counts.desired}`;
  }
  return metadata.restartCount ? `${metadata.restartCount} restarts` : null;
}

function radius({ single, members }: Group): number {
  return single ? RADIUS : Math.min(RADIUS + 4 + Math.floor(members.length / 5), LARGEST);
}

function message({ single, worst }: Group): string | null {
  if (!worst.message) {
    return null;
  }
  return single ? worst.message : `${worst.kind} ${worst.name}: ${worst.message}`;
}

/** Of what is wrong at its end: everything depends on what it points at. */
function edgeColour({ status }: Node): string | null {
  return status === 'Ready' ? null : COLOURS[status];
}
