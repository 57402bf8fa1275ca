// A certified OpenID Connect server (npm `oidc-provider`) that issues access tokens for tests/oidc_provider.rs, and is asked
// about them by tests/opaque.
//
// It listens on a free port of the loopback address, prints one JSON line with its issuer, and then answers one JSON
// line to each line on its standard input. It ends when that is closed, so it can't outlive the test that started it.
//
//   rotate    new signing keys, and no trace of the old ones; answers with the new `kid`s
//   requests  how often each path has been asked for
//   stop      closes the port and every connection; `resume` opens it again
//
// A client asks for a token with `resource=urn:orders:ES256`: what follows from that name is in `resourceServer`.

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { errors, Provider } from 'oidc-provider';

const CLIENT = {
  client_id: 'robot',
  client_secret: 'not-a-secret-outside-this-test',
  grant_types: ['client_credentials', 'authorization_code'],
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_basic',
};

// Who may ask about tokens, and gets none (RFC 7662).
const GATE = { client_secret: 'a secret: with +, %, & and ~', grant_types: [], redirect_uris: [], response_types: [] };
const GATES = [
  { ...GATE, client_id: 'gate', token_endpoint_auth_method: 'client_secret_basic' },
  { ...GATE, client_id: 'gate-post', token_endpoint_auth_method: 'client_secret_post' },
];

// Its own defaults sign ID tokens and JWT access tokens with the same keys: here one of each kind.
const KEYS = {
  RS256: ['rsa', { modulusLength: 2048 }],
  PS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};

// `urn:AUDIENCE:FORM`, where FORM is an algorithm, `short` (ES256, good for one second), `opaque` or `brief` (opaque, good for
// three seconds).
function resourceServer(_context, resource) {
  const [, audience, form] = resource.split(':');
  const server = { scope: 'orders.read', audience, accessTokenTTL: 600 };
  if (form === 'brief') return { ...server, accessTokenTTL: 3, accessTokenFormat: 'opaque' };
  if (form === 'opaque') return { ...server, accessTokenFormat: 'opaque' };
  if (form === 'short') return { ...server, accessTokenTTL: 1, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
  if (form in KEYS) return { ...server, accessTokenFormat: 'jwt', jwt: { sign: { alg: form } } };
  throw new errors.InvalidTarget();
}

function lifetime(_context, token) {
  return token.resourceServer?.accessTokenTTL ?? 600;
}

function signingKey(alg) {
  const { privateKey } = generateKeyPairSync(...KEYS[alg]);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `${alg}-${randomUUID()}` };
}

function newProvider(issuer, keys) {
  const provider = new Provider(issuer, {
    clients: [CLIENT, ...GATES],
    jwks: { keys },
    cookies: { keys: [randomUUID()] },
    claims: { openid: ['sub'] },
    findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    interactions: { url: (_context, interaction) => `/sign-in/${interaction.uid}` },
    ttl: { AccessToken: lifetime, ClientCredentials: lifetime, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_context, client) => client.clientId.startsWith('gate') },
      revocation: { enabled: true, allowedPolicy: (_context, client, token) => token.clientId === client.clientId },
      resourceIndicators: { enabled: true, defaultResource: () => undefined, getResourceServerInfo: resourceServer },
    },
  });
  provider.on('server_error', (_context, error) => console.error(error));
  return provider;
}

// Where a person would type a password and consent: everybody is `abe` and agrees to everything.
async function signIn(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: 'abe', clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  if (params.resource) grant.addResourceScope(params.resource, 'orders.read');
  const result = { login: { accountId: 'abe' }, consent: { grantId: await grant.save() } };
  await provider.interactionFinished(request, response, result);
}

let provider;
let handler;
const asked = {};

const server = createServer((request, response) => {
  const path = request.url.split('?')[0];
  asked[path] = (asked[path] ?? 0) + 1;
  if (!path.startsWith('/sign-in/')) return handler(request, response);
  return signIn(provider, request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});

function rotate(issuer) {
  const keys = Object.keys(KEYS).map(signingKey);
  provider = newProvider(issuer, keys);
  handler = provider.callback();
  return { kids: keys.map((key) => key.kid) };
}

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  rotate(issuer);
  say({ issuer });
  const commands = createInterface({ input: process.stdin });
  commands.on('line', (line) => {
    if (line === 'rotate') say(rotate(issuer));
    else if (line === 'requests') say(asked);
    else if (line === 'stop') {
      server.close(() => say({}));
      server.closeAllConnections();
    } else if (line === 'resume') server.listen(new URL(issuer).port, '127.0.0.1', () => say({}));
    else say({ error: `unknown command ${line}` });
  });
  commands.on('close', () => process.exit());
});
