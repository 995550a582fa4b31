import { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Field, Input, SecretInput, Switch } from '@grafana/ui';
import React from 'react';
import { AstrolabeOptions, AstrolabeSecrets } from '../types';

type Props = DataSourcePluginOptionsEditorProps<AstrolabeOptions, AstrolabeSecrets>;

const WIDTH = 60;

/** Where Astrolabe is, as Grafana's server reaches it, and what Grafana's proxy shows it. */
export function ConfigEditor({ options, onOptionsChange }: Props) {
  const { jsonData, secureJsonFields = {}, secureJsonData = {} } = options;
  return (
    <>
      <Field label="URL" description="As Grafana's server reaches it: browsers never speak to Astrolabe themselves.">
        <Input
          id="astrolabe-url"
          width={WIDTH}
          value={options.url}
          placeholder="http://astrolabe:8080"
          onChange={({ currentTarget }) => onOptionsChange({ ...options, access: 'proxy', url: currentTarget.value })}
        />
      </Field>
      <Field
        label="Authorization"
        description="If Astrolabe (--auth=token) or something in front of it asks for one: Bearer and the token."
      >
        <SecretInput
          id="astrolabe-authorization"
          width={WIDTH}
          isConfigured={Boolean(secureJsonFields.httpHeaderValue1)}
          value={secureJsonData.httpHeaderValue1 ?? ''}
          placeholder="Bearer …"
          onReset={() =>
            onOptionsChange({
              ...options,
              secureJsonFields: { ...secureJsonFields, httpHeaderValue1: false },
              secureJsonData: { ...secureJsonData, httpHeaderValue1: '' },
            })
          }
          onChange={({ currentTarget }) =>
            onOptionsChange({
              ...options,
              jsonData: { ...jsonData, httpHeaderName1: 'Authorization' },
              secureJsonData: { ...secureJsonData, httpHeaderValue1: currentTarget.value },
            })
          }
        />
      </Field>
      <Field label="Skip TLS verification" description="For a certificate that Grafana's server cannot verify.">
        <Switch
          id="astrolabe-skip-verification"
          value={jsonData.tlsSkipVerify ?? false}
          onChange={({ currentTarget }) =>
            onOptionsChange({ ...options, jsonData: { ...jsonData, tlsSkipVerify: currentTarget.checked } })
          }
        />
      </Field>
    </>
  );
}
