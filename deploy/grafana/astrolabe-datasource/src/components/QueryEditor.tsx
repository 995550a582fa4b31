import { PROBLEM_SORTS, ProblemSort } from '@astrolabe/stream';
import { QueryEditorProps, SelectableValue } from '@grafana/data';
import { InlineField, InlineFieldRow, InlineSwitch, Input, MultiCombobox, RadioButtonGroup } from '@grafana/ui';
import React from 'react';
import { DataSource } from '../datasource';
import { AstrolabeOptions, AstrolabeQuery, LIMITS, QueryType } from '../types';

type Props = QueryEditorProps<DataSource, AstrolabeQuery, AstrolabeOptions>;

const TYPES: Array<SelectableValue<QueryType>> = [
  { value: 'topology', label: 'Topology', description: 'Nodes and edges, for the node graph panel' },
  {
    value: 'problems',
    label: 'Problems',
    description: 'A table of problems by cause, with what depends on them',
  },
  { value: 'resources', label: 'Resources', description: 'A table of resources, worst first' },
  { value: 'counts', label: 'Status counts', description: 'Number of resources by status, over time' },
  { value: 'changes', label: 'Changes', description: 'A table of changes, latest first' },
];

const SORTS: Record<ProblemSort, string> = {
  severity: 'Worst first',
  reach: 'Nearest to users first',
  affected: 'Most affected first',
  age: 'Oldest first',
  newest: 'Newest first',
};

const LISTS = [
  { name: 'cluster', label: 'Cluster', from: 'clusters' },
  { name: 'namespace', label: 'Namespace', from: 'namespaces' },
  { name: 'release', label: 'Release', from: 'releases' },
  { name: 'kind', label: 'Kind', from: 'kinds' },
  { name: 'status', label: 'Status', from: 'statuses' },
] as const;

export function QueryEditor({ query, datasource, onChange, onRunQuery }: Props) {
  const change = (part: Partial<AstrolabeQuery>) => {
    onChange({ ...query, ...part });
    onRunQuery();
  };
  const type = query.queryType ?? 'topology';
  return (
    <>
      <InlineField label="Show" labelWidth={14}>
        <RadioButtonGroup options={TYPES} value={type} onChange={(queryType) => change({ queryType })} />
      </InlineField>
      <InlineFieldRow>
        {LISTS.map(({ name, label, from }) => (
          <InlineField key={name} label={label} labelWidth={14} htmlFor={`astrolabe-${name}`}>
            <Names
              label={label}
              values={query[name] ?? []}
              load={() => datasource.metricFindQuery(from)}
              onChange={(values) => change({ [name]: values })}
            />
          </InlineField>
        ))}
      </InlineFieldRow>
      <InlineFieldRow>
        <InlineField label="Text" labelWidth={14} tooltip="A search, such as web, kind:deploy or restarts>5">
          <Text label="Text" value={query.text} onChange={(text) => change({ text })} />
        </InlineField>
        <InlineField label="Selector" labelWidth={14} tooltip="A Kubernetes label selector: app=web,tier in (a,b)">
          <Text label="Selector" value={query.selector} onChange={(selector) => change({ selector })} />
        </InlineField>
      </InlineFieldRow>
      <InlineFieldRow>
        {(type === 'topology' || type === 'problems' || type === 'changes') && (
          <InlineField label="Limit" labelWidth={14} tooltip={LIMIT_TIPS[type]}>
            <Text
              label="Limit"
              type="number"
              placeholder={String(LIMITS[type])}
              value={query.limit?.toString()}
              onChange={(text) => change({ limit: Number(text) || undefined })}
            />
          </InlineField>
        )}
        {type === 'problems' && (
          <InlineField label="Order" labelWidth={14}>
            <RadioButtonGroup
              options={PROBLEM_SORTS.map((value) => ({ value, label: SORTS[value] }))}
              value={query.sort ?? 'severity'}
              onChange={(sort) => change({ sort })}
            />
          </InlineField>
        )}
        {type === 'topology' && (
          <InlineField
            label="Only what is broken"
            labelWidth={20}
            tooltip="Show only the causes of problems and what they break. Status chooses among the problems; by default, all."
          >
            <InlineSwitch
              id="astrolabe-focus"
              value={query.focus ?? false}
              onChange={({ currentTarget }) => change({ focus: currentTarget.checked || undefined })}
            />
          </InlineField>
        )}
      </InlineFieldRow>
    </>
  );
}

const LIMIT_TIPS = {
  topology: 'Above this number of nodes, resources are grouped by workload, release, namespace or kind',
  problems: 'Number of rows to show',
  changes: 'Number of rows to show',
};

interface NamesProps {
  label: string;
  values: readonly string[];
  load: () => Promise<Array<{ text: string }>>;
  onChange: (values: string[]) => void;
}

/** Any of the names that the server knows, and others, such as template variables. */
function Names({ label, values, load, onChange }: NamesProps) {
  const options = async (typed: string) => {
    const found = await load().catch(() => []); // names may be typed all the same
    const names = [...new Set([...found.map(({ text }) => text), ...values])];
    const wanted = typed.toLowerCase();
    return names.filter((name) => name.toLowerCase().includes(wanted)).map((value) => ({ value, label: value }));
  };
  return (
    <MultiCombobox
      id={`astrolabe-${label.toLowerCase()}`}
      placeholder="All"
      width={36}
      options={options}
      value={values.map((value) => ({ value, label: value }))}
      createCustomValue
      isClearable
      onChange={(selected) => onChange(selected.map(({ value }) => value))}
    />
  );
}

interface TextProps {
  label: string;
  type?: 'number';
  placeholder?: string;
  value?: string;
  onChange: (text: string) => void;
}

/** Tells what was typed when it is left or Enter is pressed, not at every key. */
function Text({ label, type, placeholder, value = '', onChange }: TextProps) {
  const finish = (text: string) => {
    if (text !== value) {
      onChange(text);
    }
  };
  return (
    <Input
      key={value}
      aria-label={label}
      width={36}
      type={type}
      placeholder={placeholder}
      defaultValue={value}
      onBlur={(event) => finish(event.currentTarget.value)}
      onKeyDown={(event) => event.key === 'Enter' && finish(event.currentTarget.value)}
    />
  );
}
