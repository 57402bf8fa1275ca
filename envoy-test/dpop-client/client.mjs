// An OAuth client as applications have one, that proves possession of its tokens (RFC 9449): npm `oauth4webapi`.
//
// Reads a command as JSON on each line of its input, and answers with one line of JSON:
//   {"do": "key", "algorithm": "ES256"}                 a new key: {"jkt": its thumbprint}
//   {"do": "request", "method", "url", "token"}         a request with a proof: {"status", "attempts", "body" or "challenges"}
//   {"do": "bearer", "method", "url", "token"}          the same without
// Proofs, thumbprints, nonces and challenges are the library's business alone.

import { createInterface } from 'node:readline';
import * as oauth from 'oauth4webapi';

let dpop;

async function newKey({ algorithm }) {
  const key = await oauth.generateKeyPair(algorithm);
  dpop = oauth.DPoP({ client_id: 'robot' }, key);
  return { jkt: await dpop.calculateThumbprint() };
}

async function request({ method, url, token }, proof) {
  let attempts = 0;
  const options = {
    DPoP: proof,
    [oauth.allowInsecureRequests]: true,
    [oauth.customFetch]: (...args) => {
      attempts += 1;
      return fetch(...args);
    },
  };
  const send = () => oauth.protectedResourceRequest(token, method, new URL(url), new Headers(), null, options);
  try {
    // As the library's examples have it: once more with the nonce that the server asks for.
    const response = await send().catch((error) => {
      if (oauth.isDPoPNonceError(error)) return send();
      throw error;
    });
    return { status: response.status, attempts, body: await response.text() };
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
    return { status: error.status, attempts, challenges: error.cause };
  }
}

const commands = { key: newKey, request: (command) => request(command, dpop), bearer: (command) => request(command) };

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  const answer = await commands[command.do](command).catch((error) => ({ error: `${error} ${error.cause ?? ''}` }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
