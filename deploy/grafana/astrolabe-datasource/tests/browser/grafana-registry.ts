/** What panels of Grafana can be told of fields, and what can be done to frames; a dashboard may name nothing else. */
import * as data from '@grafana/data';

/** Properties of fields that a panel of this type has of its own; the others are of all panels. */
const OWN: Record<string, string[]> = {
  table: ['align', 'cellOptions', 'filterable', 'inspect', 'minWidth', 'width', 'wrapText'],
  timeseries: ['drawStyle', 'fillOpacity', 'hideFrom', 'lineInterpolation', 'lineWidth', 'showPoints', 'stacking'],
  stat: [],
  nodeGraph: [],
};

const { identityOverrideProcessor: identity, displayNameOverrideProcessor: name } = data;
const OF_ALL: Array<[string, data.FieldConfigPropertyItem['process']]> = [
  ['displayName', name],
  ['unit', data.unitOverrideProcessor],
  ['min', data.numberOverrideProcessor],
  ['max', data.numberOverrideProcessor],
  ['decimals', data.numberOverrideProcessor],
  ['noValue', data.stringOverrideProcessor],
  ['links', data.dataLinksOverrideProcessor],
  ['mappings', data.valueMappingsOverrideProcessor],
  ['thresholds', data.thresholdsOverrideProcessor],
  ['color', identity],
];

export const PANEL_TYPES = Object.keys(OWN);

/** The properties of fields in a panel of this type. */
export function fieldOptions(panelType: string): data.FieldConfigOptionsRegistry {
  const item = (path: string, process: data.FieldConfigPropertyItem['process'], isCustom: boolean) => ({
    id: isCustom ? `custom.${path}` : path,
    path,
    name: path,
    isCustom,
    process,
    shouldApply: () => true,
    editor: () => null,
    override: () => null,
  });
  return new data.FieldConfigOptionsRegistry(() => [
    ...OF_ALL.map(([path, process]) => item(path, process, false)),
    ...OWN[panelType].map((path) => item(path, identity, true)),
  ]);
}

/** To be called once. */
export function registerTransformers(): void {
  const byId = new Map(Object.values(data.standardTransformers).map((each) => [each.id, each])); // some have two names
  data.standardTransformersRegistry.setInit(() =>
    [...byId.values()].map((transformation) => ({
      id: transformation.id,
      name: transformation.name,
      transformation: transformation as data.DataTransformerInfo,
      editor: () => null,
      imageDark: '',
      imageLight: '',
    }))
  );
}
