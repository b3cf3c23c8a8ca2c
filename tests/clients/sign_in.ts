// Signs up and in with the generated TypeScript client, founds a crew and finds it again.
//   node sign_in.js <url of the server> <directory of its messages>

import { client } from './krugo/client.gen';
import { createCrew, crews, login, signup, signupconfirm } from './krugo/sdk.gen';

// Of Node, what this needs; the program is to type-check without Node's types, as in a browser.
declare const process: { argv: string[]; exit(status: number): never };
declare function require(name: 'node:fs'): {
  readdirSync(directory: string): string[];
  readFileSync(file: string, encoding: 'utf8'): string;
};

const { readdirSync, readFileSync } = require('node:fs');

const password = 'correct horse battery';

/** The code that was sent to a number. */
async function code(outbox: string, to: string): Promise<string> {
  for (let attempt = 0; attempt < 500; attempt++) {
    for (const file of readdirSync(outbox).filter((name) => name.endsWith('.json'))) {
      const message = JSON.parse(readFileSync(`${outbox}/${file}`, 'utf8')) as { to: string; text: string };
      const found = /\b\d{6}\b/.exec(message.text);
      if (message.to === to && found) return found[0];
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`no message to ${to}`);
}

function equal(found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`expected ${right}, found ${left}`);
}

async function main(url: string, outbox: string): Promise<void> {
  client.setConfig({ baseUrl: `${url}/dev` });
  const now = Date.now();
  const username = `ts-${now}`;
  const phone = `+1${now}`;

  await signup({
    body: { username, password, attributes: [{ Name: 'phone_number', Value: phone }] },
    throwOnError: true,
  });
  const confirmationCode = await code(outbox, phone);
  await signupconfirm({ body: { username, password, confirmationCode }, throwOnError: true });
  const { data: signedIn } = await login({ body: { username, password }, throwOnError: true });
  if (!('cognitoSession' in signedIn)) throw new Error(`asked for ${signedIn.challenge}`);
  const me = signedIn.id;

  client.setConfig({ auth: signedIn.cognitoSession.accessToken });
  const founding = () =>
    createCrew({
      body: { name: 'The Wanderers', adminIds: [me] },
      headers: { 'Idempotency-Key': `founding-${now}` },
      throwOnError: true,
    });
  const [first, again] = [await founding(), await founding()];
  equal(again.data, first.data);
  const position = Number(first.response.headers.get('Caravan-Position'));

  const found = await crews({ query: { userId: me }, headers: { 'Caravan-After': position }, throwOnError: true });
  equal(found.data.map((crew) => [crew.id, crew.name]), [[first.data.id, 'The Wanderers']]);
  equal(found.data[0].members[0].userId, me);

  const refused = await crews({ query: { userId: first.data.id } });
  equal(refused.error?.statusCode, 403);
  console.log(`${username} is in ${found.data[0].name}`);
}

main(process.argv[2], process.argv[3]).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
