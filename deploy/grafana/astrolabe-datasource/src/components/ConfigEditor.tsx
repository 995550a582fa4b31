import { DataSourcePluginOptionsEditorProps } from '@grafana/data';
import { Field, Input, SecretInput, SecretTextArea, Switch } from '@grafana/ui';
import React from 'react';
import { AstrolabeOptions, AstrolabeSecrets } from '../types';

type Props = DataSourcePluginOptionsEditorProps<AstrolabeOptions, AstrolabeSecrets>;

const WIDTH = 60;

/** Where Astrolabe is, as Grafana's server reaches it, what Grafana's proxy shows it, and how it verifies it. */
export function ConfigEditor({ options, onOptionsChange }: Props) {
  const { jsonData } = options;
  return (
    <>
      <Field
        label="URL"
        description="The address at which Grafana's server reaches Astrolabe. Browsers do not connect to it."
      >
        <Input
          id="astrolabe-url"
          width={WIDTH}
          value={options.url}
          placeholder="http://astrolabe:8080"
          onChange={({ currentTarget }) => onOptionsChange({ ...options, access: 'proxy', url: currentTarget.value })}
        />
      </Field>
      <Field
        label="Forward the signed-in user's token"
        description="With --auth=kubernetes, each user of Grafana sees what they may list in the cluster. They must sign in with OAuth, by an identity provider that the cluster knows."
      >
        <Switch
          id="astrolabe-forward"
          value={jsonData.oauthPassThru ?? false}
          onChange={({ currentTarget }) => onOptionsChange(forwarding(options, currentTarget.checked))}
        />
      </Field>
      <Field
        label="Authorization"
        disabled={jsonData.oauthPassThru}
        description="If Astrolabe (--auth) or a proxy in front of it requires a token: the word Bearer and the token. All users of Grafana then see the same."
      >
        <SecretInput
          id="astrolabe-authorization"
          width={WIDTH}
          placeholder="Bearer …"
          {...secret(
            { options, onOptionsChange },
            { name: 'httpHeaderValue1', set: { httpHeaderName1: 'Authorization' } }
          )}
        />
      </Field>
      <Field
        label="Certificate authority"
        description="PEM. Needed if Grafana's server does not trust the issuer of Astrolabe's certificate (--tls-cert-file)."
      >
        <SecretTextArea
          id="astrolabe-certificate-authority"
          cols={WIDTH}
          rows={5}
          placeholder="-----BEGIN CERTIFICATE-----"
          {...secret({ options, onOptionsChange }, { name: 'tlsCACert', set: { tlsAuthWithCACert: true } })}
        />
      </Field>
      <Field
        label="Skip TLS verification"
        description="Accept any certificate. Anyone between Grafana and Astrolabe could then read the token."
      >
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

/** A header of the data source would replace the user's token, so there is either one or the other. */
function forwarding(options: Props['options'], isOn: boolean): Props['options'] {
  const { jsonData, secureJsonFields = {}, secureJsonData = {} } = options;
  if (!isOn) {
    return { ...options, jsonData: { ...jsonData, oauthPassThru: false } };
  }
  return {
    ...options,
    jsonData: { ...jsonData, oauthPassThru: true, httpHeaderName1: undefined },
    secureJsonFields: { ...secureJsonFields, httpHeaderValue1: false },
    secureJsonData: { ...secureJsonData, httpHeaderValue1: '' },
  };
}

interface Secret {
  name: keyof AstrolabeSecrets;
  /** Tells Grafana's proxy what the secret is for. */
  set: Partial<AstrolabeOptions>;
}

/** What a field of a secret needs: Grafana keeps it, shows it to nobody, and forgets it by a reset. */
function secret({ options, onOptionsChange }: Pick<Props, 'options' | 'onOptionsChange'>, { name, set }: Secret) {
  const { jsonData, secureJsonFields = {}, secureJsonData = {} } = options;
  return {
    isConfigured: Boolean(secureJsonFields[name]),
    value: secureJsonData[name] ?? '',
    onReset: () =>
      onOptionsChange({
        ...options,
        jsonData: { ...jsonData, ...unset(set) },
        secureJsonFields: { ...secureJsonFields, [name]: false },
        secureJsonData: { ...secureJsonData, [name]: '' },
      }),
    onChange: ({ currentTarget }: React.SyntheticEvent<HTMLInputElement | HTMLTextAreaElement>) =>
      onOptionsChange({
        ...options,
        jsonData: { ...jsonData, ...(currentTarget.value ? set : unset(set)) },
        secureJsonData: { ...secureJsonData, [name]: currentTarget.value },
      }),
  };
}

function unset(set: Partial<AstrolabeOptions>): Partial<AstrolabeOptions> {
  return Object.fromEntries(Object.keys(set).map((key) => [key, undefined]));
}
